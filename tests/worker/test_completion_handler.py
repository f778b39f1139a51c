"""Where the three meet: a record is decoded, scored and decided, and what leaves holds neither text nor user."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.support.scorers import Cascade
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
from tidegate.streams.moderation.spans import MOST
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


class RecordingCascade(Cascade):
    """A cascade's twin that keeps every text that it was given, call by call: to score, or to explain."""

    version = "scripted@1"

    def __init__(self) -> None:
        self.heard: list[list[str]] = []
        self.asked: list[list[str]] = []

    def score(self, texts: Sequence[str], *, explain: bool = False) -> Scored:
        (self.asked if explain else self.heard).append(list(texts))
        return super().score(texts, explain=explain)


class RecordingStore(MemoryStore):
    """A store that keeps, in order, what it was told to be in hand and what had been scored by then."""

    def __init__(self, scorer: RecordingCascade) -> None:
        super().__init__(lambda: NOW)
        self.tried: list[tuple[int | None, int]] = []
        self._scorer = scorer
        self.unavailable = False

    async def in_hand(self, partition: TopicPartition, epoch: int, offset: int | None) -> None:
        if self.unavailable:
            raise StoreUnavailable("redis: no answer")
        self.tried.append((offset, len(self._scorer.heard)))
        await super().in_hand(partition, epoch, offset)


class Harness:
    """A Moderate and what it stands on."""

    def __init__(self, live: LivePolicy = PLAIN, keep_bytes_up_to: int = 0) -> None:
        self.live = live
        self.scorer = RecordingCascade()
        self.store = RecordingStore(self.scorer)
        self.metrics = Metrics()
        self.scoring = Scoring(1, 5, self.metrics.scored)
        self.scored_under: list[LivePolicy] = []
        moderator = Moderator(
            self.scoring,
            lambda live: self.scored_under.append(live) or self.scorer,  # type: ignore[func-returns-value]
            explained=lambda outcome: self.metrics.explained.labels(outcome).inc(),
        )
        self.moderate = CompletionHandler(
            RecordModerator(moderator, KEY, keep_bytes_up_to=keep_bytes_up_to),
            self.store,
            lambda: self.live,
            self.metrics,
            replaced=ReplacedTimes(self.metrics.times_replaced, 100, lambda: self.monotonic),
            clock=lambda: NOW / 1000,
        )
        self.monotonic = 0.0

    async def results(self, *records: Fake, owned: OwnedPartition | None = None) -> list[Decision | DeadLetter]:
        span = RecordRange(
            owned or OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED), records[0].offset, list(records), 0
        )
        prepared = await self.moderate.prepare(batch(span))
        return self.moderate.conclude(span, prepared[0], self.live)

    async def decision(self, **event: Any) -> Decision:
        (found,) = await self.results(said(0, **event))
        assert isinstance(found, Decision)
        return found


@pytest.fixture
def bench() -> Iterator[Harness]:
    made = Harness()
    yield made
    made.scoring.close()


@pytest.fixture
def prompting() -> Iterator[Harness]:
    made = Harness(PROMPTS)
    yield made
    made.scoring.close()


def batch(*spans: RecordRange) -> Batch:
    return Batch(list(spans), asyncio.Event(), sum(len(span.records) for span in spans), 0)


def said(offset: int, completion: Any = TEXT, **more: Any) -> Fake:
    event = {"id": f"c{offset}", "completion": completion, **more}
    return Fake(json.dumps(event).encode(), offset=offset, timestamp=NOW + offset)


# --- choices


async def test_the_strongest_choice_wins_and_the_reason_names_its_index(bench: Harness) -> None:
    found = await bench.decision(completion=["toxicity=0.6 insult=0.9", "toxicity=0.95", "toxicity=0.2 insult=0.1"])
    assert found.action is Action.BLOCK
    assert [(r.label, r.action, r.score, r.choice) for r in found.reasons] == [
        ("toxicity", Action.BLOCK, 0.95, 1),
        ("insult", Action.REVIEW, 0.9, 0),
    ]
    assert found.scores == {"toxicity": 0.95, "insult": 0.9, "threat": 0, "obscene": 0, "identity_attack": 0,
                            "stereotype": 0, "severe_toxicity": 0, "sexual": 0}  # fmt: skip
    assert found.choice_of == {"toxicity": 1, "insult": 0, "threat": 0, "obscene": 0, "identity_attack": 0,
                               "stereotype": 0, "severe_toxicity": 0, "sexual": 0}  # fmt: skip


