"""Who sent a request: everybody on the machine, who knows a token, or the owner of an API key."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from tidegate.streams.api_keys.key import ApiKey, digest_of, id_in
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.http.rates import CallerRate
from tidegate.streams.http.routes import Caller

SCHEME = "Bearer"
# Where clients send a key, beside `Authorization: Bearer`: Anthropic's and LiteLLM's, Azure OpenAI's, Azure AI's and
# Google's. The first valid one counts.
KEY_HEADERS = ("x-api-key", "api-key", "Ocp-Apim-Subscription-Key", "x-goog-api-key")
QUERY_KEY = "key"  # Perspective's; a query is in the logs of proxies, so only where a client knows no other way
_NO_DIGEST = bytes(32)  # no secret is known whose hash it is


class Authenticator(Protocol):
    """Says who sent a request. It never raises, and takes as long for a wrong credential as for a right one."""

    @property
    def expected(self) -> str:
        """What a caller must send, for the message of a 401."""

    def authenticate(self, headers: Mapping[str, str], query_key: str = "") -> Caller | None:
        """Returns the caller; None where the credential is missing or wrong. query_key: of a route that takes one."""


def bearer(headers: Mapping[str, str]) -> str:
    """Returns what `Authorization: Bearer` holds, "" where it is not there."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == SCHEME.lower() else ""


def credentials(headers: Mapping[str, str], query_key: str = "") -> Iterator[str]:
    """Yields what a request has where a key may be, in a fixed order."""
    yield from filter(None, (bearer(headers), *(headers.get(name, "").strip() for name in KEY_HEADERS), query_key))


class OpenAccess:
    """Everybody who can reach the address is the same caller, who may do all; what they send as a key is ignored."""

    expected = "nothing"
    _caller = Caller("local", rights=frozenset(KeyRight))

    def authenticate(self, headers: Mapping[str, str], query_key: str = "") -> Caller | None:
        return self._caller


class BearerToken:
    """One token for all, in `Authorization: Bearer`: for probes."""

    def __init__(self, token: str, setting: str) -> None:
        self._token = token.encode()
        self.expected = f"Authorization: {SCHEME} and the token of {setting}"

    def authenticate(self, headers: Mapping[str, str], query_key: str = "") -> Caller | None:
        # In constant time: it does not show how much of it was right.
        matches = hmac.compare_digest(bearer(headers).encode("utf-8", "surrogatepass"), self._token)
        return Caller("token") if matches else None


def access_by(token: str | None, setting: str) -> Authenticator:
    """Returns the authenticator of a token; None: the address is open to all that reach it."""
    return OpenAccess() if token is None else BearerToken(token, setting)


class KeyAccess:
    """API keys: each with a tenant, rights and a rate. `replace` puts others in force."""

    expected = f"an API key, as Authorization: {SCHEME}, or in one of {', '.join(KEY_HEADERS)}"

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._callers: dict[str, tuple[bytes, Caller]] = {}
        self.replace(keys)

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """Puts these keys in force, and no others. What a key has used of its rate stays used."""
        before, self._callers = self._callers, {}
        for key in keys:
            _, old = before.get(key.id, (b"", None))
            rate = old.rate if old is not None else None
            if rate is None or rate.limits != (key.requests_per_s, key.characters_per_s):
                rate = CallerRate(key.requests_per_s, key.characters_per_s)
            self._callers[key.id] = key.digest, Caller(key.name, key.tenant, key.rights, key.id, rate)

    def authenticate(self, headers: Mapping[str, str], query_key: str = "") -> Caller | None:
        for secret in credentials(headers, query_key):
            # The id in it is public. The rest is compared as a hash, in constant time, also where the id is unknown.
            digest, caller = self._callers.get(id_in(secret), (_NO_DIGEST, None))
            if hmac.compare_digest(digest_of(secret), digest) and caller is not None:
                return caller
        return None
