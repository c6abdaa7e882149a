"""The dialect seen raw: credentials, errors, conditional requests, paging, filters, sockets, diffs."""

import asyncio
import base64

import httpx  # noqa: TID251 - a raw client against the forge

from tests.localforge.conftest import Branch, Running

DEMO = "/repos/local/demo"


async def open_pull(client: httpx.AsyncClient, head: str, body: str = "", **more: object) -> httpx.Response:
    asked = {"title": f"About {head}", "head": head, "base": "main", "body": body, **more}
    return await client.post(f"{DEMO}/pulls", json=asked)


async def test_every_request_needs_a_known_token(running: Running) -> None:
    basic = base64.b64encode(f"any:{running.tokens['author']}".encode()).decode()
    async with running.client(None) as client:
        bare = await client.get("/user")
        assert (bare.status_code, bare.json()["message"]) == (401, "Requires authentication")
        wrong = await client.get(DEMO, headers={"authorization": "Bearer nobody"})
        assert (wrong.status_code, wrong.json()["message"]) == (401, "Bad credentials")
        assert wrong.json()["status"] == "401"
        for header in (f"token {running.tokens['author']}", f"Basic {basic}"):
            known = await client.get("/user", headers={"authorization": header})
            assert known.json()["login"] == "author"


async def test_what_is_not_there_is_refused_in_githubs_shape(running: Running) -> None:
    async with running.client() as client:
        for path in (
            "/nothing",
            "/repos/local/other",
            f"{DEMO}/issues/99",
            f"{DEMO}/pulls/1",
            "/users/nobody",
        ):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert set(answer.json()) == {"message", "documentation_url", "status"}
        assert (await client.patch("/user", json={})).status_code == 404


async def test_the_same_routes_answer_below_api_v3(running: Running) -> None:
    async with running.client(prefix="/api/v3") as client:
        answer = (await client.get("/repos/local/demo")).json()
        assert answer["url"] == f"{running.url}/api/v3/repos/local/demo"
        assert answer["clone_url"] == f"{running.url}/local/demo.git"
        assert answer["permissions"] == {
            "admin": True,
            "maintain": True,
            "push": True,
            "triage": True,
            "pull": True,
        }
        assert [each["full_name"] for each in (await client.get("/user/repos")).json()] == ["local/demo"]


async def test_the_unix_socket_serves_the_same(running: Running) -> None:
    transport = httpx.AsyncHTTPTransport(uds=str(running.socket))
    headers = {"authorization": f"Bearer {running.tokens['author']}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://forge", headers=headers) as client:
        answer = await client.get("/repos/local/demo/branches/main")
        assert answer.json()["name"] == "main"
        assert answer.json()["commit"]["url"].startswith("http://forge/repos/local/demo/commits/")


async def test_unchanged_answers_are_304_until_they_change(running: Running) -> None:
    async with running.client() as client:
        await client.post(f"{DEMO}/issues", json={"title": "One"})
        first = await client.get(f"{DEMO}/issues")
        tag = {"if-none-match": first.headers["etag"]}
        second = await client.get(f"{DEMO}/issues", headers=tag)
        assert (second.status_code, second.content) == (304, b"")
        assert second.headers["etag"] == first.headers["etag"]
        # What was not modified costs nothing.
        assert [int(each.headers["x-ratelimit-used"]) for each in (first, second)] == [2, 2]
        await client.post(f"{DEMO}/issues/1/comments", json={"body": "More"})
        third = await client.get(f"{DEMO}/issues", headers=tag)
        assert third.status_code == 200
        assert third.json()[0]["comments"] == 1


async def test_pages_are_linked_both_ways(running: Running) -> None:
    async with running.client() as client:
        for number in range(5):
            await client.post(f"{DEMO}/issues", json={"title": f"{number}"})
        answer = await client.get(f"{DEMO}/issues?per_page=2&page=2&state=all&direction=asc")
        assert [issue["number"] for issue in answer.json()] == [3, 4]
        assert set(answer.links) == {"prev", "next", "first", "last"}
        assert (
            answer.links["next"]["url"]
            == f"{running.url}{DEMO}/issues?per_page=2&state=all&direction=asc&page=3"
        )
        assert answer.links["last"]["url"].endswith("page=3")
        beyond = await client.get(f"{DEMO}/issues?per_page=2&page=9")
        assert beyond.json() == []
        assert "next" not in beyond.links
        assert "link" not in (await client.get(f"{DEMO}/issues?per_page=1000")).headers