async def test_of_equal_choices_the_first_is_named(bench: Harness) -> None:
    found = await bench.decision(completion=["toxicity=0.1", "toxicity=0.7", "toxicity=0.7"])
    assert found.reasons[0].choice == 1


async def test_one_choice_needs_no_index(bench: Harness) -> None:
    assert (await bench.decision(completion="toxicity=0.95")).choice_of == {}
    assert (await bench.decision(completion=["toxicity=0.95"])).choice_of == {}


@pytest.mark.parametrize(("bad", "fault"), [("RAISE", FaultReason.CLASSIFIER_ERROR), ("NAN", FaultReason.BAD_SCORES)])
@pytest.mark.parametrize(("route", "action"), [("chat", Action.ALLOW), ("kids", Action.BLOCK)])
async def test_a_fault_in_one_choice_makes_the_whole_a_fault(
    bench: Harness, bad: str, fault: FaultReason, route: str, action: Action
) -> None:
    found = await bench.decision(completion=["toxicity=0.95", bad, "insult=0.9"], route=route)
    assert (found.fault, found.action) == (fault, action)
    assert (found.scores, found.choice_of, found.prompt_scores) == ({}, {}, {})


async def test_scores_belong_to_the_completion_that_has_the_text(prompting: Harness) -> None:
    found = await prompting.results(
        said(0, ["toxicity=0.1", "toxicity=0.2"], prompt="toxicity=0.3"),
        Fake(b"{", offset=1),
        said(2, "", status="failed", prompt="toxicity=0.9"),
        said(3, "toxicity=0.4"),
        said(4, "RAISE"),
        said(5, "toxicity=0.5", prompt="toxicity=0.7"),
    )
    scores = [(d.scores.get("toxicity"), d.prompt_scores) for d in found if isinstance(d, Decision)]
    assert scores == [
        (0.2, {"toxicity": 0.3}),
        (None, {}),  # failed
        (0.4, {}),
        (None, {}),  # a fault
        (0.5, {"toxicity": 0.7}),
    ]
    assert [(d.source.offset, type(d)) for d in found if isinstance(d, DeadLetter)] == [(1, DeadLetter)]
    assert [d.source.offset for d in found] == list(range(6))


async def test_a_decision_carries_what_the_completion_says_of_itself(bench: Harness) -> None:
    found = await bench.decision(
        id="c-9", tenant="acme", model="m", route="chat", locale="de", at_ms=NOW - 600_001, user=USER
    )
    assert found.scopes == Scopes(tenant="acme", model="m", route="chat", locale="de")
    assert (found.id, found.event_ms, found.record_ms) == ("c-9", NOW - 600_001, NOW)
    assert (found.time, found.at_ms) == (EventTime.TOO_LATE, NOW - 600_001)  # late_s is 600
    assert found.source == Source(topic="completions", partition=3, offset=0)


# --- who gave a score


async def test_a_decision_names_its_record_by_an_hmac_of_the_bytes(bench: Harness) -> None:
    one = said(0)
    again, other = replace(one, offset=1), replace(one, value=(one.value or b"") + b" ", offset=2)
    decisions = [d for d in await bench.results(one, again, other) if isinstance(d, Decision)]
    assert [d.record_hmac for d in decisions] == [KEY.record(r.value or b"") for r in (one, again, other)]
    assert decisions[0].record_hmac == decisions[1].record_hmac != decisions[2].record_hmac
    failed = await bench.decision(completion="", status="failed")
    assert failed.record_hmac is not None


async def test_a_decision_says_which_scores_the_encoder_gave(bench: Harness) -> None:
    found = await bench.decision(completion="toxicity=0.95! insult=0.9")
    assert found.by_encoder == ("toxicity",)
    assert [(r.label, r.by) for r in found.reasons] == [("toxicity", "encoder"), ("insult", "screen")]


