"""Merges pull requests: rows, commit and ref in step, each merge one plan that is completed or dropped."""

import sqlite3
from typing import Literal

import anyio
import msgspec

from caloron_actors.domain.ids import Commit
from caloron_actors.git import GitFailed, Identity, TreeConflict, TreeMerged
from caloron_actors.localforge.closing import closed_by_body, closed_by_message
from caloron_actors.localforge.following import close_issues, follow_in_turn
from caloron_actors.localforge.rows import accounts, intents, issues, pulls, repositories
from caloron_actors.localforge.rows.accounts import Account
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.stamps import parsed
from caloron_actors.localforge.state import ForgeState

MAIL_DOMAIN = "users.noreply.localforge.invalid"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A merge as asked for. `head`: merge only this commit; `title` and `message` of the commit have defaults."""

    number: int
    actor: Account
    method: Literal["merge", "squash"] = "merge"
    head: str | None = None
    title: str | None = None
    message: str | None = None


class Merged(msgspec.Struct, frozen=True, tag=True):
    """The pull request is merged; `commit` is on the base branch."""

    commit: str


class HeadMoved(msgspec.Struct, frozen=True, tag=True):
    """The head, or the base while merging, is not what was asked for. Nothing was merged."""

    message: str


class NotMergeable(msgspec.Struct, frozen=True, tag=True):
    """A closed pull request, a draft, a conflict. Nothing was merged."""

    message: str


MergeOutcome = Merged | HeadMoved | NotMergeable


async def merge(state: ForgeState, repository: Repository, order: Order) -> MergeOutcome:
    """Merge a pull request that exists. Of merges at the same time exactly one is done."""
    async with state.turn(repository):
        await follow_in_turn(state, repository, actor_id=None)
        issue, pull = await state.store.read(lambda db: _read(db, repository, order.number))
        refused = _refusal(pull, order)
        if refused is not None:
            return refused
        commit = await _commit(state, repository, issue, pull, order)
        if isinstance(commit, NotMergeable):
            return commit
        plan = intents.Merge(
            repository=repository.full_name,
            issue_id=issue.id,
            actor_id=order.actor.id,
            base_ref=pull.base_ref,
            base=pull.base_sha,
            head=pull.head_sha,
            merge=commit,
            closes=await _closes(state, repository, issue, pull, commit),
            at=state.stamps.now(),
        )
        moved: HeadMoved | None = None
        # A client that goes away leaves no plan half done.
        with anyio.CancelScope(shield=True):
            moved = await _carry_out(state, repository, plan)
        return moved or Merged(commit)


async def complete(state: ForgeState, repository: Repository, intent_id: int, plan: intents.Merge) -> None:
    """Write the rows of a merge whose ref stands, and settle its plan."""

    def record(db: sqlite3.Connection) -> None:
        pull = pulls.of_issue(db, plan.issue_id)
        if pull.merged_at is None:
            pulls.merged(
                db,
                pull,
                plan.actor_id,
                plan.at,
                head_sha=plan.head,
                base_sha=plan.base,
                merge_sha=plan.merge,
            )
        close_issues(db, repository, plan.closes, plan.actor_id, plan.at, commit=plan.merge)
        repositories.pushed(db, repository.id, plan.at)
        intents.settle(db, intent_id)

    await state.store.write(record)


def _read(db: sqlite3.Connection, repository: Repository, number: int) -> tuple[issues.Issue, pulls.Pull]:
    issue = issues.by_number(db, repository.id, number)
    if issue is None:
        raise LookupError(f"no pull request {number}")
    return issue, pulls.of_issue(db, issue.id)


def _refusal(pull: pulls.Pull, order: Order) -> HeadMoved | NotMergeable | None:
    if pull.merged_at is not None or not pull.is_open:
        return NotMergeable("Pull Request is not mergeable")
    if order.head is not None and order.head != pull.head_sha:
        return HeadMoved("Head branch was modified. Review and try the merge again.")
    if pull.draft:
        return NotMergeable("Pull Request is still a draft")
    return None


async def _commit(
    state: ForgeState, repository: Repository, issue: issues.Issue, pull: pulls.Pull, order: Order
) -> Commit | NotMergeable:
    path = state.path(repository)
    base, head = Commit(pull.base_sha), Commit(pull.head_sha)
    match await state.git.merge_tree(path, base, head):
        case TreeConflict():
            return NotMergeable("Pull Request is not mergeable")
        case TreeMerged(tree=tree):
            return await state.git.commit_tree(
                path,
                tree,
                [base, head] if order.method == "merge" else [base],
                _message(repository, issue, pull, order),
                identity=Identity(order.actor.login, f"{order.actor.id}+{order.actor.login}@{MAIL_DOMAIN}"),
                when=parsed(state.stamps.now()),
            )


def _message(repository: Repository, issue: issues.Issue, pull: pulls.Pull, order: Order) -> str:
    owner = repository.full_name.partition("/")[0]
    if order.method == "merge":
        title = order.title or f"Merge pull request #{issue.number} from {owner}/{pull.head_ref}"
        body = issue.title if order.message is None else order.message
    else:
        title = order.title or f"{issue.title} (#{issue.number})"
        body = order.message or ""
    return f"{title}\n\n{body}".rstrip() + "\n"


async def _carry_out(state: ForgeState, repository: Repository, plan: intents.Merge) -> HeadMoved | None:
    intent_id = await state.store.write(lambda db: intents.begin(db, plan))
    ref = f"refs/heads/{plan.base_ref}"
    try:
        await state.git.update_ref(state.path(repository), ref, Commit(plan.merge), Commit(plan.base))
    except GitFailed:
        await state.store.write(lambda db: intents.settle(db, intent_id))
        return HeadMoved("Base branch was modified. Review and try the merge again.")
    await complete(state, repository, intent_id, plan)
    return None


async def _closes(
    state: ForgeState, repository: Repository, issue: issues.Issue, pull: pulls.Pull, commit: Commit
) -> tuple[int, ...]:
    if pull.base_ref != repository.default_branch:
        return ()
    messages = await state.messages(repository, pull.base_sha, commit)
    found = closed_by_body(issue.body or "", repository.full_name)
    return tuple(dict.fromkeys([*found, *closed_by_message(messages, repository.full_name)]))


def author_of(db: sqlite3.Connection, email: str) -> Account | None:
    """The account whose merges carry this address."""
    local, _, domain = email.partition("@")
    return accounts.by_login(db, local.partition("+")[2]) if domain == MAIL_DOMAIN else None
