"""One HTTP client for GitHub, Gitea and the embedded forge, behind the forge port."""

from caloron_actors.adapters.github._limits import Credential, Limits
from caloron_actors.adapters.github.forge import GitHubForge

__all__ = ["Credential", "GitHubForge", "Limits"]
