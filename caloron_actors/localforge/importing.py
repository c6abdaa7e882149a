"""Takes a branch over from another repository on this host, which is only read."""

from pathlib import Path

import anyio

from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git, GitFailed
from caloron_actors.localforge.errors import SourceRefused
from caloron_actors.localforge.rows import repositories
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.state import ForgeState

_HOUR_SECONDS = 3600.0


async def import_branch(state: ForgeState, repository: Repository, source: Path, branch: str) -> Commit:
    """Fetch `branch` from `source` unless the repository has it already; give where it stands here.

    The ref is the last thing git sets, so an import that is cut off is done again by asking again.
    Raises `SourceRefused`.
    """
    ref = f"refs/heads/{branch}"
    path = state.path(repository)
    async with state.turn(repository):
        present = await state.git.resolve(path, ref)
        if present is not None:
            return present
        await _check_source(state.git, source)
        await _fetch(state.git, path, source, ref)
        fetched = await state.git.resolve(path, ref)
        if fetched is None:
            raise SourceRefused(f"{source} has no branch {branch}")
        now = state.stamps.now()
        await state.store.write(lambda db: repositories.pushed(db, repository.id, now))
        return fetched


async def _check_source(git: Git, source: Path) -> None:
    if not await anyio.Path(source).is_dir():
        raise SourceRefused(f"{source} is no directory")
    asked = await git.run("rev-parse", "--show-object-format", cwd=source)
    if asked.code != 0:
        raise SourceRefused(f"{source} is no git repository")
    objects = asked.stdout.decode().strip()
    if objects != "sha1":
        raise SourceRefused(f"{source} uses {objects} object names; only sha1 is supported")


async def _fetch(git: Git, path: Path, source: Path, ref: str) -> None:
    try:
        await git.call(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--update-shallow",  # a shallow source stays importable; its boundary comes along
            str(source),
            f"{ref}:{ref}",
            git_dir=path,
            timeout=_HOUR_SECONDS,
        )
    except GitFailed as failed:
        if failed.timed_out:
            raise
        raise SourceRefused(f"{source}: {failed}") from failed