async def test_of_several_choices_it_is_the_one_that_gave_the_score(bench: Harness) -> None:
    found = await bench.decision(completion=["toxicity=0.6! insult=0.2", "toxicity=0.95 insult=0.7!"])
    assert found.choice_of["toxicity"] == found.choice_of["insult"] == 1
    assert found.by_encoder == ("insult",)


async def test_a_fault_and_a_failed_one_were_given_by_nobody(bench: Harness) -> None:
    for event in ({"completion": "RAISE toxicity=0.5!"}, {"completion": "", "status": "failed"}):
        found = await bench.decision(**event)
        assert (found.by_encoder, found.prompt_by_encoder) == (None, None)
        assert [reason.by for reason in found.reasons] == [None]


async def test_a_prompt_s_scores_say_it_too_and_only_of_prompt_labels(prompting: Harness) -> None:
    found = await prompting.decision(completion="insult=0.1!", prompt="toxicity=0.7! insult=0.99!")
    assert (found.by_encoder, found.prompt_by_encoder) == (("insult",), ("toxicity",))
    assert [(r.of, r.by) for r in found.reasons] == [("prompt", "encoder")]


async def test_texts_and_those_that_the_encoder_read_are_counted(prompting: Harness) -> None:
    await prompting.results(said(0, ["toxicity=0.5!", "b"], prompt="c"), said(1, "insult=0.5!"), said(2, "d"))
    get = prompting.metrics.registry.get_sample_value
    assert (get("tidegate_texts_scored_total"), get("tidegate_texts_sent_total")) == (5, 2)


async def test_a_policy_that_changes_meanwhile_judges_the_scores_that_there_are(bench: Harness) -> None:
    span = RecordRange(OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED), 0, [said(0, "toxicity=0.7")], 0)
    prepared = await bench.moderate.prepare(batch(span))
    stricter = LivePolicy("9-0123abcd", parse({"labels": {"toxicity": {"block": 0.6}}}, "p"))
    (found,) = bench.moderate.conclude(span, prepared[0], stricter)
    assert isinstance(found, Decision)
    assert (found.action, found.policy_version) == (Action.BLOCK, stricter.version)
    assert bench.scored_under == [PLAIN]  # scored once, with the bands of the policy that was live then
    assert decide(Inputs.of(found), stricter) == found


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


def pieces(found: Decision, *texts: str) -> list[tuple[str, str]]:
    """What each span quotes: the label, and the piece of its choice's text."""
    return [(s.label, texts[found.choice_of.get(s.label, 0)][s.start : s.end]) for s in found.spans]


async def test_a_redact_decision_carries_spans_in_code_points_of_the_original_text(redacting: Harness) -> None:
    # an emoji of five code points, a letter with a combining mark: neither bytes nor UTF-16 nor what is seen
    text = "👩🏽‍🚒 ne\u0301e toxicity=0.85 then 🙂 toxicity=0.8 "
    found = await redacting.decision(completion=text)
    assert found.action is Action.REDACT
    assert pieces(found, text) == [("toxicity", "toxicity=0.85"), ("toxicity", "toxicity=0.8")]
    assert found.spans[0].start == 10  # 4 code points of the firefighter, then " née " with its mark apart: 6
    assert decide(Inputs.of(found), REDACT) == found


# text, tenant; the action, the labels of its spans, texts that were asked to be explained
ASKED: list[tuple[str, str, str, list[str], int]] = [
    ("toxicity=0.79", "acme", "flag", [], 0),
    ("toxicity=0.8", "acme", "redact", ["toxicity"], 1),
    ("toxicity=0.96", "acme", "block", ["toxicity"], 1),  # spans of what is blocked do no harm
    ("insult=0.9", "kids", "redact", ["insult"], 1),
    ("insult=0.9", "acme", "flag", ["insult"], 1),  # some scope's threshold: whose it is, `decide` says
    ("toxicity=0.8 insult=0.55", "kids", "redact", ["toxicity"], 1),  # of insult, no threshold is reached
    ("toxicity=0.85 MUTE", "acme", "review", [], 1),  # cannot be explained: a person looks
]


