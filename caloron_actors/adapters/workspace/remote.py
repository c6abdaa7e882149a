"""The forge's repository as git reaches it: its address, its credential, and what its refusals mean."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from caloron_actors.git import GitFailed
from caloron_actors.ports.errors import NotFound, PortError, Rejected, Unauthorized, Unavailable

_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")
_UNAUTHORIZED = (
    "authentication failed",
    "could not read username",
    "error: 401",
    "error: 403",
    "permission denied",
)
_MISSING = (
    "couldn't find remote ref",
    "not found",
    "does not appear to be a git repository",
    "does not exist",
)
_TRANSIENT = ("unpacker error", "failed to update ref", "cannot lock ref", "internal server error")
_UNREACHED = ("failed to connect", "connection refused", "could not resolve host")
_REFUSED = ("[rejected]", "[remote rejected]", "protected branch", "not our ref")


@dataclass(frozen=True)
class Remote:
    """Where the forge's repository is. The token never becomes part of an address, an argument or a message.

    `address` is a URL or an absolute path; `user` goes with the token (forges that know tokens ignore it). `env` has
    what the network needs (proxies, certificate files), as git and curl name it.
    """

    address: str
    token: str = field(default="", repr=False)
    user: str = "caloron"
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def config(self) -> list[tuple[str, str]]:
        """Configuration for a command that talks to the forge; secret when there is a token."""
        pairs = [("http.lowSpeedLimit", "100"), ("http.lowSpeedTime", "60")]
        if self.token:
            word = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
            # A header set here would follow a redirect to another host.
            pairs += [("http.followRedirects", "false")]
            pairs += [(f"http.{self.address}.extraHeader", f"Authorization: Basic {word}")]
        return pairs


def checked_branch(name: str) -> str:
    """Give `name` when git accepts it as a branch's. Raises `Rejected`."""
    parts = name.split("/")
    broken = any(not part or part.startswith(".") or part.endswith((".lock", ".")) for part in parts)
    if (
        broken
        or not _BRANCH.fullmatch(name)
        or name.startswith("-")
        or ".." in name
        or "@{" in name
        or name == "@"
    ):
        raise Rejected(f"not a branch name: {name!r}")
    return name


def refusal(failed: GitFailed, *, ambiguous: bool) -> PortError:
    """What a failed conversation with the forge means for whoever asked. `ambiguous`: the forge was asked to change."""
    text = failed.stderr.lower()
    ambiguous = ambiguous and not any(word in text for word in _UNREACHED)
    if failed.timed_out or any(word in text for word in _TRANSIENT):
        return Unavailable(str(failed), ambiguous=ambiguous)
    if any(word in text for word in _UNAUTHORIZED):
        return Unauthorized(str(failed))
    if any(word in text for word in _REFUSED):
        return Rejected(str(failed))
    if any(word in text for word in _MISSING):
        return NotFound(str(failed))
    return Unavailable(str(failed), ambiguous=ambiguous)
