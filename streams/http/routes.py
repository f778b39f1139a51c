"""What a route is: its method, path, schemas, limits and handler. A handler knows requests and replies, no aiohttp.

One table of routes makes a server (`server.py`) and its OpenAPI document (`openapi.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.http.rates import CallerRate

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BAD_KEY = "bad_key"  # the code of a 401 where a credential was sent: some APIs answer that otherwise than none

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
    """Who sent a request, as the authenticator knows them.

    tenant: of all that they send, or with the right any_tenant of what names none; None: they have none. key_id: of
    their API key, "" for none. rate: what they may send in a second; None is no limit.
    """

    name: str
    tenant: str | None = None
    rights: frozenset[KeyRight] = frozenset()
    key_id: str = ""
    rate: CallerRate | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request that passed its route's limits.

    id: ours, unique, and grows with time. given_id: the caller's own x-request-id, "" for none.
    caller: None on an open route where no valid credential came.
    body: as it came, b"" where the route takes none; json: its object.
    """

    id: str
    caller: Caller | None
    headers: Mapping[str, str] = field(repr=False)  # a key is among them; texts are in what follows
    given_id: str = ""
    body: bytes = field(default=b"", repr=False)
    json: dict[str, Any] = field(default_factory=dict, repr=False)


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


def over_rate(of: str, after_ms: int) -> Refusal:
    """Returns the refusal of what is over a caller's rate. of: `requests` or `characters`."""
    message = f"more {of} a second than this key may send; expected a retry after {after_ms} ms"
    return retry_later(429, "over_rate", message, after_ms)


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
    open_to_all: also without a credential; the handler sees who it is, or None. right: that a caller needs; None: any
    caller may. key_in_query: a key may come as `?key=`, as Google's clients send it.
    during_drain: served after the process was told to stop: what no client waits for. busy: returns why no request can
    be taken now, before its body is read, so that refusing costs little; None: it can. more: statuses that only this
    route answers, and why.
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
    right: KeyRight | None = None
    key_in_query: bool = False
    during_drain: bool = False
    busy: Callable[[], Refusal | None] = lambda: None
    more: Mapping[str, str] = field(default_factory=dict)
