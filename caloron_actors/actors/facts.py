"""What the forge shows, in the sprint's words: shared by those who look at it."""

from collections.abc import Awaitable, Callable

from caloron_actors.domain.events import IssueFact, PullRequestFact
from caloron_actors.domain.ids import AgentId, same_login
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Review
from caloron_actors.ports.forge import Forge, IssueSeen, PullRequestSeen, ReviewSeen

MayDecide = Callable[[str], Awaitable[bool]]
LoginOf = Callable[[AgentId], Awaitable[str]]
"""Which account a reviewer agent's reviews are written as."""


def issue_fact(issue: IssueSeen) -> IssueFact:
    """An issue."""
    return IssueFact(number=issue.number, state=issue.state, closed_by=issue.closed_by)


async def pull_fact(forge: Forge, pull: PullRequestSeen, reviews: tuple[Review, ...]) -> PullRequestFact:
    """A pull request of a list, with what lists do not tell of a merged one. Raises what the forge's port raises."""
    if pull.merged and (pull.merge_commit is None or pull.merged_by is None):
        pull = await forge.pull_request(pull.number)
    return PullRequestFact(
        number=pull.number,
        state=pull.state,
        merged=pull.merged,
        merge_commit=pull.merge_commit,
        merged_by=pull.merged_by,
        head=pull.head,
        reviews=reviews,
    )


async def review_fact(
    sprint: Sprint, author: str, review: ReviewSeen, may_decide: MayDecide, login_of: LoginOf
) -> Review | None:
    """A review; None for one that decides nothing or whose writer may not decide, as the account `author` may not."""
    login = review.author
    if login is None or same_login(login, author):
        return None
    if review.state not in ("approved", "changes_requested", "dismissed"):
        return None
    if not await may_decide(login):
        return None
    agents = sprint.plan.dag.needed_reviewers()
    return Review(
        id=review.id,
        login=login,
        state=review.state,
        head=review.commit,
        text=review.body,
        submitted_at=review.submitted_at,
        by_agent=any([same_login(login, await login_of(agent)) for agent in agents]),
    )
