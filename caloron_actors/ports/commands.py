"""How an agent's process is started: its command line and its environment."""

from collections.abc import Mapping

import msgspec

from caloron_actors.domain.ids import AgentId

Argv = tuple[str, ...]


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """The commands of one sprint, by agent; `argv[0]` is absolute. `environ` is what every agent inherits."""

    authors: Mapping[AgentId, Argv]
    reviewers: Mapping[AgentId, Argv]
    environ: Mapping[str, str]