@pytest.mark.parametrize(("text", "tenant", "action", "labels", "asked"), ASKED)
async def test_only_texts_that_reach_a_redact_threshold_are_explained(
    redacting: Harness, text: str, tenant: str, action: str, labels: list[str], asked: int
) -> None:
    found = await redacting.decision(completion=text, tenant=tenant)
    assert (found.action.value, [span.label for span in found.spans], found.fault) == (action, labels, None)
    assert redacting.scorer.asked == [[text]] * asked
    assert decide(Inputs.of(found), REDACT) == found


async def test_spans_are_of_the_choice_that_gave_the_label_s_score(redacting: Harness) -> None:
    texts = ["insult=0.7 toxicity=0.2", "oh, toxicity=0.85 insult=0.1", "toxicity=0.85"]
    found = await redacting.decision(completion=texts, tenant="kids")
    assert pieces(found, *texts) == [("insult", "insult=0.7"), ("toxicity", "toxicity=0.85")]
    assert redacting.scorer.asked == [[texts[0]], [texts[1]]]
    assert found.spans[1].start == 4


async def test_a_fault_has_no_spans_and_a_policy_without_redact_asks_for_none(
    redacting: Harness, bench: Harness
) -> None:
    found = await redacting.decision(completion=["toxicity=0.85", "RAISE"])
    assert (found.fault, found.spans, redacting.scorer.asked) == (FaultReason.CLASSIFIER_ERROR, (), [])
    assert (await bench.decision(completion="toxicity=0.9")).spans == ()
    assert bench.scorer.asked == []


@pytest.mark.parametrize(("pieces_", "action"), [(MOST, Action.REDACT), (MOST + 1, Action.REVIEW)])
async def test_a_text_with_more_spans_than_a_decision_may_hold_is_reviewed(
    redacting: Harness, pieces_: int, action: Action
) -> None:
    found = await redacting.decision(completion="toxicity=0.85 " * pieces_)
    assert (found.action, len(found.spans)) == (action, pieces_ if action is Action.REDACT else 0)
    assert len(found.model_dump_json()) < 100_000
    counted = redacting.metrics.registry.get_sample_value("tidegate_texts_explained_total", {"outcome": "too_many"})
    assert counted == (1 if action is Action.REVIEW else None)


async def test_what_became_of_the_asking_is_counted(redacting: Harness) -> None:
    await redacting.results(said(0, "toxicity=0.9"), said(1, "toxicity=0.9 MUTE"), said(2, "toxicity=0.9 MUTE"))
    get = redacting.metrics.registry.get_sample_value
    counts = {o: get("tidegate_texts_explained_total", {"outcome": o}) for o in ("spans", "none", "failed")}
    assert counts == {"spans": 1, "none": None, "failed": 2}


# --- failed ones, empty ones


async def test_a_failed_completion_without_a_text_is_allowed_and_never_scored(bench: Harness) -> None:
    for completion in ("", ["", ""]):
        found = await bench.decision(completion=completion, status="failed", prompt="toxicity=0.99")
        assert (found.action, found.status, found.fault) == (Action.ALLOW, "failed", None)
        assert [reason.label for reason in found.reasons] == ["producer_failed"]
    assert bench.scorer.heard == []


async def test_a_text_shown_before_its_call_failed_is_scored(bench: Harness) -> None:
    found = await bench.decision(completion=["", "toxicity=0.99"], status="failed")
    assert (found.action, found.status, found.choice_of["toxicity"]) == (Action.BLOCK, "failed", 1)
    assert [reason.label for reason in found.reasons] == ["toxicity", "producer_failed"]


async def test_a_text_of_a_failed_call_that_cannot_be_scored_is_a_fault(bench: Harness) -> None:
    found = await bench.decision(completion="RAISE", status="failed")
    assert (found.fault, found.status) == (FaultReason.CLASSIFIER_ERROR, "failed")
    assert [reason.label for reason in found.reasons] == ["fault"]


