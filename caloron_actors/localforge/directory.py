"""Where the forge's files lie: the database, the bare repositories, one token file per account."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

TOKEN_LIMIT = 512


class Directory:
    """The forge's directory and everything in it, private to this user."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.database = self.root / "forge.db"
        self.repositories = self.root / "repositories"
        self.tokens = self.root / "tokens"

    def prepare(self) -> None:
        """Make the directories that are missing, and keep others out of them."""
        for path in (self.root, self.repositories, self.tokens):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
        for left in self.tokens.glob(".new-*"):
            left.unlink()

    def repository(self, full_name: str) -> Path:
        """The path of the bare repository `owner/name`."""
        return self.repositories / f"{full_name}.git"

    def token(self, login: str, mint: Callable[[], str]) -> str:
        """The token of an account: what its file holds, else a new one, durable before it is given out."""
        path = self.tokens / login
        try:
            held = path.read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            held = ""
        if held and len(held) <= TOKEN_LIMIT:
            return held
        token = mint()
        _write_private(path, token)
        return token


def _write_private(path: Path, text: str) -> None:
    # mkstemp gives mode 0600 from the start; the rename makes it all or nothing.
    number, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    with os.fdopen(number, "w", encoding="ascii") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
