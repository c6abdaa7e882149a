"""Brings rows and refs back in step when the forge is opened: every plan is completed or dropped."""

import shutil
from typing import assert_never

import structlog

from caloron_actors.domain.ids import Commit
from caloron_actors.localforge import following, merging
from caloron_actors.localforge.rows import intents, repositories
from caloron_actors.localforge.rows.intents import CreateRepository, Intent, Merge, Push
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.state import ForgeState
from caloron_actors.ports.errors import StateUnusable

_log = structlog.get_logger(__name__)


async def repair(state: ForgeState) -> None:
    """Settle every plan left over, then let all pull requests follow their branches.

    Raises `StateUnusable` when a repository's directory is missing.
    """
    for intent in await state.store.read(intents.unsettled):
        await _settle(state, intent)
    for repository in await state.store.read(repositories.everyone):
        if not (state.path(repository) / "HEAD").is_file():
            raise StateUnusable(f"{state.path(repository)} is missing or no repository")
        _drop_leftovers(state, repository)
        await following.follow_branches(state, repository)


async def _settle(state: ForgeState, intent: Intent) -> None:
    plan = intent.plan
    _log.info("localforge_repairs", plan=type(plan).__name__)
    match plan:
        case CreateRepository(full_name=full_name):
            # The transaction that adds the row settles the plan, so here the row is missing.
            shutil.rmtree(state.directory.repository(full_name), ignore_errors=True)
            await _drop(state, intent)
        case Merge():
            await _settle_merge(state, intent.id, plan)
        case Push():
            repository = await _repository(state, plan.repository)
            _drop_leftovers(state, repository)
            await following.settle_push(state, repository, intent.id, plan)
        case _:
            assert_never(plan)


async def _settle_merge(state: ForgeState, intent_id: int, plan: Merge) -> None:
    repository = await _repository(state, plan.repository)
    path = state.path(repository)
    stands = await state.git.resolve(path, f"refs/heads/{plan.base_ref}")
    made = await state.git.resolve(path, plan.merge)
    if (
        stands is not None
        and made is not None
        and await state.git.is_ancestor(path, Commit(plan.merge), stands)
    ):
        await merging.complete(state, repository, intent_id, plan)
    else:
        await state.store.write(lambda db: intents.settle(db, intent_id))


async def _drop(state: ForgeState, intent: Intent) -> None:
    await state.store.write(lambda db: intents.settle(db, intent.id))


async def _repository(state: ForgeState, full_name: str) -> Repository:
    found = await state.store.read(lambda db: repositories.by_name(db, full_name))
    if found is None:
        raise StateUnusable(f"a plan names the repository {full_name}, which has no row")
    return found


def _drop_leftovers(state: ForgeState, repository: Repository) -> None:
    # Git leaves these behind when it is killed, and then refuses to touch the ref for ever. Nobody else writes here.
    path = state.path(repository)
    for lock in [*path.glob("*.lock"), *(path / "refs").rglob("*.lock")]:
        lock.unlink(missing_ok=True)
    for pack in [*(path / "objects" / "pack").glob("tmp_*"), *(path / "objects").glob("*incoming-*")]:
        if pack.is_dir():
            shutil.rmtree(pack, ignore_errors=True)
        else:
            pack.unlink(missing_ok=True)
