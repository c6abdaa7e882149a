"""Which texts a request may bring, with GitHub's limits."""

from collections.abc import Sequence

import msgspec

from caloron_actors.localforge.api.problems import invalid

TITLE_LIMIT = 256
BODY_LIMIT = 65_536
LABEL_LIMIT = 50
LABELS_AT_ONCE = 100


class LabelName(msgspec.Struct, frozen=True):
    """A label that is named by an object."""

    name: str


def title(resource: str, text: str) -> str:
    """A title, or 422."""
    if not text.strip():
        raise invalid(resource, "title", "missing_field")
    return _checked(resource, "title", text, TITLE_LIMIT)


def body(resource: str, text: str | None) -> str | None:
    """A body that may be missing, or 422."""
    return None if text is None else _checked(resource, "body", text, BODY_LIMIT)


def comment(resource: str, text: str) -> str:
    """A body that has to say something, or 422."""
    if not text.strip():
        raise invalid(resource, "body", "missing_field", "body can't be blank")
    return _checked(resource, "body", text, BODY_LIMIT)


def label(text: str) -> str:
    """A label's name, or 422."""
    name = _checked("Label", "name", text.strip(), LABEL_LIMIT)
    if not name or not name.isprintable() or "," in name:
        # A comma could not be asked for: lists of labels are separated by it.
        raise invalid("Label", "name")
    return name


def labels(said: Sequence[str | LabelName]) -> list[str]:
    """Labels' names, each once, or 422."""
    if len(said) > LABELS_AT_ONCE:
        raise invalid("Label", "labels", message=f"at most {LABELS_AT_ONCE} labels at once")
    names = [label(each if isinstance(each, str) else each.name) for each in said]
    return list({name.casefold(): name for name in reversed(names)}.values())[::-1]


def _checked(resource: str, field: str, text: str, limit: int) -> str:
    if len(text) > limit:
        raise invalid(resource, field, message=f"{field} is too long (maximum is {limit} characters)")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid(resource, field) from error
    if "\0" in text:
        raise invalid(resource, field, message=f"{field} contains a NUL character")
    return text
