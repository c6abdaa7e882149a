"""The workspace port over real git. Nothing that an agent wrote is ever run or read as configuration here."""

from caloron_actors.adapters.workspace.remote import Remote
from caloron_actors.adapters.workspace.workspace import GitWorkspace

__all__ = ["GitWorkspace", "Remote"]
