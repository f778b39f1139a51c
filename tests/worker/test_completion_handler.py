"""The handler for `completions`: decodes, scores and decides; its output holds neither text nor user."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.support.scorers import LABELS, CascadeScorer
from tests.wire.records import Fake
from tidegate.classifiers import Scored
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import (
    Action,
    DeadLetter,
    DeadLetterReason,
    Decision,
    EventTime,
    FaultReason,
    Scopes,
    Source,
)
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.errors import StoreUnavailable
from tidegate.streams.ingest.batches import Batch, RecordRange
from tidegate.streams.ingest.takeover import CheckpointTrust, OwnedPartition
from tidegate.streams.metrics import Metrics
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.moderation.records import RecordModerator
from tidegate.streams.moderation.scoring import Scoring
from tidegate.streams.moderation.spans import MAX_SPANS
from tidegate.streams.store.memory import MemoryStore
from tidegate.streams.store.scope_limiter import ScopeLimiter
from tidegate.streams.worker.completion_handler import CompletionHandler
from tidegate.streams.worker.replaced import ReplacedTimes

P = TopicPartition("completions", 3)
NOW = 1_767_268_800_000
KEY = UserKey(b"0123456789abcdef")
USER, TALK, TEXT = "raw-user-77", "raw-talk-88", "what was said"
POLICY: dict[str, Any] = {
    "labels": {"toxicity": {"flag": 0.5, "block": 0.9}, "insult": {"flag": 0.5, "review": 0.8}},
    "faults": {"routes": {"kids": "closed"}},
}
PLAIN = LivePolicy("7-0123abcd", parse(POLICY, "p"))
PROMPTS = LivePolicy("8-0123abcd", parse({**POLICY, "prompt_labels": {"toxicity": {"review": 0.6}}}, "p"))


class RecordingScorer(CascadeScorer):
    """Records every text that it is called with, call by call: to score, or to explain."""

    version = "scripted@1"

    def __init__(self) -> None:
        self.scored_texts: list[list[str]] = []
        self.explained_texts: list[list[str]] = []

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        (self.explained_texts if explain else self.scored_texts).append(list(texts))
        return super().score(texts, explain=explain)


class RecordingInHand:
    """The `RecordInHand` of a handler. Records each one, and the number of calls of the scorer before it."""

    def __init__(self, scorer: RecordingScorer) -> None:
        self.in_hand_calls: list[tuple[int | None, int]] = []
        self._scorer = scorer
        self.unavailable = False

    async def in_hand(self, partition: TopicPartition, epoch: int, offset: int | None) -> None:
        if self.unavailable:
            raise StoreUnavailable("redis: no answer")
        self.in_hand_calls.append((offset, len(self._scorer.scored_texts)))


class Harness:
    """A CompletionHandler and its dependencies."""

    def __init__(self, live: LivePolicy = PLAIN, keep_bytes_up_to: int = 0) -> None:
        self.live = live
        self.scorer = RecordingScorer()
        self.store = RecordingInHand(self.scorer)
        self.metrics = Metrics()
        self.scoring = Scoring(1, 5, self.metrics.count_texts)
        self.scored_under: list[LivePolicy] = []
        moderator = Moderator(
            self.scoring,
            lambda live: self.scored_under.append(live) or self.scorer,  # type: ignore[func-returns-value]
            explained=lambda outcome: self.metrics.explained.labels(outcome).inc(),
        )
        self.handler = CompletionHandler(
            RecordModerator(moderator, KEY, keep_bytes_up_to=keep_bytes_up_to),
            self.store,
            lambda: self.live,
            self.metrics,
            replaced=ReplacedTimes(self.metrics.count_times_replaced, 100, lambda: self.monotonic),
            clock=lambda: NOW / 1000,
        )
        self.monotonic = 0.0

    async def results(self, *records: Fake, owned: OwnedPartition | None = None) -> list[Decision | DeadLetter]:
        record_range = RecordRange(
            owned or OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED), records[0].offset, list(records), 0
        )
        prepared = await self.handler.prepare(batch(record_range))
        return self.handler.conclude(record_range, prepared[0], self.live)

    async def decision(self, **event: Any) -> Decision:
        (decision,) = await self.results(record(0, **event))
        assert isinstance(decision, Decision)
        return decision


@pytest.fixture
def bench() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.scoring.close()


@pytest.fixture
def prompting() -> Iterator[Harness]:
    harness = Harness(PROMPTS)
    yield harness
    harness.scoring.close()


def batch(*ranges: RecordRange) -> Batch:
    return Batch(list(ranges), asyncio.Event(), sum(len(record_range.records) for record_range in ranges), 0)


def record(offset: int, completion: Any = TEXT, **more: Any) -> Fake:
    event = {"id": f"c{offset}", "completion": completion, **more}
    return Fake(json.dumps(event).encode(), offset=offset, timestamp=NOW + offset)


# --- choices


async def test_the_highest_choice_wins_and_the_reason_has_its_index(bench: Harness) -> None:
    decision = await bench.decision(completion=["toxicity=0.6 insult=0.9", "toxicity=0.95", "toxicity=0.2 insult=0.1"])
    assert decision.action is Action.BLOCK
    assert [(r.label, r.action, r.score, r.choice) for r in decision.reasons] == [
        ("toxicity", Action.BLOCK, 0.95, 1),
        ("insult", Action.REVIEW, 0.9, 0),
    ]
    others = dict.fromkeys(set(LABELS) - {"toxicity", "insult"}, 0)
    assert decision.scores == {"toxicity": 0.95, "insult": 0.9, **others}
    assert decision.choice_of == {"toxicity": 1, "insult": 0, **others}


async def test_of_equal_choices_the_first_is_named(bench: Harness) -> None:
    decision = await bench.decision(completion=["toxicity=0.1", "toxicity=0.7", "toxicity=0.7"])
    assert decision.reasons[0].choice == 1


async def test_one_choice_needs_no_index(bench: Harness) -> None:
    assert (await bench.decision(completion="toxicity=0.95")).choice_of == {}
    assert (await bench.decision(completion=["toxicity=0.95"])).choice_of == {}


@pytest.mark.parametrize(("bad", "fault"), [("RAISE", FaultReason.CLASSIFIER_ERROR), ("NAN", FaultReason.BAD_SCORES)])
@pytest.mark.parametrize(("route", "action"), [("chat", Action.ALLOW), ("kids", Action.BLOCK)])
async def test_a_fault_in_one_choice_is_a_fault_decision(
    bench: Harness, bad: str, fault: FaultReason, route: str, action: Action
) -> None:
    decision = await bench.decision(completion=["toxicity=0.95", bad, "insult=0.9"], route=route)
    assert (decision.fault, decision.action) == (fault, action)
    assert (decision.scores, decision.choice_of, decision.prompt_scores) == ({}, {}, {})


async def test_scores_belong_to_the_completion_that_has_the_text(prompting: Harness) -> None:
    results = await prompting.results(
        record(0, ["toxicity=0.1", "toxicity=0.2"], prompt="toxicity=0.3"),
        Fake(b"{", offset=1),
        record(2, "", status="failed", prompt="toxicity=0.9"),
        record(3, "toxicity=0.4"),
        record(4, "RAISE"),
        record(5, "toxicity=0.5", prompt="toxicity=0.7"),
    )
    scores = [(d.scores.get("toxicity"), d.prompt_scores) for d in results if isinstance(d, Decision)]
    assert scores == [
        (0.2, {"toxicity": 0.3}),
        (None, {}),  # failed
        (0.4, {}),
        (None, {}),  # a fault
        (0.5, {"toxicity": 0.7}),
    ]
    assert [(d.source.offset, type(d)) for d in results if isinstance(d, DeadLetter)] == [(1, DeadLetter)]
    assert [d.source.offset for d in results] == list(range(6))


async def test_a_decision_carries_the_completions_own_fields(bench: Harness) -> None:
    decision = await bench.decision(
        id="c-9", tenant="acme", model="m", route="chat", locale="de", at_ms=NOW - 600_001, user=USER
    )
    assert decision.scopes == Scopes(tenant="acme", model="m", route="chat", locale="de")
    assert (decision.id, decision.event_ms, decision.record_ms) == ("c-9", NOW - 600_001, NOW)
    assert (decision.time, decision.at_ms) == (EventTime.TOO_LATE, NOW - 600_001)  # late_s is 600
    assert decision.source == Source(topic="completions", partition=3, offset=0)


# --- who gave a score


async def test_a_decision_has_an_hmac_of_its_records_bytes(bench: Harness) -> None:
    one = record(0)
    again, other = replace(one, offset=1), replace(one, value=(one.value or b"") + b" ", offset=2)
    decisions = [d for d in await bench.results(one, again, other) if isinstance(d, Decision)]
    assert [d.record_hmac for d in decisions] == [KEY.record(r.value or b"") for r in (one, again, other)]
    assert decisions[0].record_hmac == decisions[1].record_hmac != decisions[2].record_hmac
    failed = await bench.decision(completion="", status="failed")
    assert failed.record_hmac is not None


async def test_a_decision_says_which_scores_the_encoder_gave(bench: Harness) -> None:
    decision = await bench.decision(completion="toxicity=0.95! insult=0.9")
    assert decision.by_encoder == ("toxicity",)
    assert [(r.label, r.by) for r in decision.reasons] == [("toxicity", "encoder"), ("insult", "screen")]


async def test_by_encoder_is_of_the_choice_with_the_score(bench: Harness) -> None:
    decision = await bench.decision(completion=["toxicity=0.6! insult=0.2", "toxicity=0.95 insult=0.7!"])
    assert decision.choice_of["toxicity"] == decision.choice_of["insult"] == 1
    assert decision.by_encoder == ("insult",)


async def test_faults_and_failed_completions_have_no_by_encoder(bench: Harness) -> None:
    for event in ({"completion": "RAISE toxicity=0.5!"}, {"completion": "", "status": "failed"}):
        decision = await bench.decision(**event)
        assert (decision.by_encoder, decision.prompt_by_encoder) == (None, None)
        assert [reason.by for reason in decision.reasons] == [None]


async def test_a_prompts_by_encoder_holds_prompt_labels_only(prompting: Harness) -> None:
    decision = await prompting.decision(completion="insult=0.1!", prompt="toxicity=0.7! insult=0.99!")
    assert (decision.by_encoder, decision.prompt_by_encoder) == (("insult",), ("toxicity",))
    assert [(r.of, r.by) for r in decision.reasons] == [("prompt", "encoder")]


async def test_texts_and_those_that_the_encoder_read_are_counted(prompting: Harness) -> None:
    await prompting.results(record(0, ["toxicity=0.5!", "b"], prompt="c"), record(1, "insult=0.5!"), record(2, "d"))
    get = prompting.metrics.registry.get_sample_value
    assert (get("tidegate_texts_scored_total"), get("tidegate_texts_sent_total")) == (5, 2)


async def test_a_policy_change_after_scoring_keeps_the_scores(bench: Harness) -> None:
    """The new thresholds apply to the scores of before."""
    record_range = RecordRange(OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED), 0, [record(0, "toxicity=0.7")], 0)
    prepared = await bench.handler.prepare(batch(record_range))
    stricter = LivePolicy("9-0123abcd", parse({"labels": {"toxicity": {"block": 0.6}}}, "p"))
    (decision,) = bench.handler.conclude(record_range, prepared[0], stricter)
    assert isinstance(decision, Decision)
    assert (decision.action, decision.policy_version) == (Action.BLOCK, stricter.version)
    assert bench.scored_under == [PLAIN]  # scored once, with the bands of the policy that was live then
    assert decide(Inputs.of(decision), stricter) == decision


# --- redact: spans of what reaches a redact threshold, and of nothing else

REDACT = LivePolicy(
    "9-0123abcd",
    parse(
        {
            "labels": {"toxicity": {"flag": 0.5, "redact": 0.8, "block": 0.95}, "insult": {"flag": 0.5}},
            "scopes": [{"tenant": "kids", "labels": {"insult": {"redact": 0.6}}}],
        },
        "p",
    ),
)


@pytest.fixture
def redacting() -> Iterator[Harness]:
    made = Harness(REDACT)
    yield made
    made.scoring.close()


def pieces(decision: Decision, *texts: str) -> list[tuple[str, str]]:
    """What each span quotes: the label, and the piece of its choice's text."""
    return [(s.label, texts[decision.choice_of.get(s.label, 0)][s.start : s.end]) for s in decision.spans]


