"""What Redis's word of refusal means: who was refused, and whether by password, by certificate or for want of a right.

Knows redis-py's errors; `server.py` connects.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from redis.exceptions import AuthenticationError, NoPermissionError

from tidegate.streams.errors import StoreDenied, StoreForbids, StoreUnavailable, causes, objection
from tidegate.streams.store.address import Address

_FORBIDDEN = ("NOPERM", "ACL failure", "user executing the script can't")  # the latter two are said of scripts
_COMMAND = re.compile(r"the '([\w|]+)' command")


def user_of(address: Address) -> str:
    """Whom we say we are."""
    return str(address.security.get("username") or unquote(urlsplit(address.url).username or "") or "default")


def refusal(where: str, user: str, error: BaseException) -> StoreUnavailable | None:
    """The refusal behind a client's error; None where it is none."""
    for cause in causes(error):
        said = str(cause)
        if isinstance(cause, AuthenticationError) or "NOAUTH" in said:
            return StoreDenied(
                f"redis {where}: user {user} and its password are refused ({_first_word(said)}); expected "
                "TIDEGATE_REDIS_USER and TIDEGATE_REDIS_PASSWORD (or _FILE) as the server's ACL has them"
            )
        if (why := objection(cause)) is not None:
            return StoreDenied(
                f"redis {where}: TLS: {why}; expected a server that TIDEGATE_REDIS_CA_FILE vouches for under this "
                "name, and TIDEGATE_REDIS_CERT_FILE and _KEY_FILE where it asks for ours"
            )
        if isinstance(cause, NoPermissionError) or any(text in said for text in _FORBIDDEN):
            named = _COMMAND.search(said)
            what = f"run {named[1]}" if named else "touch that key" if "key" in said else "run what our scripts run"
            return StoreForbids(
                f"redis {where}: user {user} may not {what}; expected the ACL of its role (docs/reference/rights.md); "
                "waiting for it"
            )
    return None


def _first_word(said: str) -> str:
    """WRONGPASS, NOAUTH: the error's code alone; the rest may be anything."""
    word = said.split(maxsplit=1)[0] if said else ""
    return word if word.isupper() else "wrong user or password"
