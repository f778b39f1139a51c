"""Requests made from our own OpenAPI document, as it allows and as it does not: no 500, and answers as it says.

Schemathesis makes them and checks each answer: its status and schema are in the document, what breaks the schema is
refused, no path answers without a key, and other methods are 405.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.fuzz.profile import fuzzed
from tests.serve.conftest import HOST, moderator
from tests.support.scorers import ScriptedScorer
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.core.events import Feedback
from tidegate.streams.http.openapi import document, document_routes
from tidegate.streams.operations.api_keys import add_key
from tidegate.streams.serve.endpoints import OWN_ERRORS, routes
from tidegate.streams.serve.metrics import ServeMetrics
from tidegate.streams.serve.process import ServeOptions, ServeProcess
from tidegate.streams.serve.queue import ModerationQueue, QueueBounds
from tidegate.streams.serve.suggestions import FeedbackSink

T = TypeVar("T")
NEVER = (schemathesis.checks.ignored_auth,)  # each call has a key beside what is made; tests/serve/test_keys.py has it
REFUSED, TAKEN = schemathesis.checks.negative_data_rejection, schemathesis.checks.positive_data_acceptance
# What the document does not say in full: /v1/decide reads eight forms, and repairs fields that decide nothing; of
# LiteLLM's those are not looked at; of Perspective it has neither the attributes nor the languages.
ALSO = {
    "POST /v1/decide": (REFUSED, TAKEN),
    "POST /beta/litellm_basic_guardrail_api": (REFUSED,),
    "POST /v1alpha1/comments:analyze": (TAKEN,),
    "POST /v1alpha1/comments:suggestscore": (TAKEN,),
}


async def nobody_asks(_: Sequence[Any]) -> list[Any]:
    return []


def described() -> dict[str, Any]:
    """The document that `serve` with keys serves."""
    table = routes(ModerationQueue(nobody_asks, QueueBounds()), ServeMetrics(), 10, lambda: "")
    table += document_routes("Tidegate", "1", "", table, OWN_ERRORS, keyed=True)
    return document("Tidegate", "1", "", table, keyed=True)


SCHEMA = schemathesis.openapi.from_dict(described())
OPERATIONS = {
    f"{method.upper()} {path}": SCHEMA[path][method]
    for path, one in SCHEMA.raw_schema["paths"].items()
    for method in one
}
# /health takes no body and no key: there is nothing to break.
CASES = [
    *((name, GenerationMode.POSITIVE) for name in OPERATIONS),
    *((name, GenerationMode.NEGATIVE) for name in OPERATIONS if name != "GET /health"),
]


class RunningServe:
    """A process that serves, on an event loop of its own, and the secret of a key for it."""

    def __init__(self, keys_file: Path) -> None:
        rights = (KeyRight.MODERATE, KeyRight.FEEDBACK, KeyRight.ANY_TENANT)
        self.secret = add_key(keys_file, "fuzz", "acme", 1, rights=rights).secret
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        options = ServeOptions(keys_file=keys_file)
        sink = FeedbackSink(_taken, lambda *_: "t")
        self._process = ServeProcess(options, lambda: moderator(ScriptedScorer()), feedback=sink)
        self._call(self._process.open())
        self.url = f"http://{HOST}:{self._process.port}"

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def stop(self) -> None:
        self._call(self._process.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _taken(_: Sequence[Feedback]) -> None:
    """Takes all feedback: what Kafka does with it is tests/serve/test_suggestions.py."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServe]:
    found = RunningServe(tmp_path_factory.mktemp("keys") / "keys.json")
    yield found
    found.stop()


@pytest.mark.parametrize(("operation", "mode"), CASES)
@fuzzed(10)
@given(data=st.data())
def test_a_request_made_from_the_document(
    running: RunningServe, operation: str, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(OPERATIONS[operation].as_strategy(generation_mode=mode))
    excluded = [*NEVER, *ALSO.get(operation, ())]
    case.call_and_validate(base_url=running.url, headers={"x-api-key": running.secret}, excluded_checks=excluded)
