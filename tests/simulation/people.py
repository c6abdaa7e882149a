"""The people around a sprint: now and then somebody approves, objects, merges, closes or comments; a stranger meddles."""

from collections.abc import Callable

from caloron_actors.adapters.memory.forge import Human, MemoryForge
from caloron_actors.ports.errors import PortError
from tests.simulation.chance import Chance
from tests.simulation.trouble import Trouble

ACTS = (
    "approve",
    "approve",
    "object",
    "merge",
    "close",
    "comment",
    "quote",
    "stranger",
    "stranger",
    "close_issue",
)


class People:
    """A maintainer who may write, and a stranger who may not."""

    def __init__(self, chance: Chance, forge: MemoryForge, trouble: Trouble) -> None:
        forge.grant("maintainer", "write")
        self._maintainer = forge.as_human("maintainer")
        self._stranger = forge.as_human("stranger")
        self._rules = forge._rules
        self._chance = chance
        self._trouble = trouble

    def act(self) -> None:
        """Do one thing, if there is anything to do it to."""
        acts: dict[str, Callable[[], None]] = {
            "approve": lambda: self._review(self._maintainer, "approve"),
            "object": lambda: self._review(self._maintainer, "request_changes"),
            "merge": self._merge,
            "close": self._close,
            "comment": lambda: self._comment(self._maintainer, "How is it going?"),
            "quote": self._quote,
            "stranger": lambda: self._review(self._stranger, "approve"),
            "close_issue": self._close_issue,
        }
        act = self._chance.pick(ACTS)
        try:
            acts[act]()
        except PortError:
            return
        self._trouble.note(f"human_{act}")

    def end(self) -> None:
        """Close every issue that is still open: the people give up what waits for them."""
        for issue in list(self._rules.issues.values()):
            if issue.state == "open":
                self._maintainer.close_issue(issue.number)

    def _open_pull(self) -> int | None:
        pulls = [pull.number for pull in self._rules.pulls.values() if pull.state == "open"]
        return self._chance.pick(pulls) if pulls else None

    def _review(self, who: Human, verdict: str) -> None:
        number = self._open_pull()
        if number is not None:
            who.review(number, "approve" if verdict == "approve" else "request_changes", "I say so.")

    def _merge(self) -> None:
        number = self._open_pull()
        if number is not None:
            self._maintainer.merge(number)

    def _close(self) -> None:
        number = self._open_pull()
        if number is not None:
            self._maintainer.close_pull_request(number)

    def _comment(self, who: Human, words: str) -> None:
        if self._rules.comments:
            who.comment(self._chance.pick(list(self._rules.comments)), words)

    def _quote(self) -> None:
        """Say again what stands there, hidden marks and all."""
        for number, comments in self._rules.comments.items():
            for comment in comments[:1]:
                self._stranger.comment(number, comment.body)
        for issue in list(self._rules.issues.values())[:1]:
            self._stranger.open_issue(issue.title, issue.body)

    def _close_issue(self) -> None:
        numbers = [issue.number for issue in self._rules.issues.values() if issue.state == "open"]
        if numbers:
            self._maintainer.close_issue(self._chance.pick(numbers))
