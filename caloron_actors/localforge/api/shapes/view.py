"""What every shape is made from: a transaction, the addresses, who looks, and at which repository."""

import base64
import sqlite3
from dataclasses import dataclass
from typing import Literal

from caloron_actors.localforge.api.call import Call
from caloron_actors.localforge.api.links import Links
from caloron_actors.localforge.rows import accounts
from caloron_actors.localforge.rows.accounts import Account, Permission
from caloron_actors.localforge.rows.repositories import Repository

Association = Literal["OWNER", "COLLABORATOR", "NONE"]


@dataclass(frozen=True)
class View:
    """One look at one repository."""

    db: sqlite3.Connection
    links: Links
    viewer: Account
    repository: Repository

    @classmethod
    def of(cls, call: Call, db: sqlite3.Connection) -> "View":
        """The look that a request takes."""
        return cls(db, call.links, call.account, call.repository)

    @property
    def api(self) -> str:
        """The repository's address."""
        return self.links.repository(self.repository.full_name)

    @property
    def page(self) -> str:
        """Where people would look at it."""
        return self.links.page(self.repository.full_name)

    def account(self, account_id: int) -> Account:
        """An account that a row names."""
        return accounts.by_id(self.db, account_id)

    def permission(self) -> Permission:
        """What the viewer may do."""
        return accounts.permission(self.db, self.repository.id, self.viewer.id)

    def association(self, account_id: int) -> Association:
        """How an author stands to the repository."""
        if account_id == self.repository.owner_id:
            return "OWNER"
        return "COLLABORATOR" if accounts.may_write(self.db, self.repository.id, account_id) else "NONE"


def node_id(kind: str, number: int | str) -> str:
    """An opaque id that is unlike any other thing's."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()
