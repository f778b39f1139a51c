"""Perspective's `comments:suggestscore`: what people say a score should be, as feedback. No text is kept."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic_core import to_json

from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.core.events import Feedback, FeedbackKind
from tidegate.streams.errors import BrokerRefused, BrokerUnavailable, TopicsMissing
from tidegate.streams.http.routes import HttpRequest, Refusal, Reply, Route, RouteLimits, retry_later
from tidegate.streams.serve.error_forms import error_form
from tidegate.streams.serve.tenants import require_characters, tenant_of
from tidegate.streams.wire.http import perspective
from tidegate.streams.wire.http.refused import FormRefused

NO_KAFKA = 501
RETRY_MS = 1000
_NO_KAFKA_MESSAGE = "feedback needs Kafka, and this server runs without it; nothing was kept"

log = logging.getLogger(__name__)


class PublishFeedback(Protocol):
    """Puts feedback on its topic."""

    def __call__(self, feedback: Sequence[Feedback], /) -> Awaitable[None]:
        """Returns once all of it is acknowledged. Raises BrokerUnavailable, BrokerRefused, TopicsMissing."""


@dataclass(frozen=True, slots=True)
class FeedbackSink:
    """Where `serve` with Kafka puts feedback. text_id: from a tenant and a text to what stands for it: an HMAC."""

    publish: PublishFeedback
    text_id: Callable[[str, str], str]


def suggest_route(sink: FeedbackSink | None, timeout_s: float) -> Route:
    """Returns the route. sink: None without Kafka; then a request is answered 501 after it was read."""

    async def handle(request: HttpRequest) -> Reply:
        try:
            suggested = perspective.parse_suggestion(request.json)
        except FormRefused as refused:
            status, body, headers = perspective.error(refused)
            return Reply(to_json(body), status, headers=headers)
        require_characters(request.caller, len(suggested.text))
        if sink is None:
            raise Refusal(NO_KAFKA, "no_kafka", _NO_KAFKA_MESSAGE)
        tenant = tenant_of(request.caller, request.headers, None)
        await _publish(sink, feedback_of(suggested, request.id, tenant, sink.text_id))
        return Reply(to_json(perspective.answer_suggestion(suggested)))

    return Route(
        "POST",
        perspective.SUGGEST_PATH,
        handle,
        "Perspective's suggestion of a score: a complaint from 0.5 on, below it that a score is mistaken.",
        perspective.SUGGEST_REQUEST,
        perspective.SUGGEST_RESPONSE,
        perspective.SCHEMAS,
        RouteLimits(answer_s=timeout_s),
        error_form(perspective.error, perspective.ERROR, perspective.SCHEMAS),
        right=KeyRight.FEEDBACK,
        key_in_query=True,
        more={str(NO_KAFKA): "This server has no Kafka: there is nowhere to put feedback."},
    )


def feedback_of(
    suggested: perspective.SuggestRequest, id: str, tenant: str | None, text_id: Callable[[str, str], str]
) -> list[Feedback]:
    """Returns what a request says: at most one of each kind, however many attributes it names.

    One person says one thing of one text; three attributes of it are not three complaints.
    """
    kinds = dict.fromkeys(suggestion.kind for suggestion in suggested.suggestions)
    about = text_id(tenant or "", suggested.text)
    of_tenant = {} if tenant is None else {"tenant": tenant}
    return [
        Feedback.model_validate(
            {"id": f"http-{id}-{kind}", "completion_id": about, "kind": FeedbackKind(kind), **of_tenant}
        )
        for kind in kinds
    ]


async def _publish(sink: FeedbackSink, feedback: Sequence[Feedback]) -> None:
    try:
        await sink.publish(feedback)
    except (BrokerUnavailable, BrokerRefused, TopicsMissing) as error:
        log.warning("feedback is not counted: %s", error)
        raise retry_later(503, "kafka", "Kafka did not take the feedback; expected a retry", RETRY_MS) from None
