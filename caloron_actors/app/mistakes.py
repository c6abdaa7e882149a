"""What is said to a user whose input cannot be used."""

from collections.abc import Sequence


class Mistakes(Exception):
    """Bad input or usage. Each line names the place and the remedy; nothing was created and nothing overwritten."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def mistake(line: str) -> Mistakes:
    """One mistake."""
    return Mistakes([line])