async def test_an_empty_text_is_scored_like_any_other(bench: Harness) -> None:
    found = await bench.decision(completion="")
    assert (found.action, found.scores["toxicity"]) == (Action.ALLOW, 0)
    assert bench.scorer.heard == [[""]]


# --- prompts


class Meaning(RecordingCascade):
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
async def test_of_a_completion_a_label_meant_for_prompts_is_kept_only_where_a_policy_names_it_for_completions(
    bench: Harness, live: LivePolicy, left_out: set[str]
) -> None:
    bench.scorer, bench.live = Meaning(), live
    texts = ["toxicity=0.6! insult=0.9! sexual=0.1", "threat=0.9! sexual=0.7!"]
    found = await bench.decision(completion=texts, prompt="insult=0.7! sexual=0.9")
    kept = set(Meaning.labels) - left_out
    assert (found.scores.keys(), found.choice_of.keys()) == (kept, kept)
    assert set(found.by_encoder or ()) == {"toxicity", "sexual"} & kept
    assert (found.prompt_scores, found.prompt_by_encoder) == ({"insult": 0.7}, ("insult",))
    assert [(r.label, r.of) for r in found.reasons if r.label == "insult"] == [("insult", "prompt")]
    assert decide(Inputs.of(found), live) == found
    bench.live = PLAIN  # which names insult: the next batch has it
    assert (await bench.decision(completion=texts)).scores.keys() == set(Meaning.labels) - {"threat", "sexual"}


async def test_a_prompt_is_scored_only_where_the_policy_has_prompt_labels(bench: Harness, prompting: Harness) -> None:
    event = {"completion": "toxicity=0.1", "prompt": "toxicity=0.7 insult=0.99"}
    found = await bench.decision(**event)
    assert (found.action, found.prompt_scores) == (Action.ALLOW, {})
    assert bench.scorer.heard == [["toxicity=0.1"]]

    found = await prompting.decision(**event)
    assert found.action is Action.REVIEW
    assert found.prompt_scores == {"toxicity": 0.7}  # insult is no prompt label
    assert [(r.label, r.of) for r in found.reasons] == [("toxicity", "prompt")]
    assert prompting.scorer.heard == [[event["completion"], event["prompt"]]]


async def test_a_fault_in_the_prompt_makes_the_whole_a_fault(prompting: Harness) -> None:
    found = await prompting.decision(completion="toxicity=0.95", prompt="RAISE")
    assert (found.fault, found.scores) == (FaultReason.CLASSIFIER_ERROR, {})


async def test_a_policy_that_asks_for_prompts_meanwhile_decides_without_those_that_were_not_scored(
    bench: Harness,
) -> None:
    record = said(0, "toxicity=0.1", prompt="toxicity=0.99")
    span = RecordRange(OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED), 0, [record], 0)
    prepared = await bench.moderate.prepare(batch(span))
    (found,) = bench.moderate.conclude(span, prepared[0], PROMPTS)
    assert isinstance(found, Decision)
    assert (found.action, found.prompt_scores, found.policy_version) == (Action.ALLOW, {}, PROMPTS.version)
    assert decide(Inputs.of(found), PROMPTS) == found


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
    made = Harness(BESIDE)
    yield made
    made.scoring.close()


async def test_prompts_are_scored_where_only_the_shadow_has_prompt_labels(bench: Harness, shadowed: Harness) -> None:
    event = {"completion": "toxicity=0.4", "prompt": "insult=0.8 toxicity=0.99"}
    alone, beside = await bench.decision(**event), await shadowed.decision(**event)
    assert (bench.scorer.heard, shadowed.scorer.heard) == ([["toxicity=0.4"]], [[event["completion"], event["prompt"]]])
    assert (alone.prompt_scores, beside.prompt_scores) == ({}, {"insult": 0.8})
    assert (beside.action, beside.reasons) == (alone.action, alone.reasons) == (Action.ALLOW, ())
    assert beside.would_be is not None
    assert [(r.of, r.label, r.action.value) for r in beside.would_be.reasons] == [
        ("prompt", "insult", "block"),
        ("completion", "toxicity", "flag"),
    ]
    assert decide(Inputs.of(beside), BESIDE) == beside


