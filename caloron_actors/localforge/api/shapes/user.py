"""Accounts as GitHub shows them."""

from typing import Literal

import msgspec

from caloron_actors.localforge.api.links import Links
from caloron_actors.localforge.api.shapes.view import node_id
from caloron_actors.localforge.rows.accounts import Account


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account inside another answer."""

    login: str
    id: int
    node_id: str
    avatar_url: str
    gravatar_id: str = ""
    url: str
    html_url: str
    followers_url: str
    following_url: str
    gists_url: str
    starred_url: str
    subscriptions_url: str
    organizations_url: str
    repos_url: str
    events_url: str
    received_events_url: str
    type: Literal["User", "Organization"]
    site_admin: bool = False
    user_view_type: str = "public"


class Profile(User, frozen=True, kw_only=True):
    """An account by itself."""

    name: str | None = None
    company: str | None = None
    blog: str = ""
    location: str | None = None
    email: str | None = None
    hireable: bool | None = None
    bio: str | None = None
    public_repos: int = 0
    public_gists: int = 0
    followers: int = 0
    following: int = 0
    created_at: str
    updated_at: str


def user(links: Links, account: Account) -> User:
    """An account inside another answer."""
    url = links.user(account.login)
    return User(
        login=account.login,
        id=account.id,
        node_id=node_id(account.kind, account.id),
        avatar_url=f"{links.site}/avatars/{account.id}",
        url=url,
        html_url=f"{links.site}/{account.login}",
        followers_url=f"{url}/followers",
        following_url=f"{url}/following{{/other_user}}",
        gists_url=f"{url}/gists{{/gist_id}}",
        starred_url=f"{url}/starred{{/owner}}{{/repo}}",
        subscriptions_url=f"{url}/subscriptions",
        organizations_url=f"{url}/orgs",
        repos_url=f"{url}/repos",
        events_url=f"{url}/events{{/privacy}}",
        received_events_url=f"{url}/received_events",
        type=account.kind,
    )


def profile(links: Links, account: Account) -> Profile:
    """An account by itself."""
    common = user(links, account)
    return Profile(
        **{name: getattr(common, name) for name in common.__struct_fields__},
        created_at=account.created_at,
        updated_at=account.created_at,
    )
