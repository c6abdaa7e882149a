"""What git says of a pull request: whether it merges, its commits and its size. Remembered, for it never changes."""

import msgspec

from caloron_actors.domain.ids import Commit
from caloron_actors.git import TreeMerged
from caloron_actors.localforge.commits import FileChange, PullFacts, count_commits, read_changes
from caloron_actors.localforge.rows.pulls import Pull
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.state import ForgeState


async def pull_facts(state: ForgeState, repository: Repository, pull: Pull) -> PullFacts:
    """The facts of a pull request as its rows have it."""
    key = (repository.id, pull.base_sha, pull.head_sha)
    facts = state.facts.get(key)
    if facts is None:
        facts = state.facts.put(key, await _ask(state, repository, pull))
    return facts if pull.is_open else msgspec.structs.replace(facts, mergeable=None)


async def pull_changes(state: ForgeState, repository: Repository, pull: Pull) -> list[FileChange]:
    """The files that a pull request changes, from the merge base to its head."""
    start = await merge_base(state, repository, pull)
    return await read_changes(state.git, state.path(repository), start, Commit(pull.head_sha))


async def merge_base(state: ForgeState, repository: Repository, pull: Pull) -> Commit:
    """Where the head left the base; the base itself where a push has parted their histories."""
    base, head = Commit(pull.base_sha), Commit(pull.head_sha)
    return await state.git.merge_base(state.path(repository), base, head) or base


async def _ask(state: ForgeState, repository: Repository, pull: Pull) -> PullFacts:
    path = state.path(repository)
    merged = await state.git.merge_tree(path, Commit(pull.base_sha), Commit(pull.head_sha))
    changes = await pull_changes(state, repository, pull)
    return PullFacts(
        mergeable=isinstance(merged, TreeMerged),
        commits=await count_commits(state.git, path, f"{pull.base_sha}..{pull.head_sha}"),
        additions=sum(change.additions for change in changes),
        deletions=sum(change.deletions for change in changes),
        changed_files=len(changes),
    )
