"""Folds journalled events with the `step` of this version, to hold the stored sprint against them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec

from caloron_actors.domain.effects import Effect
from caloron_actors.domain.events import Event
from caloron_actors.domain.ids import EffectKey
from caloron_actors.domain.sprint.recorded import Recorded, Result, result_of
from caloron_actors.domain.sprint.state import Refused, Sprint, Step
from caloron_actors.domain.sprint.step import step


class Diverged(msgspec.Struct, frozen=True):
    """The event `seq` does not lead to what was recorded of it; what followed was not folded."""

    seq: int
    why: str


@dataclass
class Replayed:
    """A fold. `settled` gives the number of the event that settled an intent, `withdrawn` what was taken back before."""

    sprint: Sprint
    events: int = 0
    promised: dict[EffectKey, Effect] = field(default_factory=dict)
    settled: dict[EffectKey, int] = field(default_factory=dict)
    withdrawn: set[EffectKey] = field(default_factory=set)
    diverged: Diverged | None = None


def replay(snapshot: Sprint, history: Iterable[Recorded]) -> Replayed:
    """Fold `history`, which begins with the event after `snapshot`, up to its end or to where it diverges."""
    fold = Replayed(snapshot)
    for recorded in history:
        why = _fold(fold, recorded)
        if why is not None:
            fold.diverged = Diverged(recorded.seq, f"{recorded.kind}: {why}")
            break
        fold.events += 1
    return fold


def _fold(fold: Replayed, recorded: Recorded) -> str | None:
    """Fold one event; gives why it cannot be."""
    event, follows = recorded.event, fold.sprint.head.seq + 1
    if recorded.seq != follows:
        return f"is number {recorded.seq}, but {follows} follows"
    if event is None:
        return "the event itself is no longer kept"
    if recorded.kind != type(event).__name__:
        return f"the stored event is a {type(event).__name__}"
    try:
        moved = step(fold.sprint, event, recorded.at)
    except Exception as error:  # a row that was tampered with may lead anywhere
        return f"the step fails: {type(error).__name__}: {error}"
    if recorded.settled is not None:
        fold.settled[recorded.settled] = recorded.seq
    return _take(fold, recorded, event, moved)


def _take(fold: Replayed, recorded: Recorded, event: Event, moved: Step | Refused) -> str | None:
    reason = moved.reason if isinstance(moved, Refused) else None
    if reason != recorded.refusal:
        return f"{_verdict(recorded.refusal)} then, and {_verdict(reason)} now"
    if isinstance(moved, Refused):
        # A refused outcome settles its intent, is counted, and changes nothing else.
        head = fold.sprint.head.refusing(recorded.at)
        fold.sprint = replace(fold.sprint, head=head)
        return _unlike(recorded.result, result_of(event, head))
    fold.sprint = moved.sprint
    fold.promised |= {intent.key: intent.effect for intent in moved.intents}
    fold.withdrawn |= {key for key in moved.withdrawn if key not in fold.settled}
    expected = result_of(event, moved.sprint.head, moved.changed, moved.intents, moved.withdrawn)
    return _unlike(recorded.result, expected)


def _verdict(reason: str | None) -> str:
    return "was accepted" if reason is None else f"was refused ({reason})"


def _unlike(stored: Result, expected: Result) -> str | None:
    wrong = [
        f"{name}: recorded {getattr(stored, name)!r}, replayed {getattr(expected, name)!r}"
        for name in Result.__struct_fields__
        if getattr(stored, name) != getattr(expected, name)
    ]
    return "; ".join(wrong) or None
