"""The command line: arguments to a call, and a call's outcome to an exit code. No decisions."""

from caloron_actors.cli.main import main

__all__ = ["main"]
