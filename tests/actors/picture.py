"""The world that a sprint has left, told without numbers, times and commits, so that two of them can be compared."""

import re

import msgspec

from caloron_actors.adapters.memory.workspace import MemoryRepository
from caloron_actors.domain.ids import Commit
from tests.actors.service import Service

_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_NUMBER = re.compile(r"#(\d+)")


class Thing(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """An issue or a pull request with everything on it."""

    title: str
    body: str
    state: str
    author: str | None
    labels: tuple[str, ...]
    comments: tuple[tuple[str | None, str], ...]
    reviews: tuple[tuple[str | None, str, str, str], ...] = ()
    merged: str = ""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """All that matters of a world. `launched`: each run of an agent, as often as it was started; `saved`: kept work."""

    things: tuple[Thing, ...]
    files: tuple[tuple[str, bytes], ...]
    history: tuple[str, ...]
    launched: tuple[str, ...]
    saved: tuple[str, ...]
    outcome: str | None
    tasks: tuple[tuple[str, ...], ...]


async def picture(service: Service) -> Picture:
    """Look at everything."""
    forge, repository = service.forge, service.repository
    names = {issue.number: f"issue {issue.title}" for issue in await forge.issues()}
    names |= {pull.number: f"pull request {pull.title}" for pull in await forge.pull_requests()}

    def plain(text: str) -> str:
        return _COMMIT.sub("<commit>", _NUMBER.sub(lambda found: f"#<{names[int(found[1])]}>", text))

    async def comments(number: int) -> tuple[tuple[str | None, str], ...]:
        return tuple((comment.author, plain(comment.body)) for comment in await forge.comments(number))

    things = [
        Thing(
            title=issue.title,
            body=plain(issue.body),
            state=f"{issue.state} by {issue.closed_by}",
            author=issue.author,
            labels=tuple(sorted(issue.labels)),
            comments=await comments(issue.number),
        )
        for issue in await forge.issues()
    ]
    for pull in await forge.pull_requests():
        whole = await forge.pull_request(pull.number)
        reviews = await forge.reviews(pull.number)
        things.append(
            Thing(
                title=pull.title,
                body=plain(pull.body),
                state=pull.state,
                author=pull.author,
                labels=tuple(sorted(forge._rules.labels(pull.number))),
                comments=await comments(pull.number),
                reviews=tuple(
                    (review.author, review.state, plain(review.body), _files(repository, review.commit))
                    for review in reviews
                ),
                merged=f"{whole.merged} by {whole.merged_by}",
            )
        )
    main = repository.head("main")
    assert main is not None
    sprint = await service.journal.load(service.id)
    assert sprint is not None
    return Picture(
        things=tuple(sorted(things)),
        files=tuple(repository.files(main).items()),
        history=tuple(sorted(plain(repository._commits[c].message) for c in repository._ancestors(main))),
        launched=tuple(sorted(str(run) for run in service.launcher.launched)),
        saved=tuple(
            sorted(f"{task} {label}" for task, kept in service.workspace.saved.items() for label in kept)
        ),
        outcome=sprint.head.outcome,
        tasks=tuple(
            (row.id, row.status, str(row.attempts), str(row.review_cycles), str(row.runs))
            for row in sprint.tasks.values()
        ),
    )


def _files(repository: MemoryRepository, commit: Commit | None) -> str:
    return "" if commit is None else str(sorted(repository.files(commit).items()))


def differences(one: Picture, other: Picture) -> list[str]:
    """What the two do not share, for people."""
    found: list[str] = []
    for field in Picture.__struct_fields__:
        left, right = getattr(one, field), getattr(other, field)
        if left == right:
            continue
        found.append(f"{field} differ")
        if isinstance(left, tuple):
            found += [f"{field} lacks {entry}" for entry in left if entry not in right]
            found += [f"{field} has {entry} besides" for entry in right if entry not in left]
    return found