async def test_a_redact_decision_has_spans_in_code_points(redacting: Harness) -> None:
    """They are offsets into the original text."""
    # an emoji of five code points, a letter with a combining mark: neither bytes nor UTF-16 nor what is seen
    text = "👩🏽‍🚒 ne\u0301e toxicity=0.85 then 🙂 toxicity=0.8 "
    decision = await redacting.decision(completion=text)
    assert decision.action is Action.REDACT
    assert pieces(decision, text) == [("toxicity", "toxicity=0.85"), ("toxicity", "toxicity=0.8")]
    assert decision.spans[0].start == 10  # 4 code points of the firefighter, then " née " with its mark apart: 6
    assert decide(Inputs.of(decision), REDACT) == decision


# text, tenant; the action, the labels of its spans, texts that were asked to be explained
EXPLAINED: list[tuple[str, str, str, list[str], int]] = [
    ("toxicity=0.79", "acme", "flag", [], 0),
    ("toxicity=0.8", "acme", "redact", ["toxicity"], 1),
    ("toxicity=0.96", "acme", "block", ["toxicity"], 1),  # spans of what is blocked do no harm
    ("insult=0.9", "kids", "redact", ["insult"], 1),
    ("insult=0.9", "acme", "flag", ["insult"], 1),  # some scope's threshold: whose it is, `decide` says
    ("toxicity=0.8 insult=0.55", "kids", "redact", ["toxicity"], 1),  # of insult, no threshold is reached
    ("toxicity=0.85 MUTE", "acme", "review", [], 1),  # cannot be explained: a person looks
]


