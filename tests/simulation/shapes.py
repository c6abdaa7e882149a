"""The forge's things as GitHub's JSON, as far as the service's client reads it."""

from typing import Any

from caloron_actors.ports.forge import CommentSeen, IssueSeen, PullRequestSeen, ReviewSeen


def user(login: str | None) -> dict[str, str] | None:
    """An account, None for a deleted one."""
    return None if login is None else {"login": login}


def issue(issue: IssueSeen) -> dict[str, Any]:
    return {
        "number": issue.number,
        "title": issue.title,
        "body": issue.body,
        "state": issue.state,
        "user": user(issue.author),
        "closed_by": user(issue.closed_by),
        "labels": [{"name": name} for name in issue.labels],
        "updated_at": issue.updated_at,
    }


def as_issue(pull: PullRequestSeen) -> dict[str, Any]:
    return {
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "state": pull.state,
        "user": user(pull.author),
        "updated_at": pull.updated_at,
        "pull_request": {},
    }


def comment(comment: CommentSeen) -> dict[str, Any]:
    return {
        "id": comment.id,
        "user": user(comment.author),
        "body": comment.body,
        "created_at": comment.created_at,
    }


def review(review: ReviewSeen) -> dict[str, Any]:
    return {
        "id": review.id,
        "user": user(review.author),
        "state": review.state.upper(),
        "body": review.body,
        "commit_id": review.commit,
        "submitted_at": review.submitted_at,
    }
