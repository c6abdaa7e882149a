"""Accounts, permissions and the rate limit."""

import sqlite3

import msgspec

from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.problems import not_found
from caloron_actors.localforge.api.quota import Standing
from caloron_actors.localforge.api.shapes.user import User, profile, user
from caloron_actors.localforge.names import is_login
from caloron_actors.localforge.rows import accounts
from caloron_actors.localforge.rows.accounts import Account, Permission


class PermissionShape(msgspec.Struct, frozen=True):
    """What someone may do in a repository."""

    permission: Permission
    role_name: Permission
    user: User


class Limit(msgspec.Struct, frozen=True):
    """One budget of requests."""

    limit: int
    used: int
    remaining: int
    reset: int


class Resources(msgspec.Struct, frozen=True):
    """The budgets by name; here there is one."""

    core: Limit
    search: Limit
    graphql: Limit


class RateLimitShape(msgspec.Struct, frozen=True):
    """How the sender's budgets stand."""

    resources: Resources
    rate: Limit


async def root(call: Call) -> Reply:
    """GET /: where things are."""
    return Reply(
        Root(
            f"{call.links.api}/user", call.links.api + "/rate_limit", call.links.api + "/repos/{owner}/{repo}"
        )
    )


class Root(msgspec.Struct, frozen=True):
    """The first addresses a client needs."""

    current_user_url: str
    rate_limit_url: str
    repository_url: str


async def me(call: Call) -> Reply:
    """GET /user."""
    return Reply(profile(call.links, call.account))


async def get_user(call: Call) -> Reply:
    """GET /users/{login}."""
    return Reply(profile(call.links, await _account(call)))


async def get_permission(call: Call) -> Reply:
    """GET /repos/…/collaborators/{login}/permission."""
    account = await _account(call)
    held: Permission = await call.state.store.read(
        lambda db: accounts.permission(db, call.repository.id, account.id)
    )
    return Reply(PermissionShape(held, held, user(call.links, account)))


async def is_collaborator(call: Call) -> Reply:
    """GET /repos/…/collaborators/{login}: 204 for who may write, else 404."""
    account = await _account(call)
    writes = await call.state.store.read(lambda db: accounts.may_write(db, call.repository.id, account.id))
    if not writes:
        raise not_found()
    return Reply(status=204)


async def rate_limit(call: Call) -> Reply:
    """GET /rate_limit."""
    limit = _limit(call.standing)
    return Reply(RateLimitShape(Resources(limit, limit, limit), limit))


async def _account(call: Call) -> Account:
    login = call.name("login")

    def find(db: sqlite3.Connection) -> Account | None:
        return accounts.by_login(db, login) if is_login(login) else None

    found = await call.state.store.read(find)
    if found is None:
        raise not_found()
    return found


def _limit(standing: Standing) -> Limit:
    return Limit(standing.limit, standing.used, standing.remaining, standing.reset)