@pytest.mark.parametrize(("text", "tenant", "action", "labels", "explained"), EXPLAINED)
async def test_only_texts_that_reach_a_redact_threshold_are_explained(
    redacting: Harness, text: str, tenant: str, action: str, labels: list[str], explained: int
) -> None:
    decision = await redacting.decision(completion=text, tenant=tenant)
    assert (decision.action.value, [span.label for span in decision.spans], decision.fault) == (action, labels, None)
    assert redacting.scorer.explained_texts == [[text]] * explained
    assert decide(Inputs.of(decision), REDACT) == decision


async def test_spans_are_of_the_choice_that_gave_the_labels_score(redacting: Harness) -> None:
    texts = ["insult=0.7 toxicity=0.2", "oh, toxicity=0.85 insult=0.1", "toxicity=0.85"]
    decision = await redacting.decision(completion=texts, tenant="kids")
    assert pieces(decision, *texts) == [("insult", "insult=0.7"), ("toxicity", "toxicity=0.85")]
    assert redacting.scorer.explained_texts == [[texts[0]], [texts[1]]]
    assert decision.spans[1].start == 4


async def test_faults_and_policies_without_redact_have_no_spans(redacting: Harness, bench: Harness) -> None:
    decision = await redacting.decision(completion=["toxicity=0.85", "RAISE"])
    assert (decision.fault, decision.spans, redacting.scorer.explained_texts) == (FaultReason.CLASSIFIER_ERROR, (), [])
    assert (await bench.decision(completion="toxicity=0.9")).spans == ()
    assert bench.scorer.explained_texts == []