async def test_since_tells_what_changed_at_or_after_it(running: Running) -> None:
    async with running.client() as client:
        for title in ("One", "Two"):
            await client.post(f"{DEMO}/issues", json={"title": title})
        running.clock.forward(60)
        made = await client.post(f"{DEMO}/issues/1/comments", json={"body": "Later"})
        stamp = made.json()["created_at"]
        assert stamp == "2026-03-01T12:01:00Z"
        assert len(made.headers.get_list("date")) == 1
        issues = await client.get(f"{DEMO}/issues", params={"since": stamp})
        assert [issue["number"] for issue in issues.json()] == [1]
        comments = await client.get(f"{DEMO}/issues/comments", params={"since": "2026-03-01T13:01:00+01:00"})
        assert [comment["body"] for comment in comments.json()] == ["Later"]
        none = await client.get(f"{DEMO}/issues/1/comments", params={"since": "2026-03-01T12:01:01Z"})
        assert none.json() == []
        assert (await client.get(f"{DEMO}/issues?since=yesterday")).status_code == 422


async def test_a_clock_that_is_set_back_does_not_turn_the_forges_back(running: Running) -> None:
    async with running.client() as client:
        running.clock.forward(600)
        await client.post(f"{DEMO}/issues", json={"title": "One"})
        running.clock.forward(-300)
        later = await client.post(f"{DEMO}/issues", json={"title": "Two"})
        assert later.json()["created_at"] == "2026-03-01T12:10:00Z"


async def test_pull_requests_are_issues_too(running: Running, branch: Branch) -> None:
    branch("feature", "x\n")
    async with running.client() as client:
        assert (await open_pull(client, "feature")).status_code == 201
        (issue,) = (await client.get(f"{DEMO}/issues")).json()
        assert issue["pull_request"]["url"] == f"{running.url}{DEMO}/pulls/1"
        await client.post(f"{DEMO}/issues/1/labels", json={"labels": ["wip"]})
        await client.post(f"{DEMO}/issues/1/comments", json={"body": "Look"})
        pull = (await client.get(f"{DEMO}/pulls/1")).json()
        assert [label["name"] for label in pull["labels"]] == ["wip"]
        assert pull["comments"] == 1
        assert pull["head"]["label"] == "local:feature"


async def test_pull_requests_that_cannot_be_opened_are_refused(running: Running, branch: Branch) -> None:
    branch("feature", "x\n")
    async with running.client() as client:
        missing = await open_pull(client, "missing")
        assert missing.json()["errors"] == [{"resource": "PullRequest", "code": "invalid", "field": "head"}]
        empty = await open_pull(client, "main")
        assert empty.json()["errors"][0]["message"] == "No commits between main and main"
        assert (await open_pull(client, "other:feature")).status_code == 422
        assert (await open_pull(client, "local:feature")).status_code == 201
        double = await open_pull(client, "feature")
        assert double.status_code == 422
        assert double.json()["errors"][0]["message"] == "A pull request already exists for local:feature."


async def test_the_diff_is_whole_and_prefixed(running: Running, branch: Branch) -> None:
    branch("feature", "one\ntwo\nthree\nfour\n", file="README.md")
    async with running.client() as client:
        await open_pull(client, "feature")
        answer = await client.get(f"{DEMO}/pulls/1", headers={"accept": "application/vnd.github.diff"})
        assert answer.headers["content-type"].startswith("application/vnd.github.diff")
        assert answer.text.startswith("diff --git a/README.md b/README.md\n")
        assert answer.text.endswith("+four\n")
        (file,) = (await client.get(f"{DEMO}/pulls/1/files")).json()
        assert (file["status"], file["additions"], file["deletions"]) == ("modified", 1, 0)
        assert file["patch"].endswith("\n+four")


async def test_a_moved_head_keeps_reviews_at_their_commit(running: Running, branch: Branch) -> None:
    first = branch("feature", "x\n")
    async with running.client() as client, running.client("reviewer") as reviewer:
        await open_pull(client, "feature")
        running.clock.forward(10)
        said = {"event": "REQUEST_CHANGES", "body": "No", "commit_id": first}
        assert (await reviewer.post(f"{DEMO}/pulls/1/reviews", json=said)).status_code == 200
        second = branch("feature", "y\n", base="feature")
        pull = (await client.get(f"{DEMO}/pulls/1")).json()
        assert (pull["head"]["sha"], pull["commits"]) == (second, 2)
        old = {"event": "APPROVE", "commit_id": first}
        assert (await reviewer.post(f"{DEMO}/pulls/1/reviews", json=old)).json()["commit_id"] == first
        unknown = {"event": "APPROVE", "commit_id": "1" * 40}
        assert (await reviewer.post(f"{DEMO}/pulls/1/reviews", json=unknown)).status_code == 422
        found = (await client.get(f"{DEMO}/pulls/1/reviews")).json()
        assert [review["state"] for review in found] == ["CHANGES_REQUESTED", "APPROVED"]
        stale = await client.put(f"{DEMO}/pulls/1/merge", json={"sha": first})
        assert stale.status_code == 409


