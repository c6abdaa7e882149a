"""Whether the stored intents are what the journalled events have made of them."""

from collections.abc import Iterator, Mapping, Sequence

from caloron_actors.adapters.sqlite.codec import to_text
from caloron_actors.adapters.sqlite.reading import StoredIntent
from caloron_actors.domain.ids import EffectKey
from caloron_actors.domain.sprint.recorded import Recorded
from caloron_actors.domain.sprint.replay import Replayed

Stored = Mapping[EffectKey, StoredIntent]


def unkept(fold: Replayed, first: int, last: int, stored: Stored) -> Iterator[str]:
    """Where intents differ from what replaying the events from `first` to `last` says of them."""
    for key, effect in fold.promised.items():
        row = stored.get(key)
        if row is None:
            yield f"intent {key}: was promised, and is not stored"
        elif row.body is not None and row.body != to_text(effect):
            yield f"intent {key}: replayed {to_text(effect)}, stored {row.body}"
    for key in fold.settled.keys() - stored.keys():
        yield f"intent {key}: was settled, and is not stored"
    for key, row in stored.items():
        if row.settled is None or first <= row.settled <= last:
            by = fold.settled.get(key)
            if by != row.settled:
                yield f"intent {key}: replayed settled by event {by}, stored by {row.settled}"
        over_before = row.settled is not None and row.settled < first
        if key in fold.withdrawn and not row.unwanted and not over_before:
            yield f"intent {key}: was withdrawn, and is stored as wanted"


def unexplained(events: Sequence[Recorded], stored: Stored) -> Iterator[str]:
    """What intents are without any event having made them so; `events` are all of the sprint."""
    promised = {key for event in events for key in event.result.promised}
    withdrawn = {key for event in events for key in event.result.withdrawn}
    for key, row in stored.items():
        if key not in promised:
            yield f"intent {key}: is stored, and no event has promised it"
        if row.unwanted and key not in withdrawn:
            yield f"intent {key}: is stored as withdrawn, and no event has withdrawn it"
        if (row.settled is not None) != (row.state == "settled"):
            yield f"intent {key}: is stored as {row.state}, settled by event {row.settled}"
        if row.state == "withdrawn" and not row.unwanted:
            yield f"intent {key}: is stored as withdrawn and as wanted"
