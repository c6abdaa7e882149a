"""Agents as real processes: run directories, launching, adoption, stopping. Implements `ports.launcher.Launcher`."""

from caloron_actors.adapters.process.launcher import ProcessLauncher
from caloron_actors.adapters.process.limits import HarnessLimits

__all__ = ["HarnessLimits", "ProcessLauncher"]