async def test_reviews_have_their_rules(running: Running, branch: Branch) -> None:
    branch("feature", "x\n")
    async with running.client() as author, running.client("reviewer") as reviewer:
        await open_pull(author, "feature")
        reviews = f"{DEMO}/pulls/1/reviews"
        own = await author.post(reviews, json={"event": "REQUEST_CHANGES", "body": "x"})
        assert (own.status_code, own.json()["errors"]) == (
            422,
            ["Can not request changes on your own pull request"],
        )
        assert (await author.post(reviews, json={"event": "COMMENT", "body": "Note"})).status_code == 200
        assert (await reviewer.post(reviews, json={"event": "REQUEST_CHANGES"})).status_code == 422
        assert (await reviewer.post(reviews, json={"event": "REJECT", "body": "x"})).status_code == 422
        asked = await author.post(f"{DEMO}/pulls/1/requested_reviewers", json={"reviewers": ["reviewer"]})
        assert [each["login"] for each in asked.json()["requested_reviewers"]] == ["reviewer"]
        pending = (await reviewer.post(reviews, json={"body": "Soon"})).json()
        assert pending["state"] == "PENDING"
        assert len((await author.get(reviews)).json()) == 1
        submit = {"event": "REQUEST_CHANGES"}
        done = await reviewer.post(f"{reviews}/{pending['id']}/events", json=submit)
        assert (done.json()["state"], done.json()["body"]) == ("CHANGES_REQUESTED", "Soon")
        assert (await author.get(f"{DEMO}/pulls/1/requested_reviewers")).json()["users"] == []
        gone = await author.put(f"{reviews}/{pending['id']}/dismissals", json={"message": "Settled"})
        assert gone.json()["state"] == "DISMISSED"


async def test_a_squash_has_one_parent_and_a_rebase_is_refused(running: Running, branch: Branch) -> None:
    branch("feature", "x\n")
    async with running.client() as client:
        await open_pull(client, "feature")
        merge = f"{DEMO}/pulls/1/merge"
        assert (await client.get(merge)).status_code == 404
        assert (await client.put(merge, json={"merge_method": "rebase"})).status_code == 405
        assert (await client.put(merge, json={"merge_method": "octopus"})).status_code == 422
        done = (await client.put(merge, json={"merge_method": "squash"})).json()
        assert done["merged"] is True
        assert (await client.get(merge)).status_code == 204
        commit = (await client.get(f"{DEMO}/commits/{done['sha']}")).json()
        assert len(commit["parents"]) == 1
        assert commit["commit"]["message"] == "About feature (#1)"


async def test_drafts_and_closed_ones_do_not_merge(running: Running, branch: Branch) -> None:
    branch("feature", "x\n")
    async with running.client() as client:
        await open_pull(client, "feature", draft=True)
        merge = f"{DEMO}/pulls/1/merge"
        assert (await client.put(merge)).status_code == 405
        await client.patch(f"{DEMO}/pulls/1", json={"state": "closed"})
        closed = (await client.get(f"{DEMO}/pulls/1")).json()
        assert (closed["state"], closed["merged"], closed["mergeable"]) == ("closed", False, None)
        assert (await client.put(merge)).status_code == 405
        reopened = await client.patch(f"{DEMO}/pulls/1", json={"state": "open", "title": "New"})
        assert (reopened.json()["state"], reopened.json()["title"]) == ("open", "New")


async def test_one_of_many_merges_into_one_base_wins_at_a_time(running: Running, branch: Branch) -> None:
    for number in range(4):
        branch(f"feature-{number}", "x\n")
    async with running.client() as client:
        for number in range(4):
            await open_pull(client, f"feature-{number}")
        answers = await asyncio.gather(
            *(client.put(f"{DEMO}/pulls/{number}/merge") for number in range(1, 5))
        )
        assert [answer.status_code for answer in answers] == [200] * 4
        log = (await client.get(f"{DEMO}/commits", params={"sha": "main"})).json()
        assert len(log) == 1 + 4 * 2
