"""The routes of `tidegate serve`: each API's own form (`wire/http/`) around one queue. Knows no aiohttp."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic_core import to_json

from tidegate.streams.core.events import Completion
from tidegate.streams.http.routes import (
    ErrorForm,
    HttpRequest,
    Refusal,
    Reply,
    Route,
    RouteLimits,
    Schemas,
    retry_later,
)
from tidegate.streams.moderation.moderator import Moderated
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.serve.queue import ModerationQueue, QueueFull, RequestTooLong
from tidegate.streams.wire.http import decide, guard, openai_moderations
from tidegate.streams.wire.http.refused import Failure, FailureKind, RequestRefused, Unscored
from tidegate.streams.wire.http.verdicts import Row

FULL_RETRY_MS = 500  # some batches long
FAULT_RETRY_MS = 1000  # a classifier that fails on a text fails again; one that was slow may not
DEPTH = 200  # of the forms that `completions` takes; the topic's own bound

Error = Callable[[RequestRefused | Failure], tuple[int, Mapping[str, Any], Mapping[str, str]]]
_KINDS = {kind.status: kind for kind in FailureKind}


class Parsed(Protocol):
    """What every form's `parse` returns."""

    @property
    def id(self) -> str: ...
    @property
    def completions(self) -> Sequence[Completion]: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path of one API. parse raises RequestRefused; answer raises Unscored where the form has no field for it."""

    path: str
    summary: str
    parse: Callable[[HttpRequest, str], Any]
    answer: Callable[[Any, Sequence[Row]], Mapping[str, Any]]
    error: Error
    request: str
    response: str
    error_schema: str
    schemas: Schemas
    headers: Callable[[Sequence[Row]], Mapping[str, str]] = lambda _: {}
    depth: int = RouteLimits().depth


ENDPOINTS = (
    Endpoint(
        openai_moderations.PATH,
        "OpenAI's moderation: texts in, the 13 categories of each out.",
        lambda request, id: openai_moderations.parse(request.json, id),
        openai_moderations.answer,
        openai_moderations.error,
        openai_moderations.REQUEST,
        openai_moderations.RESPONSE,
        openai_moderations.ERROR,
        openai_moderations.SCHEMAS,
        openai_moderations.headers,
    ),
    Endpoint(
        decide.PATH,
        "A completion in any input form: the action, the reasons, the scores, the text with what `redact` hides.",
        lambda request, id: decide.parse(request.body, list(request.headers.items()), id),
        decide.answer,
        decide.error,
        decide.REQUEST,
        decide.RESPONSE,
        decide.ERROR,
        decide.SCHEMAS,
        depth=DEPTH,
    ),
    Endpoint(
        guard.PATH,
        "A prompt, before a model is asked: allow or block.",
        lambda request, id: guard.parse(request.json, id),
        guard.answer,
        guard.error,
        guard.REQUEST,
        guard.RESPONSE,
        guard.ERROR,
        guard.SCHEMAS,
    ),
)


def error_form(error: Error, schema: str, schemas: Schemas) -> ErrorForm:
    """Returns an API's form for what the server refuses: its body and type by the API, status and headers by us."""

    def render(refusal: Refusal, _: str) -> Reply:
        kind = _KINDS.get(refusal.status, FailureKind.UNREADABLE)
        status, body, headers = error(Failure(kind, refusal.message))
        ours = {name.lower() for name in refusal.headers}
        added = {name: value for name, value in headers.items() if name.lower() not in ours}
        return Reply(
            to_json(body),
            status if kind.status == refusal.status else refusal.status,
            headers={**added, **refusal.headers},
        )

    return ErrorForm(render, schema, {schema: schemas[schema]})


OWN_ERRORS = error_form(decide.error, decide.ERROR, decide.SCHEMAS)


def routes(queue: ModerationQueue, metrics: ServeMetrics, timeout_s: float) -> list[Route]:
    """Returns a route for each endpoint. timeout_s: from the body to the answer."""
    return [_route(endpoint, queue, metrics, timeout_s) for endpoint in ENDPOINTS]


def _route(endpoint: Endpoint, queue: ModerationQueue, metrics: ServeMetrics, timeout_s: float) -> Route:
    async def handle(request: HttpRequest) -> Reply:
        try:
            parsed: Parsed = endpoint.parse(request, f"http-{request.id}")
        except RequestRefused as refused:
            status, body, headers = endpoint.error(refused)
            return Reply(to_json(body), status, headers=headers)
        rows = await _moderate(queue, parsed.completions)
        metrics.count_moderated(rows)
        results: list[Row] = [(row.judged, row.verdict) for row in rows]
        try:
            answer = endpoint.answer(parsed, results)
        except Unscored:
            raise retry_later(503, "fault", "a text could not be scored; expected a retry", FAULT_RETRY_MS) from None
        if endpoint.path == guard.PATH:
            metrics.guarded.labels(answer["action"]).inc()
        return Reply(to_json(answer), headers=endpoint.headers(results))

    return Route(
        "POST",
        endpoint.path,
        handle,
        endpoint.summary,
        endpoint.request,
        endpoint.response,
        endpoint.schemas,
        RouteLimits(depth=endpoint.depth, answer_s=timeout_s),
        error_form(endpoint.error, endpoint.error_schema, endpoint.schemas),
    )


async def _moderate(queue: ModerationQueue, completions: Sequence[Completion]) -> list[Moderated]:
    try:
        return await queue.moderate(completions)
    except QueueFull:
        raise retry_later(429, "queue_full", "the queue is full; expected a retry", FULL_RETRY_MS) from None
    except RequestTooLong:
        raise Refusal(413, "too_large", "the texts have more characters than the queue takes") from None