@pytest.mark.parametrize("bad", ["RAISE", "NAN"])
async def test_a_prompt_that_only_the_shadow_asked_for_makes_no_fault(shadowed: Harness, bad: str) -> None:
    found = await shadowed.decision(completion="toxicity=0.95", prompt=bad)
    assert (found.fault, found.action, found.prompt_scores) == (None, Action.BLOCK, {})
    assert found.would_be is not None
    assert found.would_be.action is Action.REDACT  # by the completion alone


async def test_spans_that_only_the_shadow_redacts_by_are_asked_for_and_stand_apart(shadowed: Harness) -> None:
    found = await shadowed.decision(completion="oh, toxicity=0.6")
    assert shadowed.scorer.asked == [["oh, toxicity=0.6"]]
    assert (found.action, found.spans) == (Action.FLAG, ())
    assert found.would_be is not None
    assert found.would_be.action is Action.REDACT
    assert [(s.label, s.start) for s in found.would_be.spans] == [("toxicity", 4)]
    assert decide(Inputs.of(found), BESIDE) == found


async def test_a_fault_is_one_for_the_shadow_too(shadowed: Harness) -> None:
    found = await shadowed.decision(completion="RAISE")
    assert (found.fault, found.action) == (FaultReason.CLASSIFIER_ERROR, Action.ALLOW)
    assert found.would_be is not None
    assert found.would_be.action is Action.BLOCK


async def test_a_batch_is_judged_by_one_pair_of_live_policy_and_shadow(shadowed: Harness) -> None:
    span = RecordRange(
        OwnedPartition(P, 41, 0, 0, CheckpointTrust.BELIEVED), 0, [said(n, "toxicity=0.4") for n in range(3)], 0
    )
    (prepared,) = await shadowed.moderate.prepare(batch(span))
    for live, versions in ((PLAIN, {None}), (BESIDE, {SHADOW.version})):  # it started or ended meanwhile
        decided = shadowed.moderate.conclude(span, prepared, live)
        assert {d.would_be and d.would_be.policy_version for d in decided if isinstance(d, Decision)} == versions
        counts = shadowed.moderate.aggregate(decided, live, ScopeLimiter(shadowed.store, 100)).counts
        would = {series for series in next(iter(counts.values())) if series.startswith("would.")}
        assert bool(would) is (live is BESIDE)


async def test_what_the_shadow_would_have_done_is_observed(shadowed: Harness) -> None:
    shadowed.moderate.observe(
        await shadowed.results(said(0, "toxicity=0.4"), said(1, "toxicity=0.95"), said(2, "RAISE")),
        ScopeLimiter(shadowed.store, 100),
    )
    get = shadowed.metrics.registry.get_sample_value
    would = {a: get("tidegate_would_decisions_total", {"action": a}) for a in ("allow", "flag", "redact", "block")}
    assert would == {"allow": None, "flag": 1, "redact": 1, "block": None}  # faults are no decisions
    assert get("tidegate_decisions_total", {"action": "block"}) == 1


# --- what is published


async def test_a_decision_goes_to_its_completion_s_partition_under_tenant_and_hashed_user(bench: Harness) -> None:
    found = await bench.decision(tenant="acme", user=USER, conversation=TALK)
    message = bench.moderate.message(found)
    assert (message.topic, message.partition) == ("decisions", 3)
    assert message.key == f"acme:{KEY.hash('acme', USER)}".encode()
    assert found.conversation == KEY.hash("acme", TALK)
    assert found.epoch == 41


@pytest.mark.parametrize(
    ("event", "key"),
    [
        ({"tenant": "acme", "conversation": TALK}, f"acme:{KEY.hash('acme', TALK)}"),
        ({"tenant": "acme"}, "acme:c0"),
        ({}, "unknown:c0"),
        ({"user": USER}, f"unknown:{KEY.hash('unknown', USER)}"),
    ],
)
async def test_without_a_user_the_key_is_the_conversation_s_else_the_id_s(
    bench: Harness, event: dict[str, str], key: str
) -> None:
    assert bench.moderate.message(await bench.decision(**event)).key == key.encode()


