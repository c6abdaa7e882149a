"""Pull requests: listing, opening, reading and changing them."""

import sqlite3

import msgspec

from caloron_actors.domain.ids import Commit
from caloron_actors.localforge.api import texts
from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.issues import IssueChange, apply_change
from caloron_actors.localforge.api.problems import custom, invalid
from caloron_actors.localforge.api.shapes import commit as commit_shapes
from caloron_actors.localforge.api.shapes.pull import (
    PullShape,
    WholePullShape,
    pull_request,
    whole_pull_request,
)
from caloron_actors.localforge.api.shapes.view import View
from caloron_actors.localforge.commits import count_commits, read_commits
from caloron_actors.localforge.following import follow_branches
from caloron_actors.localforge.names import is_branch
from caloron_actors.localforge.pull_facts import merge_base, pull_changes, pull_facts
from caloron_actors.localforge.rows import issues, pulls

_DIFF_TYPES = ("application/vnd.github.diff", "application/vnd.github.v3.diff")


class NewPull(msgspec.Struct, frozen=True):
    """A pull request to open."""

    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False


class PullChange(IssueChange, frozen=True):
    """What to change; what is missing stays."""

    base: str | msgspec.UnsetType = msgspec.UNSET


async def listed(call: Call) -> Reply:
    """GET /repos/…/pulls. `head` is `owner:branch`; without an owner it is ignored, as on GitHub."""
    await follow_branches(call.state, call.repository)
    owner, colon, head = call.query.get("head", "").partition(":")
    foreign = bool(colon) and owner.casefold() != call.repository.full_name.partition("/")[0].casefold()
    wanted = pulls.Wanted(
        state=call.word("state", ("open", "closed", "all")),
        head=None if not colon else head,
        base=call.query.get("base") or None,
        sort=call.word("sort", ("created", "updated")),
        direction=call.word("direction", ("desc", "asc")),
    )
    page = call.page()

    def read(db: sqlite3.Connection) -> tuple[int, list[PullShape]]:
        view = View.of(call, db)
        if foreign:
            return 0, []
        total, rows = pulls.listed(db, call.repository.id, wanted, page.size, page.offset)
        return total, [pull_request(view, issues.by_id(db, row.issue_id), row) for row in rows]

    return call.paged(await call.state.store.read(read))


async def create(call: Call) -> Reply:
    """POST /repos/…/pulls, for who may write."""
    new = await call.content(NewPull)
    title, body = texts.title("PullRequest", new.title), texts.body("PullRequest", new.body)
    await call.state.store.read(call.need_write)
    head, base = await _ends(call, new)

    def write(db: sqlite3.Connection) -> tuple[issues.Issue, pulls.Pull]:
        if pulls.open_between(db, call.repository.id, head[0], base[0]):
            owner = call.repository.full_name.partition("/")[0]
            raise custom("PullRequest", f"A pull request already exists for {owner}:{head[0]}.")
        row = issues.create(
            db, call.repository.id, call.account.id, title=title, body=body, now=call.now, is_pull=True
        )
        return row, pulls.create(db, row.id, head, base, draft=new.draft)

    issue, pull = await call.state.store.write(write)
    made = await _whole(call, issue, pull)
    return Reply(made, status=201, headers={"location": made.url})