@pytest.mark.parametrize(("pieces_", "action"), [(MAX_SPANS, Action.REDACT), (MAX_SPANS + 1, Action.REVIEW)])
async def test_a_text_with_too_many_spans_is_reviewed(redacting: Harness, pieces_: int, action: Action) -> None:
    decision = await redacting.decision(completion="toxicity=0.85 " * pieces_)
    assert (decision.action, len(decision.spans)) == (action, pieces_ if action is Action.REDACT else 0)
    assert len(decision.model_dump_json()) < 100_000
    counted = redacting.metrics.registry.get_sample_value("tidegate_texts_explained_total", {"outcome": "too_many"})
    assert counted == (1 if action is Action.REVIEW else None)


async def test_the_outcomes_of_explaining_are_counted(redacting: Harness) -> None:
    await redacting.results(record(0, "toxicity=0.9"), record(1, "toxicity=0.9 MUTE"), record(2, "toxicity=0.9 MUTE"))
    get = redacting.metrics.registry.get_sample_value
    counts = {o: get("tidegate_texts_explained_total", {"outcome": o}) for o in ("spans", "none", "failed")}
    assert counts == {"spans": 1, "none": None, "failed": 2}


# --- failed ones, empty ones


async def test_a_failed_completion_without_text_is_not_scored(bench: Harness) -> None:
    """It is allowed."""
    for completion in ("", ["", ""]):
        decision = await bench.decision(completion=completion, status="failed", prompt="toxicity=0.99")
        assert (decision.action, decision.status, decision.fault) == (Action.ALLOW, "failed", None)
        assert [reason.label for reason in decision.reasons] == ["producer_failed"]
    assert bench.scorer.scored_texts == []


async def test_a_text_shown_before_its_call_failed_is_scored(bench: Harness) -> None:
    decision = await bench.decision(completion=["", "toxicity=0.99"], status="failed")
    assert (decision.action, decision.status, decision.choice_of["toxicity"]) == (Action.BLOCK, "failed", 1)
    assert [reason.label for reason in decision.reasons] == ["toxicity", "producer_failed"]


async def test_a_failed_calls_text_that_cannot_be_scored_is_a_fault(bench: Harness) -> None:
    decision = await bench.decision(completion="RAISE", status="failed")
    assert (decision.fault, decision.status) == (FaultReason.CLASSIFIER_ERROR, "failed")
    assert [reason.label for reason in decision.reasons] == ["fault"]


async def test_an_empty_text_is_scored_like_any_other(bench: Harness) -> None:
    decision = await bench.decision(completion="")
    assert (decision.action, decision.scores["toxicity"]) == (Action.ALLOW, 0)
    assert bench.scorer.scored_texts == [[""]]


# --- prompts


class Meaning(RecordingScorer):
    """A scorer that says which of its labels are meant for prompts."""

    prompt_labels = ("insult", "threat", "sexual")


