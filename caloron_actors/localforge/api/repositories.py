"""Repositories, branches, refs and commits. Nothing here writes."""

import sqlite3

from caloron_actors.domain.ids import Commit
from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.problems import not_found, unprocessable
from caloron_actors.localforge.api.shapes import commit as shapes
from caloron_actors.localforge.api.shapes.repository import RepositoryShape, repository
from caloron_actors.localforge.api.shapes.view import View
from caloron_actors.localforge.commits import (
    EMPTY_TREE,
    CommitRead,
    FileChange,
    count_commits,
    read_changes,
    read_commits,
)
from caloron_actors.localforge.names import is_branch, is_commit
from caloron_actors.localforge.rows import repositories


async def get(call: Call) -> Reply:
    """GET /repos/{owner}/{repo}."""
    return Reply(await call.state.store.read(lambda db: repository(View.of(call, db))))


async def listed(call: Call) -> Reply:
    """GET /user/repos and /users/{login}/repos."""
    login = call.request.path_params.get("login")
    page = call.page()

    def read(db: sqlite3.Connection) -> tuple[int, list[RepositoryShape]]:
        rows = [
            row
            for row in repositories.everyone(db)
            if login is None or row.full_name.partition("/")[0].casefold() == str(login).casefold()
        ]
        shown = rows[page.offset : page.offset + page.size]
        return len(rows), [repository(View(db, call.links, call.account, row)) for row in shown]

    return call.paged(await call.state.store.read(read))


async def branches(call: Call) -> Reply:
    """GET /repos/…/branches."""
    heads = sorted((await call.state.heads(call.repository)).items())
    page = call.page()

    def read(db: sqlite3.Connection) -> list[shapes.BranchShape]:
        view = View.of(call, db)
        shown = heads[page.offset : page.offset + page.size]
        return [shapes.branch(view, name, shapes.tip(view, sha)) for name, sha in shown]

    return call.paged((len(heads), await call.state.store.read(read)))


async def branch(call: Call) -> Reply:
    """GET /repos/…/branches/{branch}."""
    name, sha = await _branch(call)
    read = await _read(call, sha)

    def shape(db: sqlite3.Connection) -> shapes.BranchShape:
        view = View.of(call, db)
        return shapes.branch(view, name, shapes.commit(view, read))

    return Reply(await call.state.store.read(shape))


async def ref(call: Call) -> Reply:
    """GET /repos/…/git/ref/heads/{branch} (and /git/refs/heads/…)."""
    name, sha = await _branch(call)
    return Reply(await call.state.store.read(lambda db: shapes.ref(View.of(call, db), name, sha)))


async def refs(call: Call) -> Reply:
    """GET /repos/…/git/refs and /git/matching-refs/heads/{prefix}."""
    prefix = str(call.request.path_params.get("branch", ""))
    heads = sorted((await call.state.heads(call.repository)).items())
    found = [(name, sha) for name, sha in heads if name.startswith(prefix)]
    page = call.page()

    def read(db: sqlite3.Connection) -> list[shapes.RefShape]:
        view = View.of(call, db)
        shown = found[page.offset : page.offset + page.size]
        return [shapes.ref(view, name, sha) for name, sha in shown]

    return call.paged((len(found), await call.state.store.read(read)))


async def commit(call: Call) -> Reply:
    """GET /repos/…/commits/{ref}: a branch or a full commit name."""
    sha = await _named(call, call.name("ref"))
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {call.name('ref')}")
    read = await _read(call, sha)
    changes = await _changes(call, read)
    return Reply(await call.state.store.read(lambda db: shapes.commit(View.of(call, db), read, changes)))


async def commits(call: Call) -> Reply:
    """GET /repos/…/commits, from `sha` (a branch or a commit; default: the default branch) backwards."""
    start = await _named(call, call.query.get("sha") or call.repository.default_branch)
    if start is None:
        raise not_found()
    path = call.state.path(call.repository)
    page = call.page()
    total = await count_commits(call.state.git, path, start)
    found = await read_commits(call.state.git, path, start, limit=page.size, skip=page.offset)

    def shape(db: sqlite3.Connection) -> list[shapes.CommitShape]:
        view = View.of(call, db)
        return [shapes.commit(view, each) for each in found]

    return call.paged((total, await call.state.store.read(shape)))


async def _branch(call: Call) -> tuple[str, Commit]:
    name = call.name("branch")
    sha = (await call.state.heads(call.repository)).get(name) if is_branch(name) else None
    if sha is None:
        raise not_found()
    return name, sha


async def _named(call: Call, name: str) -> Commit | None:
    git, path = call.state.git, call.state.path(call.repository)
    if is_commit(name):
        return await git.resolve(path, name)
    branch_name = name.removeprefix("refs/").removeprefix("heads/")
    return (await call.state.heads(call.repository)).get(branch_name)


async def _read(call: Call, sha: Commit) -> CommitRead:
    found = await read_commits(call.state.git, call.state.path(call.repository), sha, limit=1)
    if not found:
        raise not_found()
    return found[0]


async def _changes(call: Call, read: CommitRead) -> list[FileChange]:
    old = read.parents[0] if read.parents else EMPTY_TREE
    return await read_changes(call.state.git, call.state.path(call.repository), old, Commit(read.sha))
