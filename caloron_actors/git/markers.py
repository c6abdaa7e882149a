"""Conflict markers, as git writes them into files."""

_LABELLED = (b"<<<<<<<", b"|||||||", b">>>>>>>")


def marker_lines(content: bytes) -> int:
    """Count the lines that open, divide or close a conflict.

    `=======` is not counted: it underlines headings in some languages, and never stands without the others.
    """
    return sum(_is_marker(line) for line in content.split(b"\n"))


def _is_marker(line: bytes) -> bool:
    return line[:7] in _LABELLED and line[7:8] in (b"", b" ", b"\r")
