"""How running git fails. The messages never hold configuration values or environment."""

_LINES = 3


class GitFailed(Exception):
    """Git ended with another status than asked for. `code`: its exit status, negative for a signal.

    `timed_out` tells that it was ended here because it took too long; `stderr` is the end of what it wrote.
    """

    def __init__(self, command: str, code: int, stderr: str, *, timed_out: bool = False) -> None:
        lines = [line.strip() for line in stderr.splitlines() if line.strip()]
        last = "; ".join(lines[-_LINES:]) or f"exit status {code}"
        super().__init__(f"git {command}: {'took too long; ' if timed_out else ''}{last}")
        self.code = code
        self.stderr = stderr
        self.timed_out = timed_out


class GitUnusable(Exception):
    """There is no git on PATH, or it is older than 2.38 (`merge-tree --write-tree`). An operator must act."""