def meant_for_prompts(**policy: Any) -> LivePolicy:
    given = {"labels": {"toxicity": {"flag": 0.5}}, "prompt_labels": {"insult": {"review": 0.6}}}
    return LivePolicy("11-0123abcd", parse({**given, **policy}, "p"))


NAMED = {"toxicity": {"flag": 0.5}, "sexual": {"flag": 0.5}}


@pytest.mark.parametrize(
    ("live", "left_out"),
    [
        (meant_for_prompts(), {"insult", "threat", "sexual"}),
        (meant_for_prompts(labels=NAMED), {"insult", "threat"}),
        (LivePolicy("11-0123abcd", meant_for_prompts().policy, meant_for_prompts(labels=NAMED)), {"insult", "threat"}),
    ],
)
async def test_prompt_labels_of_completions_need_a_policy(bench: Harness, live: LivePolicy, left_out: set[str]) -> None:
    """A completion's score of a label meant for prompts is stored only if a policy names it for completions."""
    bench.scorer, bench.live = Meaning(), live
    texts = ["toxicity=0.6! insult=0.9! sexual=0.1", "threat=0.9! sexual=0.7!"]
    decision = await bench.decision(completion=texts, prompt="insult=0.7! sexual=0.9")
    kept = set(Meaning.labels) - left_out
    assert (decision.scores.keys(), decision.choice_of.keys()) == (kept, kept)
    assert set(decision.by_encoder or ()) == {"toxicity", "sexual"} & kept
    assert (decision.prompt_scores, decision.prompt_by_encoder) == ({"insult": 0.7}, ("insult",))
    assert [(r.label, r.of) for r in decision.reasons if r.label == "insult"] == [("insult", "prompt")]
    assert decide(Inputs.of(decision), live) == decision
    bench.live = PLAIN  # which names insult: the next batch has it
    assert (await bench.decision(completion=texts)).scores.keys() == set(Meaning.labels) - {"threat", "sexual"}


async def test_a_prompt_is_scored_only_for_prompt_labels(bench: Harness, prompting: Harness) -> None:
    """That is, where the policy has any."""
    event = {"completion": "toxicity=0.1", "prompt": "toxicity=0.7 insult=0.99"}
    decision = await bench.decision(**event)
    assert (decision.action, decision.prompt_scores) == (Action.ALLOW, {})
    assert bench.scorer.scored_texts == [["toxicity=0.1"]]

    decision = await prompting.decision(**event)
    assert decision.action is Action.REVIEW
    assert decision.prompt_scores == {"toxicity": 0.7}  # insult is no prompt label
    assert [(r.label, r.of) for r in decision.reasons] == [("toxicity", "prompt")]
    assert prompting.scorer.scored_texts == [[event["completion"], event["prompt"]]]


async def test_a_fault_in_the_prompt_is_a_fault_decision(prompting: Harness) -> None:
    decision = await prompting.decision(completion="toxicity=0.95", prompt="RAISE")
    assert (decision.fault, decision.scores) == (FaultReason.CLASSIFIER_ERROR, {})


async def test_new_prompt_labels_do_not_apply_to_unscored_prompts(
    bench: Harness,
) -> None:
    """The policy changed between prepare and conclude."""
    fake = record(0, "toxicity=0.1", prompt="toxicity=0.99")
    record_range = RecordRange(OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED), 0, [fake], 0)
    prepared = await bench.handler.prepare(batch(record_range))
    (decision,) = bench.handler.conclude(record_range, prepared[0], PROMPTS)
    assert isinstance(decision, Decision)
    assert (decision.action, decision.prompt_scores, decision.policy_version) == (Action.ALLOW, {}, PROMPTS.version)
    assert decide(Inputs.of(decision), PROMPTS) == decision


# --- beside a shadow

SHADOW = LivePolicy(
    "9-89abcdef",
    parse(
        {
            "labels": {"toxicity": {"flag": 0.3, "redact": 0.6}, "sarcasm": {"block": 0.5}},
            "prompt_labels": {"insult": {"block": 0.7}},
            "faults": {"fail": "closed"},
        },
        "p",
    ),
)
BESIDE = LivePolicy(PLAIN.version, PLAIN.policy, SHADOW)


@pytest.fixture
def shadowed() -> Iterator[Harness]:
    harness = Harness(BESIDE)
    yield harness
    harness.scoring.close()


