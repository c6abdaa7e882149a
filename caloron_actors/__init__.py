"""An actor supervisor for sprints of autonomous coding agents."""

__version__ = "0.1.0"
