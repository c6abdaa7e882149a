"""Who sends a request: the token in its Authorization header."""

import base64
import binascii

from caloron_actors.localforge.rows import accounts
from caloron_actors.localforge.rows.accounts import Account
from caloron_actors.localforge.state import ForgeState

_LONGEST = 2048


def token_of(header: str) -> str | None:
    """The token of `Bearer X`, `token X` or HTTP basic with the token as password; None for anything else."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if len(header) > _LONGEST or not value:
        return None
    match scheme.lower():
        case "bearer" | "token":
            return value
        case "basic":
            return _password(value)
        case _:
            return None


async def sender(state: ForgeState, header: str) -> Account | None:
    """The account whose token the header carries."""
    token = token_of(header)
    return None if token is None else await state.store.read(lambda db: accounts.by_token(db, token))


def _password(value: str) -> str | None:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text.partition(":")[2] or None
