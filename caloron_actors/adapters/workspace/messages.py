"""What agents' commit messages must not do: close issues of other tasks when they reach the base branch."""

import re
from pathlib import Path

from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git

# Nothing in it is tried twice: an agent chooses the text, and the whole service waits for the search.
# https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
_CLOSING = re.compile(
    rb"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?:\s*+:)?\s++(?:\S*#\d|GH-\d|https?://\S+/\d)",
    re.IGNORECASE,
)


async def closes_issues(git: Git, mirror: Path, head: Commit, known: tuple[Commit, ...]) -> bool:
    """Whether a message of a commit that `head` has beyond `known` would close an issue. Raises `GitFailed`."""
    beyond = [head, *(f"^{commit}" for commit in known)]
    told = await git.call("rev-list", "--no-commit-header", "--format=%B", *beyond, git_dir=mirror)
    return _CLOSING.search(told) is not None
