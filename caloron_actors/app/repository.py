"""Looking at the operator's repository. It is only ever read."""

import re
from pathlib import Path

import msgspec

from caloron_actors.app.mistakes import mistake
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.ids import is_repository
from caloron_actors.git import Git


class Source(msgspec.Struct, frozen=True):
    """The operator's repository: its top directory, all directories that are part of it, the checked-out branch.

    A linked worktree's repository also has the git directory it is linked to, and the worktree beside that.
    """

    path: Path
    places: tuple[Path, ...]
    branch: str


async def inspect(git: Git, path: Path) -> Source:
    """Look at `path`. Raises `Mistakes` when it is no repository or not one that a sprint can start from."""
    where = f"--repo {path}"
    top = path.absolute()
    if not top.is_dir():
        raise mistake(f"{where}: is no directory; name a git repository")
    git_dir = await _git_dir(git, top)
    if git_dir is None:
        raise mistake(f"{where}: is no git repository; name the top of one")
    kind = await _ask(git, top, "rev-parse", "--show-object-format")
    if kind != "sha1":
        raise mistake(f"{where}: its object format is {kind}; only sha1 repositories can be worked on")
    ref = await _ask(git, top, "symbolic-ref", "--quiet", "HEAD")
    if await _ask(git, top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None:
        raise mistake(f"{where}: has no commit on its checked-out branch; commit something first")
    if ref is None or not ref.startswith("refs/heads/"):
        raise mistake(f"{where}: its HEAD is detached; check a branch out, it becomes the base branch")
    places = (top.resolve(), git_dir, *await _linked_to(git, top))
    return Source(path=top.resolve(), places=places, branch=ref.removeprefix("refs/heads/"))


def repository_name(dag: Dag, source: Source) -> str:
    """What the sprint's repository is called on the embedded forge."""
    if dag.repository is not None:
        return dag.repository
    words = re.sub(r"[^A-Za-z0-9_.-]+", "-", source.path.name).strip(".-").removesuffix(".git")
    name = f"local/{words or 'repository'}"
    return name if is_repository(name) else "local/repository"


def check_base_branch(dag: Dag, source: Source) -> None:
    """Raises `Mistakes` when the plan wants another base branch than the checked-out one."""
    if dag.base_branch is not None and dag.base_branch != source.branch:
        raise mistake(
            f"sprint.base_branch: is {dag.base_branch!r}, but {source.path} has {source.branch!r} checked out;"
            " check the base branch out, or leave the key away"
        )


def check_outside(state: Path, source: Source) -> None:
    """Raises `Mistakes` when the state directory would lie inside the repository."""
    place = state.absolute().resolve()
    for inside in source.places:
        if place == inside or inside in place.parents:
            raise mistake(
                f"--state {state}: lies inside the repository {source.path}; name a place outside it"
            )


async def _git_dir(git: Git, top: Path) -> Path | None:
    """The git directory of the repository whose top `top` is; one further up does not count."""
    marker = top / ".git"
    bare = (top / "HEAD").is_file() and (top / "objects").is_dir()
    if not marker.exists() and not bare:
        return None
    told = await _ask(git, top, "rev-parse", "--absolute-git-dir")
    if told is None:
        return None
    git_dir = Path(told).resolve()
    expected = marker.resolve() if marker.is_dir() else top.resolve() if bare else git_dir
    return git_dir if git_dir == expected else None


async def _linked_to(git: Git, top: Path) -> tuple[Path, ...]:
    told = await _ask(git, top, "rev-parse", "--path-format=absolute", "--git-common-dir")
    if told is None:
        return ()
    common = Path(told).resolve()
    return (common, common.parent) if common.name == ".git" else (common,)


async def _ask(git: Git, top: Path, *args: str) -> str | None:
    done = await git.run(*args, cwd=top)
    return done.stdout.decode(errors="replace").strip() if done.code == 0 else None
