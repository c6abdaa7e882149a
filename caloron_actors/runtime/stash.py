"""Messages that one incarnation has put aside for later."""

from .errors import MailboxFull, Stashed
from .mailbox import Entry, Mailbox


class Stash:
    """As many as the mailbox holds; what is put back comes before everything else there."""

    __slots__ = ("_aside", "_mailbox", "_path")

    def __init__(self, mailbox: Mailbox, path: str) -> None:
        self._mailbox = mailbox
        self._path = path
        self._aside: list[Entry] = []

    def check(self, entry: Entry | None) -> Stashed:
        """The exception that leaves the handler. Raises MailboxFull, and RuntimeError when nothing is in work."""
        if entry is None:
            raise RuntimeError("there is no message to put aside")
        if len(self._aside) >= self._mailbox.capacity:
            raise MailboxFull(self._path)
        return Stashed()

    def put(self, entry: Entry | None) -> None:
        if entry is not None:
            self._aside.append(entry)

    def put_back(self) -> None:
        """Queue everything in front, in its old order."""
        aside, self._aside = self._aside, []
        self._mailbox.put_back(aside)
