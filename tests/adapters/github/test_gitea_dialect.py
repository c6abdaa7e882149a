"""The client on a forge that speaks as Gitea does: label ids, numbered pages, its review words, POST to merge."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx  # noqa: TID251 - the ASGI transport under the client
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from caloron_actors.adapters.github import Credential, GitHubForge, Limits
from caloron_actors.domain.ids import AgentId, Commit
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.forge import HeadMoved, Merged, NotMergeable

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HEAD, MERGE = Commit("a" * 40), Commit("b" * 40)
REV = AgentId("rev")
Json = dict[str, object]


def told(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(value), status, headers)


@dataclass
class Gitea:
    """The few routes that the client uses, answered as Gitea answers them."""

    now: datetime = START
    totals: bool = True
    labels: dict[int, str] = field(default_factory=dict)
    on_issue: list[int] = field(default_factory=list)
    things: list[Json] = field(default_factory=list)
    pull: Json = field(default_factory=dict)
    reviews: list[Json] = field(default_factory=list)
    refuse_merge: tuple[int, str] | None = None
    asked: list[tuple[str, Json]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def app(self) -> Starlette:
        root = "/api/v1/repos/o/r"
        table: dict[str, Callable[[Request, Json], Response]] = {
            "GET /labels": lambda r, _: self._page(r, [{"id": k, "name": v} for k, v in self.labels.items()]),
            "POST /labels": self._new_label,
            "GET /issues": lambda r, _: self._page(r, self.things),
            "POST /issues": self._new_issue,
            "PATCH /issues/1": lambda _, body: told({"number": 1, **body}, 201),
            "GET /issues/1/labels": lambda *_: told(self._on_issue()),
            "POST /issues/1/labels": self._add_labels,
            "DELETE /issues/1/labels/{id}": self._remove_label,
            "GET /issues/1/comments": lambda *_: told(self.things),
            "GET /pulls": lambda r, _: self._page(r, self.things),
            "GET /pulls/7": lambda *_: told(self.pull),
            "GET /pulls/7/reviews": lambda r, _: self._page(r, self.reviews),
            "POST /pulls/7/reviews": self._new_review,
            "POST /pulls/7/merge": self._merge,
        }
        routes = []
        for line, answer in table.items():
            method, path = line.split()
            routes.append(Route(root + path, self._endpoint(answer), methods=[method]))
        return Starlette(routes=routes)

    def _endpoint(
        self, answer: Callable[[Request, Json], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            body = json.loads(await request.body() or b"{}")
            self.asked.append(
                (f"{request.method} {request.url.path.removeprefix('/api/v1/repos/o/r')}", body)
            )
            self.tokens.add(request.headers["authorization"])
            return answer(request, body)

        return respond

    def _page(self, request: Request, things: list[Json]) -> Response:
        size, page = min(int(request.query_params["limit"]), 50), int(request.query_params["page"])
        total = {"X-Total-Count": str(len(things))} if self.totals else {}
        # The links are made from the configured address of the site, which need not be the one that was called.
        link = f'<https://git.example.com/api/v1/x?page={page + 1}>; rel="next"'
        return told(things[(page - 1) * size : page * size], headers={"Link": link, **total})

    def _new_label(self, _: Request, body: Json) -> Response:
        assert str(body["color"]).startswith("#")
        number = max(self.labels, default=0) + 1
        self.labels[number] = str(body["name"])
        return told({"id": number, **body}, 201)

    def _new_issue(self, _: Request, body: Json) -> Response:
        wanted = body["labels"]
        if not isinstance(wanted, list) or not all(isinstance(each, int) for each in wanted):
            return told({"message": "[]: json: cannot unmarshal string into int64"}, 422)
        self.on_issue = wanted
        return told({"number": 1}, 201)

    def _on_issue(self) -> list[Json]:
        return [{"id": each, "name": self.labels[each]} for each in self.on_issue]

    def _add_labels(self, _: Request, body: Json) -> Response:
        wanted = body["labels"]
        assert isinstance(wanted, list)
        self.on_issue += [each for each in wanted if each in self.labels and each not in self.on_issue]
        return told(self._on_issue())

    def _remove_label(self, request: Request, _: Json) -> Response:
        self.on_issue.remove(int(request.path_params["id"]))
        return Response(status_code=204)

    def _new_review(self, _: Request, body: Json) -> Response:
        assert body["event"] in {"APPROVED", "REQUEST_CHANGES"}
        made = review(
            len(self.reviews) + 1, str(body["event"]), commit_id=body["commit_id"], body=body["body"]
        )
        self.reviews.append(made)
        return told(made)

    def _merge(self, _: Request, body: Json) -> Response:
        assert (body["Do"], body["MergeTitleField"]) == ("merge", "Merge it")
        if self.refuse_merge is not None:
            status, message = self.refuse_merge
            return told({"message": message, "url": "x"}, status)
        self.pull |= {
            "merged": True,
            "state": "closed",
            "merge_commit_sha": MERGE,
            "merged_by": {"login": "author"},
        }
        return Response(status_code=200)


def pull(number: int = 7, minutes: int = 0, **more: object) -> Json:
    head = {"label": "work", "ref": "work", "sha": HEAD, "repo": {"full_name": "o/r"}}
    base = {"label": "main", "ref": "main", "sha": "d" * 40, "repo": {"full_name": "o/r"}}
    updated = (START + timedelta(minutes=minutes)).isoformat()
    plain: Json = {"number": number, "title": "t", "body": "", "state": "open", "updated_at": updated}
    return {**plain, "head": head, "base": base, "merged": False, "mergeable": True, **more}


def review(number: int, state: str, **more: object) -> Json:
    plain: Json = {"id": number, "state": state, "body": "", "submitted_at": "2026-03-01T14:00:00+02:00"}
    return {**plain, "user": {"id": 4, "login": "rev-bot"}, "commit_id": HEAD, "dismissed": False, **more}


def client(gitea: Gitea, limits: Limits | None = None) -> GitHubForge:
    return GitHubForge(
        "http://gitea/api/v1",
        "o/r",
        Credential("author"),
        {REV: Credential("reviewer", "rev-bot")},
        lambda: gitea.now,
        dialect="gitea",
        limits=limits,
        transport=httpx.ASGITransport(gitea.app()),
    )


async def test_labels_travel_as_ids_and_missing_ones_are_made_once() -> None:
    gitea = Gitea(labels={number: f"label {number}" for number in range(1, 121)})
    async with client(gitea) as forge:
        assert await forge.create_issue("t", "b", ["label 3", "caloron:task", "label 120"]) == 1
        assert gitea.on_issue == [3, 121, 120]
        await forge.add_labels(1, ["caloron:task", "new"])
        assert gitea.on_issue == [3, 121, 120, 122]
        for _ in range(2):
            await forge.remove_label(1, "label 3")
        assert gitea.on_issue == [121, 120, 122]
        await forge.close_issue(1)
    lines = [line for line, _ in gitea.asked]
    assert (lines.count("GET /labels"), lines.count("POST /labels")) == (3, 2)
    assert gitea.asked[-1] == ("PATCH /issues/1", {"state": "closed"})
    assert gitea.tokens == {"token author"}


async def test_a_label_deleted_meanwhile_is_made_again() -> None:
    gitea = Gitea(labels={1: "a", 2: "b"})
    async with client(gitea) as forge:
        await forge.add_labels(1, ["a"])
        del gitea.labels[2]
        await forge.add_labels(1, ["a", "b"])
    assert {gitea.labels[each] for each in gitea.on_issue} == {"a", "b"}


@pytest.mark.parametrize("totals", [True, False])
async def test_lists_are_read_over_all_numbered_pages(totals: bool) -> None:
    issues: list[Json] = [
        {
            "number": n,
            "title": "t",
            "state": "open",
            "updated_at": "2026-03-01T14:00:00+02:00",
            "user": {"id": -1, "login": "Ghost"},
        }
        for n in range(120, 0, -1)
    ]
    gitea = Gitea(things=issues, totals=totals)
    async with client(gitea) as forge:
        seen = await forge.issues(since=START)
    assert [each.number for each in seen] == list(range(1, 121))
    assert (seen[0].author, seen[0].updated_at) == (None, START)
    assert len(gitea.asked) == (3 if totals else 4)
    async with client(gitea, Limits(pages=2)) as forge:
        with pytest.raises(Unavailable, match="not read to its end"):
            await forge.issues()


async def test_comments_come_in_one_piece() -> None:
    gitea = Gitea(things=[{"id": n, "created_at": "2026-03-01T12:00:00Z", "body": None} for n in (3, 1, 2)])
    async with client(gitea) as forge:
        assert [each.id for each in await forge.comments(1, since=START)] == [1, 2, 3]


async def test_pull_requests_by_branch_and_by_update() -> None:
    gone = {"label": "work", "ref": "refs/pull/3/head", "sha": HEAD, "repo": {"full_name": "o/r"}}
    fork = {"label": "work", "ref": "work", "sha": HEAD, "repo": {"full_name": "x/r"}}
    gitea = Gitea(things=[pull(4, 4, head=fork), pull(3, 3, head=gone), pull(2, 2), pull(1, 1)])
    async with client(gitea) as forge:
        assert [each.number for each in await forge.pull_requests(head="work")] == [1, 2, 3]
        assert [each.number for each in await forge.pull_requests(since=START + timedelta(minutes=3))] == [
            3,
            4,
        ]


async def test_mergeability_is_only_believed_when_it_is_yes() -> None:
    for told_by_forge, believed in ((True, True), (False, None)):
        async with client(Gitea(pull=pull(mergeable=told_by_forge))) as forge:
            assert (await forge.pull_request(7)).mergeable is believed


async def test_review_words() -> None:
    words = ["APPROVED", "REQUEST_CHANGES", "COMMENT", "REQUEST_REVIEW", "PENDING"]
    gitea = Gitea(reviews=[review(number, word) for number, word in enumerate(words, 1)])
    gitea.reviews.append(review(6, "APPROVED", dismissed=True))
    async with client(gitea) as forge:
        seen = await forge.reviews(7)
        assert [(each.id, each.state) for each in seen] == [
            (1, "approved"),
            (2, "changes_requested"),
            (3, "commented"),
            (5, "pending"),
            (6, "dismissed"),
        ]
        assert (
            await forge.submit_review(7, REV, "request_changes", "why", HEAD)
        ).state == "changes_requested"
        assert (await forge.submit_review(7, REV, "approve", "", HEAD)).state == "approved"
    assert gitea.tokens == {"token author", "token reviewer"}


async def test_a_merge_tells_the_commit_that_the_pull_request_names() -> None:
    gitea = Gitea(pull=pull())
    async with client(gitea) as forge:
        assert await forge.merge(7, HEAD, "Merge it") == Merged(MERGE)
    assert gitea.asked[0][1]["head_commit_id"] == HEAD


async def test_a_merge_whose_commit_cannot_be_read_may_have_happened() -> None:
    async with client(Gitea(pull={"number": "broken"})) as forge:
        with pytest.raises(Unavailable) as raised:
            await forge.merge(7, HEAD, "Merge it")
    assert raised.value.ambiguous


async def test_a_refused_merge_is_explained_by_the_pull_request() -> None:
    moved = pull(head={"label": "work", "ref": "work", "sha": "e" * 40, "repo": {"full_name": "o/r"}})
    for refusal, state, answer in (
        ((409, "head out of date"), moved, HeadMoved()),
        ((409, "merge conflict"), pull(), NotMergeable("merge conflict")),
        ((405, "Please try again later"), pull(state="closed"), NotMergeable("Please try again later")),
        ((405, "User not allowed to merge PR"), pull(), NotMergeable("User not allowed to merge PR")),
    ):
        async with client(Gitea(pull=state, refuse_merge=refusal)) as forge:
            assert await forge.merge(7, HEAD, "Merge it") == answer


async def test_try_again_later_means_checking_for_a_minute_and_a_conflict_after_it() -> None:
    gitea = Gitea(pull=pull(mergeable=False), refuse_merge=(405, "Please try again later"))
    async with client(gitea) as forge:
        for seconds in (0, 59):
            gitea.now = START + timedelta(seconds=seconds)
            with pytest.raises(Unavailable) as raised:
                await forge.merge(7, HEAD, "Merge it")
            assert not raised.value.ambiguous
        gitea.now = START + timedelta(seconds=60)
        assert await forge.merge(7, HEAD, "Merge it") == NotMergeable("Please try again later")
        gitea.refuse_merge = (409, "merge push out of date")
        with pytest.raises(Unavailable):
            await forge.merge(7, HEAD, "Merge it")
