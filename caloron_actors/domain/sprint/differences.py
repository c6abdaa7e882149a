"""Where two states of one sprint differ, in words for people. Pure."""

from collections.abc import Iterator

import msgspec

from caloron_actors.domain.sprint.state import Sprint


def differences(replayed: Sprint, stored: Sprint) -> list[str]:
    """One line for each field of the head or of a task in which they differ."""
    lines = list(_between("head", replayed.head, stored.head))
    for task in sorted(replayed.tasks.keys() | stored.tasks.keys()):
        lines += _between(f"tasks.{task}", replayed.tasks.get(task), stored.tasks.get(task))
    return lines


def _between(place: str, replayed: msgspec.Struct | None, stored: msgspec.Struct | None) -> Iterator[str]:
    if replayed is None or stored is None:
        if replayed is not stored:
            yield f"{place}: {'is only stored' if replayed is None else 'is not stored'}"
        return
    for name in replayed.__struct_fields__:
        mine, theirs = getattr(replayed, name), getattr(stored, name)
        if mine != theirs:
            yield f"{place}.{name}: replayed {_text(mine)}, stored {_text(theirs)}"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