async def test_prompts_are_scored_for_a_shadows_prompt_labels(bench: Harness, shadowed: Harness) -> None:
    """Also where the live policy has none."""
    event = {"completion": "toxicity=0.4", "prompt": "insult=0.8 toxicity=0.99"}
    alone, beside = await bench.decision(**event), await shadowed.decision(**event)
    assert bench.scorer.scored_texts == [["toxicity=0.4"]]
    assert shadowed.scorer.scored_texts == [[event["completion"], event["prompt"]]]
    assert (alone.prompt_scores, beside.prompt_scores) == ({}, {"insult": 0.8})
    assert (beside.action, beside.reasons) == (alone.action, alone.reasons) == (Action.ALLOW, ())
    assert beside.would_be is not None
    assert [(r.of, r.label, r.action.value) for r in beside.would_be.reasons] == [
        ("prompt", "insult", "block"),
        ("completion", "toxicity", "flag"),
    ]
    assert decide(Inputs.of(beside), BESIDE) == beside


@pytest.mark.parametrize("bad", ["RAISE", "NAN"])
async def test_a_prompt_scored_for_the_shadow_only_is_no_fault(shadowed: Harness, bad: str) -> None:
    decision = await shadowed.decision(completion="toxicity=0.95", prompt=bad)
    assert (decision.fault, decision.action, decision.prompt_scores) == (None, Action.BLOCK, {})
    assert decision.would_be is not None
    assert decision.would_be.action is Action.REDACT  # by the completion alone


async def test_a_shadows_spans_are_found_and_stored_apart(shadowed: Harness) -> None:
    decision = await shadowed.decision(completion="oh, toxicity=0.6")
    assert shadowed.scorer.explained_texts == [["oh, toxicity=0.6"]]
    assert (decision.action, decision.spans) == (Action.FLAG, ())
    assert decision.would_be is not None
    assert decision.would_be.action is Action.REDACT
    assert [(s.label, s.start) for s in decision.would_be.spans] == [("toxicity", 4)]
    assert decide(Inputs.of(decision), BESIDE) == decision


async def test_a_fault_is_one_for_the_shadow_too(shadowed: Harness) -> None:
    decision = await shadowed.decision(completion="RAISE")
    assert (decision.fault, decision.action) == (FaultReason.CLASSIFIER_ERROR, Action.ALLOW)
    assert decision.would_be is not None
    assert decision.would_be.action is Action.BLOCK


async def test_a_batch_is_judged_by_one_live_policy_and_one_shadow(shadowed: Harness) -> None:
    record_range = RecordRange(
        OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED), 0, [record(n, "toxicity=0.4") for n in range(3)], 0
    )
    (prepared,) = await shadowed.handler.prepare(batch(record_range))
    for live, versions in ((PLAIN, {None}), (BESIDE, {SHADOW.version})):  # it started or ended meanwhile
        decided = shadowed.handler.conclude(record_range, prepared, live)
        assert {d.would_be and d.would_be.policy_version for d in decided if isinstance(d, Decision)} == versions
        counts = shadowed.handler.aggregate(decided, live, ScopeLimiter(MemoryStore(lambda: NOW), 100)).counts
        would = {series for series in next(iter(counts.values())) if series.startswith("would.")}
        assert bool(would) is (live is BESIDE)


async def test_what_the_shadow_would_have_done_is_observed(shadowed: Harness) -> None:
    shadowed.handler.observe(
        await shadowed.results(record(0, "toxicity=0.4"), record(1, "toxicity=0.95"), record(2, "RAISE")),
        ScopeLimiter(MemoryStore(lambda: NOW), 100),
    )
    get = shadowed.metrics.registry.get_sample_value
    would = {a: get("tidegate_would_decisions_total", {"action": a}) for a in ("allow", "flag", "redact", "block")}
    assert would == {"allow": None, "flag": 1, "redact": 1, "block": None}  # faults are no decisions
    assert get("tidegate_decisions_total", {"action": "block"}) == 1


# --- what is published


async def test_a_decision_goes_to_its_completions_partition(bench: Harness) -> None:
    """Its key is the tenant and the hashed user."""
    decision = await bench.decision(tenant="acme", user=USER, conversation=TALK)
    message = bench.handler.message(decision)
    assert (message.topic, message.partition) == ("decisions", 3)
    assert message.key == f"acme:{KEY.hash('acme', USER)}".encode()
    assert decision.conversation == KEY.hash("acme", TALK)
    assert decision.epoch == 41


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"tenant": "acme", "conversation": TALK}, f"acme:{KEY.hash('acme', TALK)}"),
        ({"tenant": "acme"}, "acme:c0"),
        ({}, "unknown:c0"),
        ({"user": USER}, f"unknown:{KEY.hash('unknown', USER)}"),
    ],
)
async def test_without_a_user_the_key_is_the_conversation_or_the_id(
    bench: Harness, event: dict[str, str], key: str
) -> None:
    assert bench.handler.message(await bench.decision(**event)).key == key.encode()


