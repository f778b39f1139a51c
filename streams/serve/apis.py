"""Every API that `tidegate serve` answers, as one table: its path, its form (`wire/http/`) and its schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tidegate.streams.core.events import Completion
from tidegate.streams.core.policy.wording import MASK, Wording
from tidegate.streams.http.routes import HttpRequest, RouteLimits, Schemas
from tidegate.streams.wire.http import (
    azure_content_safety,
    decide,
    fms_detectors,
    guard,
    litellm_guardrail,
    openai_moderations,
    perspective,
)
from tidegate.streams.wire.http.refused import Failure, FormRefused
from tidegate.streams.wire.http.verdicts import Row

CONVERSATION_BYTES = 4 * 2**20  # LiteLLM sends a whole conversation, twice, and its tools
DEPTH = 200  # of the forms that `completions` takes; the topic's own bound

Error = Callable[[FormRefused | Failure], tuple[int, Mapping[str, Any], Mapping[str, str]]]


class Parsed(Protocol):
    """What every form's `parse` returns."""

    @property
    def id(self) -> str: ...
    @property
    def completions(self) -> Sequence[Completion]: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path of one API. parse raises RequestRefused.

    answer: of the rows, and of the wording of the policy for each; raises Unscored where the form has no field for it.
    """

    path: str
    summary: str
    parse: Callable[[HttpRequest, str], Any]
    answer: Callable[[Any, Sequence[Row], Sequence[Wording]], Any]
    error: Error
    request: str
    response: str
    error_schema: str
    schemas: Schemas
    headers: Callable[[Sequence[Row]], Mapping[str, str]] = lambda _: {}
    request_id: Callable[[Any], str | None] = lambda _: None  # that the caller gave in the body
    call_id: Callable[[Any], str | None] = lambda _: None  # of calls about the same texts, which grow
    depth: int = RouteLimits().depth
    body_bytes: int = RouteLimits().body_bytes
    invalid: int = 400
    key_in_query: bool = False


ENDPOINTS = (
    Endpoint(
        openai_moderations.PATH,
        "OpenAI's moderation: texts in, the 13 categories of each out.",
        lambda request, id: openai_moderations.parse(request.json, id),
        lambda parsed, rows, _: openai_moderations.answer(parsed, rows),
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
        lambda parsed, rows, words: decide.answer(
            parsed, rows, mask=words[0].mask, fallback=words[0].fallback(parsed.id)
        ),
        decide.error,
        decide.REQUEST,
        decide.RESPONSE,
        decide.ERROR,
        decide.SCHEMAS,
        depth=DEPTH,
        request_id=lambda parsed: parsed.request_id,
    ),
    Endpoint(
        guard.PATH,
        "A prompt, before a model is asked: allow or block.",
        lambda request, id: guard.parse(request.json, id),
        lambda parsed, rows, _: guard.answer(parsed, rows),
        guard.error,
        guard.REQUEST,
        guard.RESPONSE,
        guard.ERROR,
        guard.SCHEMAS,
    ),
    Endpoint(
        perspective.PATH,
        "Perspective's analysis: a comment in, a score for each requested attribute out.",
        lambda request, id: perspective.parse(request.json, id),
        lambda parsed, rows, _: perspective.answer(parsed, rows),
        perspective.error,
        perspective.REQUEST,
        perspective.RESPONSE,
        perspective.ERROR,
        perspective.SCHEMAS,
        perspective.headers,
        key_in_query=True,
    ),
    Endpoint(
        litellm_guardrail.PATH,
        "LiteLLM's generic guardrail, before and after its proxy calls a model.",
        lambda request, id: litellm_guardrail.parse(request.json, id),
        lambda parsed, rows, words: litellm_guardrail.answer(
            parsed,
            rows,
            mask=words[0].mask if words else MASK,  # one tenant, model and route a request
        ),
        litellm_guardrail.error,
        litellm_guardrail.REQUEST,
        litellm_guardrail.RESPONSE,
        litellm_guardrail.ERROR,
        litellm_guardrail.SCHEMAS,
        litellm_guardrail.headers,
        call_id=lambda parsed: None if parsed.of_prompt else parsed.call_id,
        depth=DEPTH,  # it has the schemas of tools
        body_bytes=CONVERSATION_BYTES,
    ),
    Endpoint(
        fms_detectors.PATH,
        "FMS detectors' contents, for TrustyAI, the FMS orchestrator and NeMo Guardrails.",
        lambda request, id: fms_detectors.parse(request.json, id),
        lambda parsed, rows, _: fms_detectors.answer(parsed, rows),
        fms_detectors.error,
        fms_detectors.REQUEST,
        fms_detectors.RESPONSE,
        fms_detectors.ERROR,
        fms_detectors.SCHEMAS,
        fms_detectors.headers,
        invalid=422,
    ),
    Endpoint(
        azure_content_safety.PATH,
        "Azure AI Content Safety's analysis: a severity for each of four categories.",
        lambda request, id: azure_content_safety.parse(request.json, id),
        lambda parsed, rows, _: azure_content_safety.answer(parsed, rows),
        azure_content_safety.error,
        azure_content_safety.REQUEST,
        azure_content_safety.RESPONSE,
        azure_content_safety.ERROR,
        azure_content_safety.SCHEMAS,
        azure_content_safety.headers,
    ),
)
