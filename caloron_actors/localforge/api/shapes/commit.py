"""Commits, files, branches and refs as GitHub shows them."""

import msgspec

from caloron_actors.localforge.api.shapes.user import User, user
from caloron_actors.localforge.api.shapes.view import View, node_id
from caloron_actors.localforge.commits import CommitRead, FileChange, Signature
from caloron_actors.localforge.merging import author_of


class Person(msgspec.Struct, frozen=True):
    """Who wrote a commit, and when."""

    name: str
    email: str
    date: str


class Named(msgspec.Struct, frozen=True):
    """An object of the repository."""

    sha: str
    url: str


class Parent(msgspec.Struct, frozen=True):
    """A parent commit."""

    sha: str
    url: str
    html_url: str


class Verification(msgspec.Struct, frozen=True):
    """Signatures are not checked here."""

    verified: bool = False
    reason: str = "unsigned"
    signature: None = None
    payload: None = None
    verified_at: None = None


class GitCommit(msgspec.Struct, frozen=True, kw_only=True):
    """The commit object itself."""

    author: Person
    committer: Person
    message: str
    tree: Named
    url: str
    comment_count: int = 0
    verification: Verification = Verification()


class Stats(msgspec.Struct, frozen=True):
    """Changed lines."""

    total: int
    additions: int
    deletions: int


class FileShape(msgspec.Struct, frozen=True, kw_only=True):
    """One changed file. `patch` is missing for binary files and mere renames."""

    sha: str | None
    filename: str
    status: str
    additions: int
    deletions: int
    changes: int
    blob_url: str
    raw_url: str
    contents_url: str
    patch: str | msgspec.UnsetType
    previous_filename: str | msgspec.UnsetType


class CommitShape(msgspec.Struct, frozen=True, kw_only=True):
    """A commit. `stats` and `files` are told only of a commit by itself."""

    sha: str
    node_id: str
    commit: GitCommit
    url: str
    html_url: str
    comments_url: str
    author: User | None
    committer: User | None
    parents: list[Parent]
    stats: Stats | msgspec.UnsetType = msgspec.UNSET
    files: list[FileShape] | msgspec.UnsetType = msgspec.UNSET


def commit(view: View, read: CommitRead, changes: list[FileChange] | None = None) -> CommitShape:
    """A commit; with what it changed where that is given."""
    url = f"{view.api}/commits/{read.sha}"
    tree = Named(read.tree, f"{view.api}/git/trees/{read.tree}")
    stats: Stats | msgspec.UnsetType = msgspec.UNSET
    files: list[FileShape] | msgspec.UnsetType = msgspec.UNSET
    if changes is not None:
        added, deleted = sum(each.additions for each in changes), sum(each.deletions for each in changes)
        stats = Stats(added + deleted, added, deleted)
        files = [file(view, read.sha, each) for each in changes]
    return CommitShape(
        sha=read.sha,
        node_id=node_id("Commit", read.sha),
        commit=GitCommit(
            author=_person(read.author),
            committer=_person(read.committer),
            message=read.message,
            tree=tree,
            url=f"{view.api}/git/commits/{read.sha}",
        ),
        url=url,
        html_url=f"{view.page}/commit/{read.sha}",
        comments_url=f"{url}/comments",
        author=_account(view, read.author),
        committer=_account(view, read.committer),
        parents=[
            Parent(parent, f"{view.api}/commits/{parent}", f"{view.page}/commit/{parent}")
            for parent in read.parents
        ],
        stats=stats,
        files=files,
    )


def file(view: View, sha: str, change: FileChange) -> FileShape:
    """One file that a commit or a pull request changes; `sha` is the commit that has it so."""
    return FileShape(
        sha=change.blob,
        filename=change.path,
        status=change.status,
        additions=change.additions,
        deletions=change.deletions,
        changes=change.additions + change.deletions,
        blob_url=f"{view.page}/blob/{sha}/{change.path}",
        raw_url=f"{view.page}/raw/{sha}/{change.path}",
        contents_url=f"{view.api}/contents/{change.path}?ref={sha}",
        patch=msgspec.UNSET if change.patch is None else change.patch,
        previous_filename=msgspec.UNSET if change.previous is None else change.previous,
    )


def _person(signature: Signature) -> Person:
    return Person(signature.name, signature.email, signature.at)


def _account(view: View, signature: Signature) -> User | None:
    found = author_of(view.db, signature.email)
    return None if found is None else user(view.links, found)


class BranchShape(msgspec.Struct, frozen=True, kw_only=True):
    """A branch. The commit is whole only for a branch by itself."""

    name: str
    commit: Named | CommitShape
    protected: bool = False
    protection_url: str


def branch(view: View, name: str, tip: Named | CommitShape) -> BranchShape:
    """One branch."""
    return BranchShape(name=name, commit=tip, protection_url=f"{view.api}/branches/{name}/protection")


def tip(view: View, sha: str) -> Named:
    """A branch's commit in short."""
    return Named(sha, f"{view.api}/commits/{sha}")


class RefTarget(msgspec.Struct, frozen=True):
    """What a ref points at."""

    type: str
    sha: str
    url: str


class RefShape(msgspec.Struct, frozen=True):
    """A git ref."""

    ref: str
    node_id: str
    url: str
    object: RefTarget


def ref(view: View, name: str, sha: str) -> RefShape:
    """The ref of a branch."""
    full = f"refs/heads/{name}"
    target = RefTarget("commit", sha, f"{view.api}/git/commits/{sha}")
    return RefShape(full, node_id("Ref", full), f"{view.api}/git/{full}", target)
