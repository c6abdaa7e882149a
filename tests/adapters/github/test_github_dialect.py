"""GitHub's answers in the domain's words: pages, deleted accounts, forks, permissions, labels and merges."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx  # noqa: TID251 - the ASGI transport under the client
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from caloron_actors.adapters.github import Credential, GitHubForge, Limits
from caloron_actors.domain.ids import AgentId, Commit
from caloron_actors.ports.errors import NotFound, Rejected, Unauthorized, Unavailable
from caloron_actors.ports.forge import HeadMoved, MergeAnswer, Merged, NotMergeable

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HEAD, MERGE = Commit("a" * 40), Commit("b" * 40)
Json = dict[str, object]
Answering = Callable[[Request], Response]


class Peer:
    """Answers every request with `answer` and keeps what it was asked."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self.asked: list[tuple[str, dict[str, str], object]] = []
        self.tokens: list[str] = []

    async def respond(self, request: Request) -> Response:
        body = await request.body()
        self.asked.append(
            (
                f"{request.method} {request.scope['raw_path'].decode()}",
                dict(request.query_params),
                json.loads(body) if body else None,
            )
        )
        self.tokens.append(request.headers["authorization"])
        return self._answer(request)


def told(value: object, status: int = 200, link: str = "") -> Response:
    return Response(json.dumps(value), status, headers={"Link": link} if link else None)


def always(value: object, status: int = 200) -> Answering:
    return lambda _: told(value, status)