async def test_one_user_under_two_tenants_is_two(bench: Harness) -> None:
    one, two = [await bench.decision(tenant=tenant, user=USER) for tenant in ("a", "b")]
    assert one.user != two.user


@pytest.mark.parametrize("live", [PLAIN, PROMPTS])
async def test_a_published_decision_is_what_decide_makes_of_its_own_record(live: LivePolicy) -> None:
    bench = Harness(live)
    records = [
        said(0, "toxicity=0.123456", tenant="acme", user=USER, conversation=TALK, at_ms=NOW - 5, locale="de"),
        said(1, ["toxicity=0.6", "insult=0.8! toxicity=0.9"], prompt="toxicity=0.61!", route="kids", model="m"),
        said(2, "RAISE", route="kids"),
        said(3, "", status="failed"),
        said(4, "insult=0.5", at_ms=0),
        said(5, "", at_ms=NOW * 2),
    ]
    for result in await bench.results(*records):
        value = bench.moderate.message(result).value
        read = Decision.model_validate_json(value or b"")
        assert read == result
        assert decide(Inputs.of(read), live) == read
        assert read.policy_version == live.version
        assert read.model_version == "scripted@1"
    bench.scoring.close()


async def test_a_long_user_is_one_user_wherever_it_is_looked_up(bench: Harness) -> None:
    long = USER * 100
    found = await bench.decision(completion="x", tenant="acme", user=long)
    assert found.user == KEY.hash("acme", long)
    assert found.user != KEY.hash("acme", long + "x")


async def test_a_decision_says_what_could_not_be_read(bench: Harness) -> None:
    found = await bench.decision(completion="toxicity=0.99", user=[USER], tenant="a|b", prompt=7)
    assert (found.action, found.user, found.scopes.tenant) == (Action.BLOCK, None, "unknown")
    assert sorted(found.dropped) == ["prompt", "tenant", "user"]


async def test_a_decision_is_the_same_alone_and_among_others(bench: Harness) -> None:
    records = [said(n, [f"toxicity=0.{n}5", f"insult=0.{n}"], user=USER) for n in range(9)]
    together = await bench.results(*records)
    alone = [(await bench.results(record))[0] for record in records]
    assert together == alone


FORMS: list[Fake] = [
    said(0, TEXT, tenant="acme", user=USER, conversation=TALK, prompt=TEXT),
    said(1, [TEXT, TEXT], user=USER),
    said(2, f"RAISE {TEXT}", user=USER, conversation=TALK),
    said(3, TEXT, status="failed", user=USER),
    said(4, {"text": TEXT}, user=USER),  # from here on: dead letters
    said(5, TEXT, user=[USER], conversation=TALK),
    said(6, TEXT, at_ms=TEXT, user=USER),
    said(7, TEXT, user=USER + "\n"),
    Fake(TEXT.encode(), offset=8),
    Fake(json.dumps({USER: TEXT}).encode(), offset=9),
    Fake(json.dumps([USER, TEXT]).encode(), offset=10, key=USER.encode()),
    Fake(f'{{"id": "{USER}", "completion": "{TEXT}'.encode(), offset=11),
]


@pytest.mark.parametrize("record", FORMS)
async def test_no_text_and_no_raw_user_stands_in_any_message(
    prompting: Harness, record: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    (result,) = await prompting.results(record)
    message = prompting.moderate.message(result)
    everything = b"\n".join((message.key or b"", message.value or b"", caplog.text.encode(), repr(result).encode()))
    for raw in (USER, TALK, TEXT):
        assert raw.encode() not in everything


# --- dead letters


async def test_a_dead_letter_says_where_and_what_was_expected_and_keeps_no_bytes(bench: Harness) -> None:
    (letter,) = await bench.results(Fake(b'{"id": 5}', offset=8))
    message = bench.moderate.message(letter)
    assert (message.topic, message.key, message.partition) == ("dead-letters", b"completions[3]@8", None)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.epoch, letter.length) == (DeadLetterReason.INVALID, 41, 9)
    assert DeadLetter.model_validate_json(message.value or b"") == letter
    assert letter.value_base64 is None


