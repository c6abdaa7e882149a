"""What the operator may set: read from a TOML file and `CALORON_*` variables, checked, and given as one value.

Reads the one file it is told to read and nothing else; a command line's flags are the caller's to put on top.
"""

from caloron_actors.settings.load import load_settings
from caloron_actors.settings.sections import Agents, Forge, Http, Log, Settings, State, variable
from caloron_actors.settings.values import SettingsError, default_state_directory

__all__ = [
    "Settings",
    "State",
    "Http",
    "Agents",
    "Forge",
    "Log",
    "SettingsError",
    "load_settings",
    "default_state_directory",
    "variable",
]