def forge(answer: Answering, limits: Limits | None = None) -> tuple[GitHubForge, Peer]:
    peer = Peer(answer)
    app = Starlette(
        routes=[Route("/{path:path}", peer.respond, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]
    )
    client = GitHubForge(
        "http://forge",
        "o/r",
        Credential("author"),
        {AgentId("rev"): Credential("reviewer"), AgentId("named"): Credential("x", "Named")},
        lambda: START,
        limits=limits,
        transport=httpx.ASGITransport(app),
    )
    return client, peer


def issue(number: int, **more: object) -> Json:
    plain: Json = {"number": number, "title": "t", "state": "open", "updated_at": "2026-03-01T12:00:00Z"}
    return {
        **plain,
        "labels": [{"name": "a"}, "b", {"name": None}],
        "user": {"login": "ann"},
        "new": {},
        **more,
    }


def pull(number: int, repo: str | None = "o/r", minutes: int = 0, **more: object) -> Json:
    updated = (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    return {
        "number": number,
        "title": "t",
        "body": None,
        "state": "open",
        "user": None,
        "updated_at": updated,
        "merged_at": None,
        "merge_commit_sha": "c" * 40,
        "head": {"ref": "work", "sha": HEAD, "repo": repo and {"full_name": repo}},
        "base": {"ref": "main", "sha": "d" * 40, "repo": {"full_name": "O/R"}},
        **more,
    }


def paged(things: list[Json], size: int = 100) -> Answering:
    def answer(request: Request) -> Response:
        page = int(request.query_params.get("page", "1"))
        part = things[(page - 1) * size : page * size]
        last = page * size >= len(things)
        # Page two is at another path, as on GitHub.
        link = f'<http://forge/first>; rel="first", <http://forge/repositories/9/list?page={page + 1}>; rel="next"'
        return told(part, link="" if last else link)

    return answer


async def test_issues_are_read_over_all_pages_without_pull_requests_and_repeats() -> None:
    things = [issue(number) for number in range(1, 251)]
    things[100] = issue(100, title="seen again, and newer")
    things[5] = issue(6, pull_request={"url": "x"})
    client, peer = forge(paged(things))
    async with client:
        seen = await client.issues(since=datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC))
    assert [each.number for each in seen] == [n for n in range(1, 251) if n not in {6, 101}]
    assert seen[98].title == "seen again, and newer"
    assert seen[0].labels == ("a", "b")
    assert peer.asked[0][1] == {
        "state": "all",
        "sort": "created",
        "direction": "asc",
        "per_page": "100",
        "since": "2026-03-01T12:00:00Z",
    }
    assert [path for path, _, _ in peer.asked[1:]] == ["GET /repositories/9/list"] * 2


async def test_a_relative_link_is_seen_from_its_page() -> None:
    def answer(request: Request) -> Response:
        last = "page" in request.query_params
        return told([issue(2 if last else 1)], link="" if last else '<?page=2>; rel="next"')

    client, peer = forge(answer)
    async with client:
        assert [each.number for each in await client.issues()] == [1, 2]
    assert [path for path, _, _ in peer.asked] == ["GET /repos/o/r/issues"] * 2


async def test_a_list_without_end_is_unavailable() -> None:
    def circle(_: Request) -> Response:
        return told([], link='<http://forge/repos/o/r/pulls?page=2>; rel="next"')

    for answer, limits in ((paged([issue(n) for n in range(1, 9)], 1), Limits(pages=3)), (circle, Limits())):
        client, _ = forge(answer, limits)
        async with client:
            with pytest.raises(Unavailable, match="not read to its end") as raised:
                await client.issues()
        assert not raised.value.ambiguous


async def test_a_missing_repository_is_not_an_empty_list() -> None:
    client, _ = forge(always({"message": "Not Found"}, 404))
    async with client:
        with pytest.raises(NotFound):
            await client.issues()
        assert await client.permission("ann") == "none"


async def test_issues_that_are_none_here_are_not_found() -> None:
    for answer in (issue(7, pull_request={}), issue(17)):
        client, _ = forge(always(answer))
        async with client:
            with pytest.raises(NotFound):
                await client.issue(7)


async def test_deleted_accounts_forks_and_test_merges() -> None:
    merged = {
        "merged": True,
        "merged_by": None,
        "merge_commit_sha": MERGE,
        "state": "closed",
        "mergeable": None,
    }
    for wire, branch, commit in (
        (pull(7), "work", None),
        (pull(7, "other/r"), "other:work", None),
        (pull(7, None), "unknown:work", None),
        ({**pull(7), **merged}, "work", MERGE),
        (pull(7, merged_at="2026-03-01T12:00:00Z"), "work", Commit("c" * 40)),
    ):
        client, _ = forge(always(wire))
        async with client:
            seen = await client.pull_request(7)
        assert (seen.author, seen.body, seen.merged_by, seen.mergeable) == (None, "", None, None)
        assert (seen.head_branch, seen.merge_commit, seen.merged) == (branch, commit, commit is not None)


async def test_pull_requests_of_a_branch_are_those_of_this_repository() -> None:
    # A fork may use the same branch name, and a head the forge does not understand filters nothing.
    others = [pull(2, "other/r"), pull(3, head={"ref": "x", "sha": HEAD, "repo": {"full_name": "o/r"}})]
    client, peer = forge(always([pull(1), *others]))
    async with client:
        assert [each.number for each in await client.pull_requests(head="work")] == [1]
    assert peer.asked[0][1]["head"] == "o:work"


async def test_pull_requests_since_stop_at_the_first_older_page() -> None:
    client, peer = forge(paged([pull(9 - n, minutes=-n) for n in range(8)], size=2))
    async with client:
        seen = await client.pull_requests(since=START - timedelta(minutes=2))
    assert [each.number for each in seen] == [7, 8, 9]
    assert len(peer.asked) == 2
    assert (peer.asked[0][1]["sort"], peer.asked[0][1]["direction"]) == ("updated", "desc")


async def test_reviews_and_logins_are_their_accounts() -> None:
    review = {"id": 5, "user": None, "state": "APPROVED", "body": None, "commit_id": None}
    listed = [{**review, "submitted_at": "2026-03-01T12:00:00Z"}, {**review, "id": 4, "state": "PENDING"}]

    def answer(request: Request) -> Response:
        if request.url.path == "/user":
            return told({"login": request.headers["authorization"].split()[1]})
        return told(listed if request.method == "GET" else listed[0])

    client, peer = forge(answer)
    async with client:
        made = await client.submit_review(7, AgentId("rev"), "request_changes", "why", HEAD)
        assert [each.id for each in await client.reviews(7)] == [5]
        assert (await client.author_login(), await client.author_login()) == ("author", "author")
        assert await client.reviewer_login(AgentId("rev")) == "reviewer"
        assert await client.reviewer_login(AgentId("named")) == "Named"
        with pytest.raises(Unauthorized):
            await client.reviewer_login(AgentId("unknown"))
    assert (made.author, made.commit, made.state) == (None, None, "approved")
    assert peer.asked[0][2] == {"body": "why", "event": "REQUEST_CHANGES", "commit_id": HEAD}
    assert peer.tokens == [f"Bearer {who}" for who in ("reviewer", "author", "author", "reviewer")]


@pytest.mark.parametrize(
    ("word", "permission"),
    [("admin", "admin"), ("maintain", "write"), ("triage", "read"), ("write", "write"), ("x", "none")],
)
async def test_permissions(word: str, permission: str) -> None:
    client, peer = forge(always({"permission": word}))
    async with client:
        assert await client.permission("dep[bot]/../x") == permission
        for detour in ("..", ".", ""):
            assert await client.permission(detour) == "none"
            with pytest.raises(Rejected):
                await client.remove_label(1, detour)
    assert peer.asked == [("GET /repos/o/r/collaborators/dep%5Bbot%5D%2F..%2Fx/permission", {}, None)]


async def test_removing_a_label() -> None:
    for exists in (True, False):

        def answer(request: Request, found: bool = exists) -> Response:
            return told({"number": 1}, 200 if found and request.method == "GET" else 404)

        client, peer = forge(answer)
        async with client:
            if exists:
                await client.remove_label(1, "a/b c")
            else:
                with pytest.raises(NotFound):
                    await client.remove_label(1, "a/b c")
        assert [path for path, _, _ in peer.asked] == [
            "DELETE /repos/o/r/issues/1/labels/a%2Fb%20c",
            "GET /repos/o/r/issues/1",
        ]


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, {"merged": True, "sha": MERGE}, Merged(MERGE)),
        (200, {"merged": False, "message": "no\nway"}, NotMergeable("no way")),
        (405, {"message": "Pull Request is not mergeable"}, NotMergeable("Pull Request is not mergeable")),
        (409, {"message": "Head branch was modified"}, HeadMoved()),
    ],
)
async def test_merges(status: int, body: Json, answer: MergeAnswer) -> None:
    client, peer = forge(always(body, status))
    async with client:
        assert await client.merge(7, HEAD, "Merge it") == answer
    sent = {"sha": HEAD, "commit_title": "Merge it", "merge_method": "merge"}
    assert peer.asked == [("PUT /repos/o/r/pulls/7/merge", {}, sent)]


@pytest.mark.parametrize(
    ("status", "body", "ambiguous"),
    [
        (405, {"message": "Base branch was modified. Review and try the merge again."}, False),
        (200, {"merged": True, "sha": None}, True),
        (200, [], True),
        (500, {}, True),
    ],
)
async def test_merges_whose_outcome_is_not_known(status: int, body: object, ambiguous: bool) -> None:
    client, _ = forge(always(body, status))
    async with client:
        with pytest.raises(Unavailable) as raised:
            await client.merge(7, HEAD, "Merge it")
    assert raised.value.ambiguous is ambiguous
