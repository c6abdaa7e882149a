"""The journal on SQLite, and the state directory it lives in."""

from caloron_actors.adapters.sqlite.directory import StateDirectory
from caloron_actors.adapters.sqlite.journal import SqliteJournal

__all__ = ["SqliteJournal", "StateDirectory"]
