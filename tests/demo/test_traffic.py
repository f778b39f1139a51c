"""The made-up traffic: the same each time, all forms in it, and what goes wrong goes wrong where it is said to."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field

import pytest
from aiokafka.codec import lz4_encode

from tidegate.streams.core.events import Completion, DeadLetterReason, Feedback
from tidegate.streams.demo.forms import FORMS, WITHOUT_TIME, Answer, decision_id, malformed
from tidegate.streams.demo.traffic import (
    BIASED,
    FAILING_MODEL,
    HTTP_TENANT,
    INSULTING,
    LENGTH_S,
    PHASES,
    TrafficRecord,
    about_decision,
    describe_phase,
    traffic,
)
from tidegate.streams.wire import Unreadable, decode_completion, decode_feedback
from tidegate.streams.wire.http import openai_moderations

START_MS = 1_800_000_000_000
MADE = traffic(START_MS)
# Of no value by itself.
NOT_MADE = {DeadLetterReason.UNREADABLE_BATCH, DeadLetterReason.REDRIVEN, DeadLetterReason.NOT_REPEATABLE}
ANSWER = Answer("c0042", "pixel-arena", "wren-mini", "chat", "user-7@pixel-arena.example", ("Hello.",), START_MS)


@dataclass(frozen=True)
class Read:
    """A made record as a consumer would get it."""

    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    topic: str = "completions"
    partition: int = 0
    offset: int = 0
    timestamp: int = START_MS
    key: bytes | None = field(default=None)


def read(made: TrafficRecord) -> Read:
    return Read(made.value, made.headers, made.topic)


def completions(kind: str) -> list[tuple[TrafficRecord, Completion]]:
    found = []
    for made in MADE:
        if made.topic == "completions" and made.kind == kind:
            completion = decode_completion(read(made))
            assert isinstance(completion, Completion), f"{made.form}: {completion}"
            found.append((made, completion))
    return found


def test_one_seed_is_one_traffic() -> None:
    assert traffic(START_MS) == MADE
    assert traffic(START_MS, seed=8) != MADE


def test_there_is_enough_of_everything() -> None:
    kinds = Counter(made.kind for made in MADE)
    doors = Counter(made.topic for made in MADE if made.topic != "feedback")
    assert 1_500 <= doors.total() <= 2_000
    assert 0.1 <= doors["moderations"] / doors.total() <= 0.15
    assert all(kinds[kind] >= 20 for kind in ("insult", "stereotype", "failed", "malformed", "feedback"))
    feedback = Counter(made.form for made in MADE if made.topic == "feedback")
    assert feedback["complaint"] > 15
    assert feedback["thumb_up"] > feedback["thumb_down"] > 0


def test_it_is_in_order_and_within_its_length() -> None:
    times = [made.at_s for made in MADE]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < LENGTH_S


def test_tenants_models_routes_and_users_are_several() -> None:
    found = [completion for _, completion in completions("fine")]
    assert len({c.tenant for c in found}) == 4
    assert len({c.model for c in found}) == 3
    assert len({c.route for c in found}) == 3
    assert len({c.user for c in found}) > 100
    assert any(len(c.choices) == 2 for c in found)


def test_fine_answers_are_as_long_as_real_ones() -> None:
    lengths = sorted(len(text) for _, c in completions("fine") for text in c.choices)
    assert 300 <= lengths[len(lengths) // 2] <= 500
    assert lengths[-1] < 900


def test_every_form_occurs_and_decodes_to_one_completion() -> None:
    assert {made.form for made, _ in completions("fine")} == set(FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_encodes_every_field_of_an_answer(form: str) -> None:
    value, headers = FORMS[form](ANSWER)
    found = decode_completion(Read(value, headers))
    assert isinstance(found, Completion)
    assert found.id == decision_id(ANSWER, form)
    assert (found.tenant, found.model, found.route, found.user) == (
        "pixel-arena", "wren-mini", "chat", "user-7@pixel-arena.example",
    )  # fmt: skip
    assert found.choices == ("Hello.",)
    assert found.at_ms == (None if form in WITHOUT_TIME else START_MS)


def test_one_producer_compresses_with_lz4() -> None:
    packed = [made for made in MADE if made.lz4]
    assert len(packed) > 300
    assert {made.form for made in packed} >= set(FORMS)
    smaller = sum(len(lz4_encode(made.value)) < len(made.value) for made in packed if made.value)
    assert smaller > 0.7 * len(packed)  # a batch that is not smaller by it is sent as it is


def test_what_a_producer_failed_to_give_has_no_text() -> None:
    failed = completions("failed")
    assert {made.form for made, _ in failed} == {"native", "litellm", "responses"}
    assert {(c.status, c.completion) for _, c in failed} == {("failed", "")}


def test_malformed_records_are_dead_letters() -> None:
    for made in MADE:
        if made.kind == "malformed":
            assert isinstance(decode_completion(read(made)), Unreadable), made.form


def test_malformed_records_fail_in_every_way_there_is() -> None:
    rng = random.Random(1)
    found = {decode_completion(Read(malformed(rng, ANSWER)[1], ())) for _ in range(300)}
    assert all(isinstance(unreadable, Unreadable) for unreadable in found)
    assert {u.reason for u in found if isinstance(u, Unreadable)} == set(DeadLetterReason) - NOT_MADE


def test_feedback_names_a_completion_that_was_sent_before() -> None:
    sent: set[str] = set()
    for made in MADE:
        if made.topic == "feedback":
            feedback = decode_feedback(read(made))
            assert isinstance(feedback, Feedback), feedback
            assert feedback.completion_id in sent
        elif made.topic == "moderations":
            sent.add(made.asked_about)  # its decision has another id, which the feedback gets when it is sent
        elif isinstance(completion := decode_completion(read(made)), Completion):
            sent.add(completion.id)


def over_http() -> list[tuple[TrafficRecord, Completion]]:
    """What is asked over HTTP, as `serve` reads it."""
    return [
        (made, one)
        for made in MADE
        if made.topic == "moderations"
        for one in openai_moderations.parse(json.loads(made.value or b""), made.asked_about).completions
    ]


def test_no_answer_goes_by_both_doors() -> None:
    by_http = {made.asked_about.rpartition("-")[2] for made, _ in over_http()}
    by_kafka = {re.split("[-#]", c.id)[-1] for kind in ("fine", "insult", "stereotype") for _, c in completions(kind)}
    assert (len(by_http), by_http & by_kafka) == (len(over_http()), set())


def test_what_is_asked_over_http_is_one_text_of_one_tenant() -> None:
    assert all(one.completion for _, one in over_http())
    assert {made.asked_about.rpartition("-")[0] for made, _ in over_http()} == {HTTP_TENANT}
    kinds = Counter(made.kind for made, _ in over_http())
    assert kinds["insult"] > 15
    # OpenAI's form names no author: a spike of one model's stereotypes would be one of `model=unknown`
    assert set(kinds) == {"fine", "insult"}


def test_feedback_on_what_was_asked_names_its_decision() -> None:
    feedback = next(made for made in MADE if made.topic == "feedback" and made.asked_about)
    named = about_decision(feedback, "http-1")
    found = decode_feedback(read(named))
    assert isinstance(found, Feedback)
    assert (found.completion_id, named.key, found.tenant) == ("http-1", b"http-1", HTTP_TENANT)


def test_faults_of_the_traffic_stay_in_their_phase() -> None:
    for kind, phase in (("insult", INSULTING), ("stereotype", BIASED)):
        for made, completion in completions(kind):
            assert phase.at(made.at_s)
            assert phase.where in (completion.tenant, completion.model)
    down = [made for made, c in completions("failed") if c.model == FAILING_MODEL.where and FAILING_MODEL.at(made.at_s)]
    assert len(down) > 0.8 * len(completions("failed"))


def test_each_phase_ends_early_enough_for_its_alert_to_resolve() -> None:
    assert max(phase.end_s for phase in PHASES) + 15 < LENGTH_S  # a window of 10 s empties, and some


def test_describe_phase_names_every_phase_that_runs() -> None:
    assert describe_phase(0) == "all is well"
    assert describe_phase(22) == "tenant pixel-arena: insults · model wren-mini: stereotypes"
