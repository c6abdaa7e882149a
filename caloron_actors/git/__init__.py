"""The only place that runs git: a pinned environment, typed results, nothing left behind when cancelled."""

from caloron_actors.git.commands import Git
from caloron_actors.git.environment import Surroundings
from caloron_actors.git.errors import GitFailed, GitUnusable
from caloron_actors.git.markers import marker_lines
from caloron_actors.git.process import Finished, Stream
from caloron_actors.git.results import Identity, TreeConflict, TreeMerged, shown_path

__all__ = [
    "Git",
    "Surroundings",
    "Finished",
    "Stream",
    "GitFailed",
    "GitUnusable",
    "Identity",
    "TreeMerged",
    "TreeConflict",
    "shown_path",
    "marker_lines",
]
