"""Making the git directory that an agent works with, from nothing and by hand. It is never read as a repository here."""

import shutil
from pathlib import Path

from caloron_actors.adapters.workspace.mirror import ATTRIBUTES, Mirror
from caloron_actors.domain.ids import Commit
from caloron_actors.git import Identity

_CONFIG = """[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logallrefupdates = true
[user]
	name = {name}
	email = {email}
[advice]
	detachedHead = false
[gc]
	auto = 0
[maintenance]
	auto = false
[push]
	default = nothing
"""


def make_git_dir(
    path: Path, mirror: Mirror, *, head: Commit, base: Commit, who: Identity, index: Path
) -> None:
    """Make a git directory at `path`: `head` detached, the base branch as `origin/<base>`, the mirror's objects borrowed.

    `index` is copied: it has to describe the files that stand in the work tree.
    """
    base_ref = f"refs/remotes/origin/{mirror.base_branch}"
    files = {
        "HEAD": f"{head}\n",
        "config": _CONFIG.format(name=who.name, email=who.email),
        "objects/info/alternates": f"{mirror.objects}\n",
        "info/attributes": ATTRIBUTES,
        "info/exclude": "",
        base_ref: f"{base}\n",
        "refs/remotes/origin/HEAD": f"ref: {base_ref}\n",
    }
    for name, content in files.items():
        _write(path / name, content)
    for folder in ("refs/heads", "refs/tags", "objects/pack"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    copy_index(index, path / "index")
    if (mirror.path / "shallow").is_file():
        shutil.copyfile(mirror.path / "shallow", path / "shallow")


def copy_index(index: Path, target: Path) -> None:
    """Copy an index together with its time.

    Git takes a file whose time is that of the index for possibly changed. A copy with a later time would hide a
    change of the same length that was made right after the checkout.
    """
    shutil.copy2(index, target)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
