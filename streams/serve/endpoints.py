"""The routes of `tidegate serve`: each API's own form (`wire/http/`) around one queue. Knows no aiohttp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pydantic_core import to_json

from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.core.events import Completion
from tidegate.streams.core.policy.wording import Wording
from tidegate.streams.http.routes import (
    HttpRequest,
    Refusal,
    Reply,
    Route,
    RouteLimits,
    retry_later,
)
from tidegate.streams.moderation.moderator import Moderated
from tidegate.streams.serve.apis import ENDPOINTS, Endpoint, Parsed
from tidegate.streams.serve.error_forms import OWN_ERRORS as OWN_ERRORS
from tidegate.streams.serve.error_forms import error_form
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.serve.queue import ModerationQueue, QueueFull, RequestTooLong, texts_of
from tidegate.streams.serve.suggestions import FeedbackSink, suggest_route
from tidegate.streams.serve.tenants import completions_of, require_characters
from tidegate.streams.serve.writing import NotCounted
from tidegate.streams.wire.http import fms_detectors, guard, perspective
from tidegate.streams.wire.http.refused import FormRefused, Unscored
from tidegate.streams.wire.http.verdicts import Row

FULL_RETRY_MS = 500  # some batches long
UNCOUNTED_RETRY_MS = 1000
FAULT_RETRY_MS = 1000  # a classifier that fails on a text fails again; one that was slow may not


class Counts(Protocol):
    """Counts what is answered. Both raise NotCounted: the request is not answered then."""

    async def count(self, rows: Sequence[Moderated], request_id: str | None, call_id: str | None = None) -> None: ...

    async def count_blocked_prompts(self, rows: Sequence[Moderated], request_id: str | None) -> None: ...


def routes(
    queue: ModerationQueue,
    metrics: ServeMetrics,
    timeout_s: float,
    root_url: Callable[[], str],
    feedback: FeedbackSink | None = None,
    counts: Counts | None = None,
    wording: Callable[[Moderated], Wording] = lambda _: Wording(),
) -> list[Route]:
    """Returns a route for each endpoint, for Perspective's suggestions and discovery document, and a detector's health.

    timeout_s: from the body to the answer. root_url: where clients reach this process; called when it listens.
    feedback: where suggestions go; None without Kafka. counts: None, and nothing is counted.
    wording: what the policy of a verdict shows in place of a text.
    """
    moderating = [_route(endpoint, queue, metrics, timeout_s, counts, wording) for endpoint in ENDPOINTS]
    return [*moderating, suggest_route(feedback, timeout_s), _discovery(root_url), _health()]


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
        key_in_query=True,
    )


def _health() -> Route:
    async def handle(_: HttpRequest) -> Reply:
        return Reply(to_json(fms_detectors.HEALTHY))

    return Route(
        "GET",
        fms_detectors.HEALTH_PATH,
        handle,
        "Whether this detector answers, for the FMS orchestrator. Probes have a port of their own.",
        response=fms_detectors.HEALTH,
        schemas=fms_detectors.SCHEMAS,
        errors=error_form(fms_detectors.error, fms_detectors.ERROR, fms_detectors.SCHEMAS),
        open_to_all=True,
    )


def _route(
    endpoint: Endpoint,
    queue: ModerationQueue,
    metrics: ServeMetrics,
    timeout_s: float,
    counts: Counts | None,
    wording: Callable[[Moderated], Wording],
) -> Route:
    async def handle(request: HttpRequest) -> Reply:
        try:
            parsed: Parsed = endpoint.parse(request, f"http-{request.id}")
        except FormRefused as refused:
            status, body, headers = endpoint.error(refused)
            return Reply(to_json(body), status, headers=headers)
        completions = completions_of(parsed.completions, request.caller, request.headers)
        require_characters(request.caller, sum(map(len, texts_of(completions))))
        rows = await _moderate(queue, completions)
        metrics.count_moderated(rows)
        results: list[Row] = [(row.judged, row.verdict) for row in rows]
        try:
            answer = endpoint.answer(parsed, results, [wording(row) for row in rows])
        except Unscored:
            raise retry_later(503, "fault", "a text could not be scored; expected a retry", FAULT_RETRY_MS) from None
        if endpoint.path == guard.PATH:
            metrics.guarded.labels(answer["action"]).inc()
        if counts is not None:
            await _count(counts, endpoint, rows, answer, request.given_id or None, parsed)
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
        right=KeyRight.MODERATE,
        key_in_query=endpoint.key_in_query,
        busy=lambda: _full() if queue.full else None,
    )


def _full() -> Refusal:
    return retry_later(429, "queue_full", "the queue is full; expected a retry", FULL_RETRY_MS)


async def _count(
    counts: Counts, endpoint: Endpoint, rows: Sequence[Moderated], answer: Any, given_id: str | None, parsed: Any
) -> None:
    """Counts what is about to be answered. Of a prompt that passes, the answer's own call makes the record."""
    request_id = endpoint.request_id(parsed) or given_id
    try:
        if endpoint.path != guard.PATH:
            await counts.count(rows, request_id, endpoint.call_id(parsed))
        elif answer["action"] == "block":
            await counts.count_blocked_prompts(rows, request_id)
    except NotCounted:
        message = "the moderation could not be counted, and must be; expected a retry"
        raise retry_later(503, "not_counted", message, UNCOUNTED_RETRY_MS) from None


async def _moderate(queue: ModerationQueue, completions: Sequence[Completion]) -> list[Moderated]:
    try:
        return await queue.moderate(completions)
    except QueueFull:
        raise _full() from None
    except RequestTooLong:
        raise Refusal(413, "too_large", "the texts have more characters than the queue takes") from None
