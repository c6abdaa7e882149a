"""The embedded forge: GitHub's REST dialect over bare git repositories and one SQLite file. For app.py alone."""

from caloron_actors.localforge.errors import NameRefused, SourceRefused
from caloron_actors.localforge.forge import LocalForge

__all__ = ["LocalForge", "NameRefused", "SourceRefused"]