async def get(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}; its unified diff where the client accepts that."""
    issue, pull = await current(call)
    if call.request.headers.get("accept", "").partition(",")[0].strip().lower() in _DIFF_TYPES:
        start = await merge_base(call.state, call.repository, pull)
        diff = await call.state.git.diff(call.state.path(call.repository), start, Commit(pull.head_sha))
        return Reply(diff, media_type="application/vnd.github.diff; charset=utf-8")
    return Reply(await _whole(call, issue, pull))


async def change(call: Call) -> Reply:
    """PATCH /repos/…/pulls/{number}, for its author and those who may write."""
    asked = await call.content(PullChange)
    await follow_branches(call.state, call.repository)
    heads = await call.state.heads(call.repository)

    def write(db: sqlite3.Connection) -> tuple[issues.Issue, pulls.Pull]:
        row, pull = call.pull(db)
        call.need_write(db, unless_author=row.author_id)
        if asked.state == "open" and not pull.is_open and {pull.head_ref, pull.base_ref} - heads.keys():
            raise custom("PullRequest", "state cannot be changed. A branch was deleted.")
        if asked.base is not msgspec.UNSET and asked.base != pull.base_ref:
            _set_base(call, db, pull, (asked.base, heads.get(asked.base)))
        apply_change(call, db, row, asked)
        return call.pull(db)

    await call.state.store.write(write)
    return Reply(await _whole(call, *await current(call)))


async def files(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}/files."""
    _, pull = await current(call)
    changes = await pull_changes(call.state, call.repository, pull)
    page = call.page()

    def read(db: sqlite3.Connection) -> list[commit_shapes.FileShape]:
        view = View.of(call, db)
        shown = changes[page.offset : page.offset + page.size]
        return [commit_shapes.file(view, pull.head_sha, each) for each in shown]

    return call.paged((len(changes), await call.state.store.read(read)))


async def commits(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}/commits, oldest first."""
    _, pull = await current(call)
    path, span = call.state.path(call.repository), f"{pull.base_sha}..{pull.head_sha}"
    page = call.page()
    total = await count_commits(call.state.git, path, span)
    found = await read_commits(
        call.state.git, path, "--reverse", "--topo-order", span, limit=total or 1, skip=0
    )

    def read(db: sqlite3.Connection) -> list[commit_shapes.CommitShape]:
        view = View.of(call, db)
        return [commit_shapes.commit(view, each) for each in found[page.offset : page.offset + page.size]]

    return call.paged((total, await call.state.store.read(read)))


async def current(call: Call) -> tuple[issues.Issue, pulls.Pull]:
    """The pull request that the path names, as its branches stand now."""
    await call.state.store.read(call.pull)
    await follow_branches(call.state, call.repository)
    return await call.state.store.read(call.pull)


async def _whole(call: Call, issue: issues.Issue, pull: pulls.Pull) -> WholePullShape:
    facts = await pull_facts(call.state, call.repository, pull)
    return await call.state.store.read(
        lambda db: whole_pull_request(View.of(call, db), issues.by_id(db, issue.id), pull, facts)
    )


async def _ends(call: Call, new: NewPull) -> tuple[tuple[str, Commit], tuple[str, Commit]]:
    owner, colon, name = new.head.partition(":")
    head = name if colon else new.head
    if colon and owner.casefold() != call.repository.full_name.partition("/")[0].casefold():
        raise invalid("PullRequest", "head")
    heads = await call.state.heads(call.repository)
    for field, branch in (("head", head), ("base", new.base)):
        if not is_branch(branch) or branch not in heads:
            raise invalid("PullRequest", field)
    git, path = call.state.git, call.state.path(call.repository)
    tip, target = heads[head], heads[new.base]
    if await git.is_ancestor(path, tip, target):
        raise custom("PullRequest", f"No commits between {new.base} and {head}")
    if await git.merge_base(path, tip, target) is None:
        raise custom("PullRequest", f"The {head} branch has no history in common with {new.base}")
    return (head, tip), (new.base, target)


def _set_base(call: Call, db: sqlite3.Connection, pull: pulls.Pull, base: tuple[str, Commit | None]) -> None:
    name, sha = base
    if sha is None or not is_branch(name):
        raise invalid("PullRequest", "base")
    if not pull.is_open:
        raise custom("PullRequest", "Cannot change the base branch of a closed pull request.")
    if name == pull.head_ref or pulls.open_between(db, call.repository.id, pull.head_ref, name):
        raise custom("PullRequest", f"A pull request already exists for base branch '{name}'.")
    pulls.set_base(db, pull, call.account.id, (name, sha), call.now)
