"""The routes of `tidegate serve`: each API's own form (`wire/http/`) around one queue. Knows no aiohttp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from tidegate.streams.serve.apis import ENDPOINTS, Endpoint, Error, Parsed
from tidegate.streams.serve.counting import NotCounted
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.serve.queue import ModerationQueue, QueueFull, RequestTooLong
from tidegate.streams.wire.http import decide, guard, perspective
from tidegate.streams.wire.http.refused import Failure, FailureKind, FormRefused, Unscored
from tidegate.streams.wire.http.verdicts import Row

FULL_RETRY_MS = 500  # some batches long
UNCOUNTED_RETRY_MS = 1000
FAULT_RETRY_MS = 1000  # a classifier that fails on a text fails again; one that was slow may not
_KINDS = {kind.status: kind for kind in reversed(FailureKind)}  # the first of a status


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


class Counts(Protocol):
    """Counts what is answered. Both raise NotCounted: the request is not answered then."""

    async def count(self, rows: Sequence[Moderated], request_id: str | None) -> None: ...

    async def count_blocked_prompts(self, rows: Sequence[Moderated], request_id: str | None) -> None: ...


def routes(
    queue: ModerationQueue,
    metrics: ServeMetrics,
    timeout_s: float,
    root_url: Callable[[], str],
    counts: Counts | None = None,
) -> list[Route]:
    """Returns a route for each endpoint, and Perspective's discovery document.

    timeout_s: from the body to the answer. root_url: where clients reach this process; called when it listens.
    counts: None, and nothing is counted.
    """
    return [*(_route(endpoint, queue, metrics, timeout_s, counts) for endpoint in ENDPOINTS), _discovery(root_url)]


def _discovery(root_url: Callable[[], str]) -> Route:
    async def handle(_: HttpRequest) -> Reply:
        return Reply(to_json(perspective.discovery(root_url())))

    return Route(
        "GET",
        perspective.DISCOVERY_PATH,
        handle,
        "Perspective's discovery document, from which Google's clients make themselves.",
        response=perspective.DISCOVERY,
        schemas=perspective.SCHEMAS,
        errors=error_form(perspective.error, perspective.ERROR, perspective.SCHEMAS),
    )


def _route(
    endpoint: Endpoint, queue: ModerationQueue, metrics: ServeMetrics, timeout_s: float, counts: Counts | None
) -> Route:
    async def handle(request: HttpRequest) -> Reply:
        try:
            parsed: Parsed = endpoint.parse(request, f"http-{request.id}")
        except FormRefused as refused:
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
        if counts is not None:
            await _count(counts, endpoint, rows, answer, endpoint.request_id(parsed) or request.given_id or None)
        return Reply(to_json(answer), headers=endpoint.headers(results))

    return Route(
        "POST",
        endpoint.path,
        handle,
        endpoint.summary,
        endpoint.request,
        endpoint.response,
        endpoint.schemas,
        RouteLimits(endpoint.body_bytes, endpoint.depth, answer_s=timeout_s),
        error_form(endpoint.error, endpoint.error_schema, endpoint.schemas),
        endpoint.invalid,
    )


async def _count(
    counts: Counts, endpoint: Endpoint, rows: Sequence[Moderated], answer: Any, request_id: str | None
) -> None:
    """Counts what is about to be answered. Of a prompt that passes, the answer's own call makes the record."""
    try:
        if endpoint.path != guard.PATH:
            await counts.count(rows, request_id)
        elif answer["action"] == "block":
            await counts.count_blocked_prompts(rows, request_id)
    except NotCounted:
        message = "the moderation could not be counted, and must be; expected a retry"
        raise retry_later(503, "not_counted", message, UNCOUNTED_RETRY_MS) from None


async def _moderate(queue: ModerationQueue, completions: Sequence[Completion]) -> list[Moderated]:
    try:
        return await queue.moderate(completions)
    except QueueFull:
        raise retry_later(429, "queue_full", "the queue is full; expected a retry", FULL_RETRY_MS) from None
    except RequestTooLong:
        raise Refusal(413, "too_large", "the texts have more characters than the queue takes") from None