@pytest.mark.parametrize(("size", "kept"), [(1, True), (100, True), (101, False)])
async def test_a_dead_letter_keeps_the_bytes_where_the_setting_says_so_and_they_fit(size: int, kept: bool) -> None:
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


# --- careful: what kills the worker is known to the next one


def quarantined(poison_offset: int | None = None) -> OwnedPartition:
    return OwnedPartition(
        P, 41, position=5, applied=5, trust=CheckpointTrust.BELIEVED, quarantine_until=100, poison_offset=poison_offset
    )


async def test_a_careful_batch_says_which_record_is_in_hand_before_it_is_scored(bench: Harness) -> None:
    found = await bench.results(said(5, "toxicity=0.95"), said(6, "RAISE"), said(7, "x"), owned=quarantined())
    # offset in hand, and how many calls of the scorer came before
    assert bench.store.tried == [(5, 0), (6, 1), (7, 2), (None, 3)]
    assert bench.scorer.heard == [["toxicity=0.95"], ["RAISE"], ["x"]]
    assert [d.fault for d in found if isinstance(d, Decision)] == [None, FaultReason.CLASSIFIER_ERROR, None]


async def test_the_culprit_is_a_fault_and_is_neither_tried_nor_scored_again(bench: Harness) -> None:
    found = await bench.results(
        said(5, "x"), said(6, "ABORT"), said(7, "toxicity=0.95"), owned=quarantined(poison_offset=6)
    )
    assert bench.store.tried == [(5, 0), (7, 1), (None, 2)]
    assert bench.scorer.heard == [["x"], ["toxicity=0.95"]]
    faults = [(d.fault, d.action) for d in found if isinstance(d, Decision)]
    assert faults == [(None, Action.ALLOW), (FaultReason.KILLED_WORKER, Action.ALLOW), (None, Action.BLOCK)]


async def test_a_worker_that_dies_leaves_the_record_in_hand_to_the_next(
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
    (claim,) = await bench.store.claim([P], "w1")
    with pytest.raises(Killed):
        await bench.results(said(5, "x"), said(6, "now"), said(7, "x"), owned=replace(quarantined(), epoch=claim.epoch))
    (after,) = await bench.store.claim([P], "w2")
    assert after.in_hand == 6


async def test_a_store_that_is_unavailable_is_said_and_nothing_is_scored_untold(bench: Harness) -> None:
    bench.store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await bench.results(said(5, "x"), owned=quarantined())
    assert bench.scorer.heard == []


async def test_other_batches_are_scored_together_and_say_nothing(bench: Harness) -> None:
    await bench.results(said(5, "a"), said(6, "b"), said(7, ["c", "d"]))
    assert bench.scorer.heard == [["a", "b", "c", "d"]]
    assert bench.store.tried == []


# --- what counts


async def test_results_count_as_decisions_faults_and_dead_letters_under_their_scopes(bench: Harness) -> None:
    results = await bench.results(
        said(0, "toxicity=0.95", tenant="acme", route="chat", model="m"), said(1, "RAISE"), Fake(b"{", offset=2)
    )
    names = ScopeLimiter(bench.store, 10)
    found = bench.moderate.names(results)
    assert found == {"tenant": {"acme", "unknown"}, "model": {"m", "unknown"}, "route": {"chat", "unknown"}}
    await names.learn(found)
    counted = bench.moderate.aggregate(results, PLAIN, names)
    assert counted.totals == {"decided": 1, "faults": 1, "dead_letters": 1}
    (bucket,) = counted.counts.values()
    assert bucket["label.toxicity|tenant=acme"] == 1
    assert bucket["fault|all"] == 1


async def test_what_was_counted_is_observed(bench: Harness) -> None:
    results = await bench.results(said(0, "toxicity=0.95"), said(1, "RAISE"), Fake(b"{", offset=2))
    bench.moderate.observe(results, ScopeLimiter(bench.store, 100))
    get = bench.metrics.registry.get_sample_value
    assert get("tidegate_decisions_total", {"action": "block"}) == 1
    assert get("tidegate_faults_total", {"reason": "classifier_error"}) == 1
    assert get("tidegate_dead_letters_total", {"topic": "completions", "reason": "not_json"}) == 1
