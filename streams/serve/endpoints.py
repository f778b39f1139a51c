"""The routes of `tidegate serve`: each API's own form (`wire/http/`) around one queue. Knows no aiohttp."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic_core import to_json

from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.core.events import Completion
from tidegate.streams.http.routes import (
    BAD_KEY,
    ErrorForm,
    HttpRequest,
    Refusal,
    Reply,
    Route,
    RouteLimits,
    Schemas,
    over_rate,
    retry_later,
)
from tidegate.streams.moderation.moderator import Moderated
from tidegate.streams.serve.apis import ENDPOINTS, Endpoint, Error, Parsed
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.serve.queue import ModerationQueue, QueueFull, RequestTooLong, texts_of
from tidegate.streams.serve.tenants import completions_of
from tidegate.streams.wire.http import decide, guard, perspective
from tidegate.streams.wire.http.refused import Failure, FailureKind, FormRefused, Unscored
from tidegate.streams.wire.http.verdicts import Row

FULL_RETRY_MS = 500  # some batches long
FAULT_RETRY_MS = 1000  # a classifier that fails on a text fails again; one that was slow may not
_KINDS = {kind.status: kind for kind in reversed(FailureKind)}  # the first of a status


def error_form(error: Error, schema: str, schemas: Schemas) -> ErrorForm:
    """Returns an API's form for what the server refuses: its body and type by the API, status and headers by us."""

    def render(refusal: Refusal, _: str) -> Reply:
        bad_key = refusal.code == BAD_KEY
        kind = FailureKind.BAD_KEY if bad_key else _KINDS.get(refusal.status, FailureKind.UNREADABLE)
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


def routes(queue: ModerationQueue, metrics: ServeMetrics, timeout_s: float, root_url: Callable[[], str]) -> list[Route]:
    """Returns a route for each endpoint, and Perspective's discovery document.

    timeout_s: from the body to the answer. root_url: where clients reach this process; called when it listens.
    """
    return [*(_route(endpoint, queue, metrics, timeout_s) for endpoint in ENDPOINTS), _discovery(root_url)]


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


def _route(endpoint: Endpoint, queue: ModerationQueue, metrics: ServeMetrics, timeout_s: float) -> Route:
    async def handle(request: HttpRequest) -> Reply:
        try:
            parsed: Parsed = endpoint.parse(request, f"http-{request.id}")
        except FormRefused as refused:
            status, body, headers = endpoint.error(refused)
            return Reply(to_json(body), status, headers=headers)
        completions = completions_of(parsed.completions, request.caller, request.headers)
        _require_rate(request, completions)
        rows = await _moderate(queue, completions)
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
        RouteLimits(endpoint.body_bytes, endpoint.depth, answer_s=timeout_s),
        error_form(endpoint.error, endpoint.error_schema, endpoint.schemas),
        endpoint.invalid,
        right=KeyRight.MODERATE,
        key_in_query=endpoint.key_in_query,
    )


def _require_rate(request: HttpRequest, completions: Sequence[Completion]) -> None:
    """Raises Refusal where the texts are more characters than the caller may send now."""
    if request.caller is None or request.caller.rate is None:
        return
    if wait_ms := request.caller.rate.take_characters(sum(map(len, texts_of(completions)))):
        raise over_rate("characters", wait_ms)


async def _moderate(queue: ModerationQueue, completions: Sequence[Completion]) -> list[Moderated]:
    try:
        return await queue.moderate(completions)
    except QueueFull:
        raise retry_later(429, "queue_full", "the queue is full; expected a retry", FULL_RETRY_MS) from None
    except RequestTooLong:
        raise Refusal(413, "too_large", "the texts have more characters than the queue takes") from None
