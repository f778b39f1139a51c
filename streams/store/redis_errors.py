"""What a refusal by Redis means: which user was refused, and whether by password, certificate or a missing right.

Knows redis-py's errors. `redis_client.py` connects.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from redis.exceptions import AuthenticationError, NoPermissionError

from tidegate.streams.errors import StoreDenied, StoreForbids, StoreUnavailable, causes, tls_reason
from tidegate.streams.store.address import Address

_FORBIDDEN = ("NOPERM", "ACL failure", "user executing the script can't")  # the latter two come from scripts
_COMMAND = re.compile(r"the '([\w|]+)' command")


def user_of(address: Address) -> str:
    """Returns the user that we connect as."""
    return str(address.security.get("username") or unquote(urlsplit(address.url).username or "") or "default")


def refusal(where: str, user: str, error: BaseException) -> StoreUnavailable | None:
    """Returns the refusal behind a client's error; None if it is not a refusal."""
    for cause in causes(error):
        message = str(cause)
        if isinstance(cause, AuthenticationError) or "NOAUTH" in message:
            return StoreDenied(
                f"redis {where}: user {user} and its password are refused ({_error_code(message)}); expected "
                "TIDEGATE_REDIS_USER and TIDEGATE_REDIS_PASSWORD (or _FILE) as the server's ACL has them"
            )
        if (why := tls_reason(cause)) is not None:
            return StoreDenied(
                f"redis {where}: TLS: {why}; expected a server that TIDEGATE_REDIS_CA_FILE vouches for under this "
                "name, and TIDEGATE_REDIS_CERT_FILE and _KEY_FILE where it asks for ours"
            )
        if isinstance(cause, NoPermissionError) or any(text in message for text in _FORBIDDEN):
            command = _COMMAND.search(message)
            what = (
                f"run {command[1]}" if command else "touch that key" if "key" in message else "run what our scripts run"
            )
            return StoreForbids(
                f"redis {where}: user {user} may not {what}; expected the ACL of its role (docs/reference/rights.md); "
                "waiting for it"
            )
    return None


def _error_code(message: str) -> str:
    """Returns the error's code alone (WRONGPASS, NOAUTH): the rest of the message may hold anything."""
    code = message.split(maxsplit=1)[0] if message else ""
    return code if code.isupper() else "wrong user or password"