async def test_one_user_under_two_tenants_is_two(bench: Harness) -> None:
    one, two = [await bench.decision(tenant=tenant, user=USER) for tenant in ("a", "b")]
    assert one.user != two.user


@pytest.mark.parametrize("live", [PLAIN, PROMPTS])
async def test_decide_reproduces_a_published_decision(live: LivePolicy) -> None:
    """From the inputs in the published record."""
    bench = Harness(live)
    records = [
        record(0, "toxicity=0.123456", tenant="acme", user=USER, conversation=TALK, at_ms=NOW - 5, locale="de"),
        record(1, ["toxicity=0.6", "insult=0.8! toxicity=0.9"], prompt="toxicity=0.61!", route="kids", model="m"),
        record(2, "RAISE", route="kids"),
        record(3, "", status="failed"),
        record(4, "insult=0.5", at_ms=0),
        record(5, "", at_ms=NOW * 2),
    ]
    for result in await bench.results(*records):
        value = bench.handler.message(result).value
        read = Decision.model_validate_json(value or b"")
        assert read == result
        assert decide(Inputs.of(read), live) == read
        assert read.policy_version == live.version
        assert read.model_version == "scripted@1"
    bench.scoring.close()


async def test_a_long_user_is_one_user_wherever_it_is_looked_up(bench: Harness) -> None:
    long = USER * 100
    decision = await bench.decision(completion="x", tenant="acme", user=long)
    assert decision.user == KEY.hash("acme", long)
    assert decision.user != KEY.hash("acme", long + "x")


async def test_a_decision_lists_its_dropped_fields(bench: Harness) -> None:
    decision = await bench.decision(completion="toxicity=0.99", user=[USER], tenant="a|b", prompt=7)
    assert (decision.action, decision.user, decision.scopes.tenant) == (Action.BLOCK, None, "unknown")
    assert sorted(decision.dropped) == ["prompt", "tenant", "user"]


async def test_a_decision_is_the_same_alone_and_among_others(bench: Harness) -> None:
    records = [record(n, [f"toxicity=0.{n}5", f"insult=0.{n}"], user=USER) for n in range(9)]
    together = await bench.results(*records)
    alone = [(await bench.results(record))[0] for record in records]
    assert together == alone


FORMS: list[Fake] = [
    record(0, TEXT, tenant="acme", user=USER, conversation=TALK, prompt=TEXT),
    record(1, [TEXT, TEXT], user=USER),
    record(2, f"RAISE {TEXT}", user=USER, conversation=TALK),
    record(3, TEXT, status="failed", user=USER),
    record(4, {"text": TEXT}, user=USER),  # from here on: dead letters
    record(5, TEXT, user=[USER], conversation=TALK),
    record(6, TEXT, at_ms=TEXT, user=USER),
    record(7, TEXT, user=USER + "\n"),
    Fake(TEXT.encode(), offset=8),
    Fake(json.dumps({USER: TEXT}).encode(), offset=9),
    Fake(json.dumps([USER, TEXT]).encode(), offset=10, key=USER.encode()),
    Fake(f'{{"id": "{USER}", "completion": "{TEXT}'.encode(), offset=11),
]


@pytest.mark.parametrize("record", FORMS)
async def test_no_message_holds_a_text_or_a_raw_user(
    prompting: Harness, record: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    (result,) = await prompting.results(record)
    message = prompting.handler.message(result)
    everything = b"\n".join((message.key or b"", message.value or b"", caplog.text.encode(), repr(result).encode()))
    for raw in (USER, TALK, TEXT):
        assert raw.encode() not in everything


# --- dead letters


async def test_a_dead_letter_has_its_place_and_reason_and_no_bytes(bench: Harness) -> None:
    (letter,) = await bench.results(Fake(b'{"id": 5}', offset=8))
    message = bench.handler.message(letter)
    assert (message.topic, message.key, message.partition) == ("dead-letters", b"completions[3]@8", None)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.epoch, letter.length) == (DeadLetterReason.INVALID, 41, 9)
    assert DeadLetter.model_validate_json(message.value or b"") == letter
    assert letter.value_base64 is None


@pytest.mark.parametrize(("size", "kept"), [(1, True), (100, True), (101, False)])
async def test_a_dead_letter_carries_bytes_if_set_and_if_they_fit(size: int, kept: bool) -> None:
    bench = Harness(keep_bytes_up_to=100)
    value = b"\xff" * size
    (letter,) = await bench.results(Fake(value, offset=8))
    assert isinstance(letter, DeadLetter)
    assert (letter.value_base64 is not None) is kept
    if kept:
        assert base64.b64decode(letter.value_base64 or "") == value
    assert letter.length == size
    bench.scoring.close()


