"""Values to the JSON text of their columns and back. Reading back checks every type again."""

from pathlib import Path
from typing import TypeVar

import msgspec

from caloron_actors.adapters.sqlite.trouble import refused
from caloron_actors.domain.effects import Effect
from caloron_actors.domain.events import Event
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint.recorded import Result
from caloron_actors.domain.sprint.state import SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import Rejected

T = TypeVar("T")


class Snapshot(msgspec.Struct, frozen=True):
    """A sprint before the first event of a segment; its plan never changes."""

    head: SprintHead
    tasks: tuple[Task, ...]


PLAN = msgspec.json.Decoder(SprintPlan)
HEAD = msgspec.json.Decoder(SprintHead)
TASK = msgspec.json.Decoder(Task)
EVENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
EFFECT: msgspec.json.Decoder[Effect] = msgspec.json.Decoder(Effect)
NOW = msgspec.json.Decoder(Now)
RESULT = msgspec.json.Decoder(Result)
SNAPSHOT = msgspec.json.Decoder(Snapshot)

_ENCODER = msgspec.json.Encoder()


def to_text(value: SprintPlan | SprintHead | Task | Event | Effect | Now | Result) -> str:
    """The column's text. Raises `Rejected` for a value that JSON cannot hold, such as half a surrogate pair."""
    try:
        return _ENCODER.encode(value).decode()
    except (UnicodeEncodeError, ValueError) as error:
        raise Rejected(f"{type(value).__name__} cannot be stored: {error}") from error


def from_text(decoder: msgspec.json.Decoder[T], text: str, path: Path) -> T:
    """The value in a column of the file at `path`. Raises `StateUnusable` when this program did not write it so."""
    try:
        return decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise refused(path, f"holds a row that cannot be read ({error})") from error
