"""What a route is: its method, path, schemas, limits and handler. A handler knows requests and replies, no aiohttp.

One table of routes makes a server (`server.py`) and its OpenAPI document (`openapi.py`).
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
SCHEME = "Bearer"

Schemas = Mapping[str, Mapping[str, Any]]  # name -> JSON Schema (2020-12); references: `#/components/schemas/NAME`


@dataclass(frozen=True, slots=True)
class RouteLimits:
    """What one request may take. A request beyond it is refused, and costs no more than the limit."""

    body_bytes: int = 2**20  # 413; texts are tens of KB at most, and a batch of them fits
    depth: int = 32  # 400; levels of nesting in the JSON. No form has ten
    read_s: float = 10.0  # 408; from the headers to the last byte of the body
    answer_s: float = 30.0  # 503; from the last byte of the body to the reply


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, as the authenticator knows them."""

    name: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request that passed its route's limits.

    id: ours, unique, and grows with time. given_id: the caller's own x-request-id, "" for none.
    caller: None on an open route where no valid credential came.
    body: as it came, b"" where the route takes none; json: its object.
    """

    id: str
    caller: Caller | None
    headers: Mapping[str, str]
    given_id: str = ""
    body: bytes = b""
    json: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler returns. body: the bytes as they are sent."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that is not served: the reply's status and what its error form says. Never a text of the request.

    code: a short name of the reason, as `queue_full`. param: the field that is wrong, where one is.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param
        self.headers = dict(headers or {})


def retry_later(status: int, code: str, message: str, after_ms: int) -> Refusal:
    """Returns a refusal that a client may repeat after so many ms: 429 or 503."""
    seconds = -(-after_ms // 1000)  # the header of the standard has whole seconds
    return Refusal(status, code, message, headers={"retry-after-ms": str(after_ms), "retry-after": str(seconds)})


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """How an API writes its errors. render: from the refusal and the request's id to the reply.

    schema: its name among the schemas; "" where it is no JSON.
    """

    render: Callable[[Refusal, str], Reply]
    schema: str = ""
    schemas: Schemas = field(default_factory=dict)


def _text(refusal: Refusal, _: str) -> Reply:
    return Reply(f"{refusal.message}\n".encode(), refusal.status, TEXT, refusal.headers)


TEXT_ERRORS = ErrorForm(_text)


@dataclass(frozen=True, slots=True)
class Route:
    """One row of a server's table.

    path: fixed, without parameters. request, response: names among the schemas; request is "" where it takes no body,
    response "" where it is no JSON object of ours. invalid: the status of a JSON object that is no request of the API.
    open_to_all: also without a credential; the handler sees who it is, or None.
    during_drain: served after the process was told to stop: what no client waits for.
    """

    method: str
    path: str
    handler: Callable[[HttpRequest], Awaitable[Reply]]
    summary: str
    request: str = ""
    response: str = ""
    schemas: Schemas = field(default_factory=dict)
    limits: RouteLimits = RouteLimits()
    errors: ErrorForm = TEXT_ERRORS
    invalid: int = 400
    open_to_all: bool = False
    during_drain: bool = False


class Authenticator(Protocol):
    """Says who sent a request. It never raises, and takes as long for a wrong credential as for a right one."""

    @property
    def expected(self) -> str:
        """What a caller must send, for the message of a 401."""

    def authenticate(self, headers: Mapping[str, str]) -> Caller | None:
        """Returns the caller; None where the credential is missing or wrong."""


class OpenAccess:
    """Everybody who can reach the address is the same caller; what they send as a credential is ignored."""

    expected = "nothing"

    def authenticate(self, headers: Mapping[str, str]) -> Caller | None:
        return Caller("local")


class BearerToken:
    """One token for all, in `Authorization: Bearer`."""

    def __init__(self, token: str, setting: str) -> None:
        self._token = token.encode()
        self.expected = f"Authorization: {SCHEME} and the token of {setting}"

    def authenticate(self, headers: Mapping[str, str]) -> Caller | None:
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        # In constant time: it does not show how much of it was right.
        matches = hmac.compare_digest(given.strip().encode("utf-8", "surrogatepass"), self._token)
        return Caller("token") if scheme.lower() == SCHEME.lower() and matches else None


def access_by(token: str | None, setting: str) -> Authenticator:
    """Returns the authenticator of a token; None: the address is open to all that reach it."""
    return OpenAccess() if token is None else BearerToken(token, setting)