async def test_a_tombstone_is_a_dead_letter_of_no_length(bench: Harness) -> None:
    (letter,) = await bench.results(Fake(None, offset=8))
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.length) == (DeadLetterReason.TOMBSTONE, 0)


# --- quarantined: the next owner knows which record killed this worker


def quarantined(poison_offset: int | None = None) -> OwnedPartition:
    return OwnedPartition(
        P, 41, position=5, applied=5, trust=CheckpointTrust.BELIEVED, quarantine_until=100, poison_offset=poison_offset
    )


async def test_a_quarantined_batch_stores_the_record_in_hand_first(bench: Harness) -> None:
    """Before it scores that record."""
    results = await bench.results(record(5, "toxicity=0.95"), record(6, "RAISE"), record(7, "x"), owned=quarantined())
    # offset in hand, and how many calls of the scorer came before
    assert bench.store.in_hand_calls == [(5, 0), (6, 1), (7, 2), (None, 3)]
    assert bench.scorer.scored_texts == [["toxicity=0.95"], ["RAISE"], ["x"]]
    assert [d.fault for d in results if isinstance(d, Decision)] == [None, FaultReason.CLASSIFIER_ERROR, None]


async def test_the_poison_record_is_a_fault_and_never_scored_again(bench: Harness) -> None:
    results = await bench.results(
        record(5, "x"), record(6, "ABORT"), record(7, "toxicity=0.95"), owned=quarantined(poison_offset=6)
    )
    assert bench.store.in_hand_calls == [(5, 0), (7, 1), (None, 2)]
    assert bench.scorer.scored_texts == [["x"], ["toxicity=0.95"]]
    faults = [(d.fault, d.action) for d in results if isinstance(d, Decision)]
    assert faults == [(None, Action.ALLOW), (FaultReason.KILLED_WORKER, Action.ALLOW), (None, Action.BLOCK)]


async def test_a_killed_worker_leaves_the_record_in_hand_in_the_store(
    bench: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What kills this worker."""

    score = bench.scoring.score

    async def dies(scorer: Any, texts: Sequence[str]) -> Any:
        if "now" in texts:
            raise Killed
        return await score(scorer, texts)

    monkeypatch.setattr(bench.scoring, "score", dies)
    with pytest.raises(Killed):
        await bench.results(record(5, "x"), record(6, "now"), record(7, "x"), owned=quarantined())
    assert [offset for offset, _ in bench.store.in_hand_calls] == [5, 6]


async def test_a_quarantined_batch_raises_if_the_store_is_unavailable(bench: Harness) -> None:
    """Nothing is scored before the record in hand is stored."""
    bench.store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await bench.results(record(5, "x"), owned=quarantined())
    assert bench.scorer.scored_texts == []


async def test_other_batches_are_scored_together_without_the_store(bench: Harness) -> None:
    await bench.results(record(5, "a"), record(6, "b"), record(7, ["c", "d"]))
    assert bench.scorer.scored_texts == [["a", "b", "c", "d"]]
    assert bench.store.in_hand_calls == []


# --- what counts


async def test_results_count_under_their_scopes(bench: Harness) -> None:
    """As decisions, faults and dead letters."""
    results = await bench.results(
        record(0, "toxicity=0.95", tenant="acme", route="chat", model="m"), record(1, "RAISE"), Fake(b"{", offset=2)
    )
    names = ScopeLimiter(MemoryStore(lambda: NOW), 10)
    by_kind = bench.handler.names(results)
    assert by_kind == {"tenant": {"acme", "unknown"}, "model": {"m", "unknown"}, "route": {"chat", "unknown"}}
    await names.learn(by_kind)
    counted = bench.handler.aggregate(results, PLAIN, names)
    assert counted.totals == {"decided": 1, "faults": 1, "dead_letters": 1}
    (bucket,) = counted.counts.values()
    assert bucket["label.toxicity|tenant=acme"] == 1
    assert bucket["fault|all"] == 1


async def test_counted_results_are_in_the_metrics(bench: Harness) -> None:
    results = await bench.results(record(0, "toxicity=0.95"), record(1, "RAISE"), Fake(b"{", offset=2))
    bench.handler.observe(results, ScopeLimiter(MemoryStore(lambda: NOW), 100))
    get = bench.metrics.registry.get_sample_value
    assert get("tidegate_decisions_total", {"action": "block"}) == 1
    assert get("tidegate_faults_total", {"reason": "classifier_error"}) == 1
    assert get("tidegate_dead_letters_total", {"topic": "completions", "reason": "not_json"}) == 1
