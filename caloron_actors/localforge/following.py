"""Lets open pull requests follow their branches, whoever moved those, and settles pushes.

GitHub's rules: a deleted branch closes; commits that arrive in the base by themselves mean merged; a head without
commits of its own closes.
"""

import sqlite3
from typing import Literal, assert_never

import msgspec

from caloron_actors.domain.ids import Commit
from caloron_actors.localforge.closing import closed_by_body, closed_by_message
from caloron_actors.localforge.rows import events, intents, issues, pulls, repositories
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.state import ForgeState


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What the branches say of one open pull request."""

    pull: pulls.Pull
    head: Commit
    base: Commit
    outcome: Literal["open", "closed", "merged"]
    forced: bool = False


async def follow_branches(state: ForgeState, repository: Repository) -> None:
    """Bring the rows of open pull requests up to where the branches stand. Cheap when nothing moved."""
    if await _stale(state, repository):
        async with state.turn(repository):
            await follow_in_turn(state, repository, actor_id=None)


async def follow_in_turn(state: ForgeState, repository: Repository, actor_id: int | None) -> None:
    """The same for who holds the repository's turn; `actor_id` is who moved the branches, if known."""
    moved = [await _moved(state, repository, *found) for found in await _stale(state, repository)]
    if moved:
        now = state.stamps.now()
        await state.store.write(lambda db: _record(db, repository, moved, actor_id, now))


async def settle_push(state: ForgeState, repository: Repository, intent_id: int, plan: intents.Push) -> None:
    """Bring the rows up to a push that has ended, however it ended. The caller holds the repository's turn."""
    await follow_in_turn(state, repository, plan.actor_id)
    default = (await state.heads(repository)).get(repository.default_branch)
    closes: list[int] = []
    if default is not None and default != plan.default_before:
        messages = await state.messages(repository, plan.default_before, default)
        closes = closed_by_message(messages, repository.full_name)
    now = state.stamps.now()

    def settle(db: sqlite3.Connection) -> None:
        close_issues(db, repository, closes, plan.actor_id, now, commit=default)
        repositories.pushed(db, repository.id, now)
        intents.settle(db, intent_id)

    await state.store.write(settle)


def close_issues(
    db: sqlite3.Connection,
    repository: Repository,
    numbers: list[int] | tuple[int, ...],
    actor_id: int | None,
    now: str,
    *,
    commit: str | None,
) -> None:
    """Close those of the numbers that are open issues, as completed. Keywords close no pull requests."""
    for number in numbers:
        issue = issues.by_number(db, repository.id, number)
        if issue is not None and not issue.is_pull and issue.state == "open":
            issues.close(db, issue, actor_id, now, reason="completed", commit=commit)


async def _stale(
    state: ForgeState, repository: Repository
) -> list[tuple[pulls.Pull, Commit | None, Commit | None]]:
    open_pulls = await state.store.read(lambda db: pulls.all_open(db, repository.id))
    if not open_pulls:
        return []
    heads = await state.heads(repository)
    found = [(pull, heads.get(pull.head_ref), heads.get(pull.base_ref)) for pull in open_pulls]
    return [
        (pull, head, base) for pull, head, base in found if (head, base) != (pull.head_sha, pull.base_sha)
    ]


async def _moved(
    state: ForgeState, repository: Repository, pull: pulls.Pull, head: Commit | None, base: Commit | None
) -> Moved:
    if head is None or base is None:
        gone_head, gone_base = Commit(pull.head_sha), Commit(pull.base_sha)
        return Moved(pull=pull, head=head or gone_head, base=base or gone_base, outcome="closed")
    path = state.path(repository)
    forced = head != pull.head_sha and not await state.git.is_ancestor(path, Commit(pull.head_sha), head)
    if not await state.git.is_ancestor(path, head, base):
        return Moved(pull=pull, head=head, base=base, outcome="open", forced=forced)
    was_there = await state.git.is_ancestor(path, head, Commit(pull.base_sha))
    return Moved(pull=pull, head=head, base=base, outcome="closed" if was_there else "merged", forced=forced)


def _record(
    db: sqlite3.Connection, repository: Repository, moved: list[Moved], actor_id: int | None, now: str
) -> None:
    for change in moved:
        pull = change.pull
        if change.forced:
            events.add(db, pull.issue_id, actor_id, "head_ref_force_pushed", now, commit=change.head)
        match change.outcome:
            case "open":
                pulls.follow(db, pull, change.head, change.base, now)
            case "closed":
                pulls.follow(db, pull, change.head, change.base, now)
                issues.close(db, issues.by_id(db, pull.issue_id), actor_id, now, reason=None)
            case "merged":
                _record_merged(db, repository, change, actor_id, now)
            case _:
                assert_never(change.outcome)


def _record_merged(
    db: sqlite3.Connection, repository: Repository, change: Moved, actor_id: int | None, now: str
) -> None:
    pull = change.pull
    pulls.merged(
        db,
        pull,
        actor_id,
        now,
        head_sha=change.head,
        base_sha=pull.base_sha,
        merge_sha=change.base,
    )
    if pull.base_ref == repository.default_branch:
        body = issues.by_id(db, pull.issue_id).body or ""
        closes = closed_by_body(body, repository.full_name)
        close_issues(db, repository, closes, actor_id, now, commit=change.base)
