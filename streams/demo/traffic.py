"""A minute of made-up traffic, as a list: what is sent, and when. The same seed gives the same traffic.

Nothing here sends or waits. Times are seconds since the first event.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tidegate.streams.demo.forms import (
    FAILING,
    FORMS,
    Answer,
    Headers,
    decision_id,
    malformed,
    moderation_request,
)
from tidegate.streams.demo.texts import FINE, INSULTS, STEREOTYPES, fine

SEED = 7
LENGTH_S = 60.0
PER_S = 28.0  # completions, about: 1,700 in all
TENANTS = tuple(FINE)
MODELS = ("heron-2", "otter-7b", "wren-mini")
ROUTES = ("chat", "search", "mail")
USERS = 40  # a tenant
MALFORMED = 0.02  # of all completions
FAILED = 0.001  # of those of a healthy model
TWO_CHOICES = 0.05  # of the fine ones: most have one
THUMBS = 0.12  # of the answers are rated
FORM_WEIGHTS = (30, 12, 8, 15, 10, 15, 10)  # in the order of FORMS
LZ4 = "trailhead"  # the tenant whose producer compresses its batches
# Who asks over HTTP before an answer is shown: one tenant, where somebody waits for it. Not for wren-mini: OpenAI's
# form names no author, and the stereotypes of that model would be those of `model=unknown`.
HTTP_TENANT, HTTP_ROUTES, HTTP_MODELS = "pixel-arena", ("chat", "search"), ("heron-2", "otter-7b")


@dataclass(frozen=True, slots=True)
class Phase:
    """A fault of the traffic, in [start_s, end_s)."""

    start_s: float
    end_s: float
    where: str  # the tenant or the model
    share: float  # of its answers
    about: str

    def at(self, at_s: float) -> bool:
        return self.start_s <= at_s < self.end_s


INSULTING = Phase(10, 25, "pixel-arena", 0.45, "tenant pixel-arena: insults")
BIASED = Phase(21, 36, "wren-mini", 0.40, "model wren-mini: stereotypes")
FAILING_MODEL = Phase(32, 41, "otter-7b", 0.35, "model otter-7b: fails to answer")
PHASES = (INSULTING, BIASED, FAILING_MODEL)
COMPLAINS = 0.5  # of those who were insulted, some seconds later

HTTP = "openai moderations"  # the form of what is asked over HTTP
Kind = Literal["fine", "insult", "stereotype", "failed", "malformed", "feedback"]


@dataclass(frozen=True, slots=True)
class TrafficRecord:
    """One record or request to be sent."""

    at_s: float
    topic: Literal["completions", "moderations", "feedback"]  # moderations: asked over HTTP, `serve` writes it there
    kind: Kind
    form: str  # of FORMS, or HTTP; for a malformed one what is wrong with it, for feedback its kind
    key: bytes
    value: bytes | None
    headers: Headers = ()
    lz4: bool = False  # sent by the producer that compresses
    # The answer that is asked about over HTTP, or that feedback is on: its decision has an id of `serve`'s, which the
    # feedback must name instead of this one.
    asked_about: str = ""


def traffic(start_ms: int, seed: int = SEED, length_s: float = LENGTH_S, per_s: float = PER_S) -> list[TrafficRecord]:
    """Returns everything to be sent, in order. start_ms: when the first is, in ms since 1970."""
    rng = random.Random(seed)  # noqa: S311 - made-up traffic, the same each time
    records: list[TrafficRecord] = []
    for n in range(round(length_s * per_s)):
        records += _one(rng, n, (n + rng.random()) / per_s, start_ms)
    # Feedback on the last answers would come after the end.
    return sorted((one for one in records if one.at_s < length_s), key=lambda one: one.at_s)


def describe_phase(at_s: float) -> str:
    """Returns what is wrong in the traffic at that time, as text."""
    return " · ".join(phase.about for phase in PHASES if phase.at(at_s)) or "all is well"


def _one(rng: random.Random, n: int, at_s: float, start_ms: int) -> list[TrafficRecord]:
    """Returns a completion, by one door, and the feedback on it."""
    tenant, model, route = rng.choice(TENANTS), rng.choice(MODELS), rng.choice(ROUTES)
    user = f"user-{rng.randrange(USERS)}@{tenant}.example"
    kind = _kind(rng, at_s, tenant, model)
    texts = _texts(rng, kind, tenant)
    answer = Answer(f"c{n:04}", tenant, model, route, user, texts, start_ms + round(at_s * 1000))
    if kind == "malformed":
        wrong, value = malformed(rng, answer)
        return [TrafficRecord(at_s, "completions", kind, wrong, answer.key, value, lz4=tenant == LZ4)]
    form = rng.choice(FAILING) if kind == "failed" else rng.choices(list(FORMS), FORM_WEIGHTS)[0]
    if _asks_over_http(answer):
        feedback = _feedback(rng, kind, at_s, answer, answer.id, start_ms, asked_about=answer.id)
        body = moderation_request(answer)
        return [TrafficRecord(at_s, "moderations", kind, HTTP, b"", body, asked_about=answer.id), *feedback]
    value, headers = FORMS[form](answer)
    feedback = _feedback(rng, kind, at_s, answer, decision_id(answer, form), start_ms)
    return [TrafficRecord(at_s, "completions", kind, form, answer.key, value, headers, tenant == LZ4), *feedback]


def _asks_over_http(answer: Answer) -> bool:
    where = answer.tenant == HTTP_TENANT and answer.route in HTTP_ROUTES and answer.model in HTTP_MODELS
    return where and len(answer.texts) == 1  # a producer's failure has no text to ask about


def _kind(rng: random.Random, at_s: float, tenant: str, model: str) -> Kind:
    if rng.random() < MALFORMED:
        return "malformed"
    if INSULTING.at(at_s) and tenant == INSULTING.where and rng.random() < INSULTING.share:
        return "insult"
    if BIASED.at(at_s) and model == BIASED.where and rng.random() < BIASED.share:
        return "stereotype"
    down = FAILING_MODEL.at(at_s) and model == FAILING_MODEL.where
    return "failed" if rng.random() < (FAILING_MODEL.share if down else FAILED) else "fine"


def _texts(rng: random.Random, kind: Kind, tenant: str) -> tuple[str, ...]:
    if kind == "failed":
        return ()
    if kind in ("insult", "stereotype"):
        return (rng.choice(INSULTS if kind == "insult" else STEREOTYPES),)
    return tuple(fine(rng, tenant) for _ in range(2 if rng.random() < TWO_CHOICES else 1))


def _feedback(
    rng: random.Random,
    kind: Kind,
    at_s: float,
    answer: Answer,
    completion_id: str,
    start_ms: int,
    *,
    asked_about: str = "",
) -> Sequence[TrafficRecord]:
    """Returns the user's feedback on the answer, some seconds later: mostly none."""
    if kind == "insult" and rng.random() < COMPLAINS:
        what = "complaint"
    elif kind != "failed" and rng.random() < THUMBS:
        what = "thumb_up" if kind == "fine" and rng.random() < 0.9 else "thumb_down"
    else:
        return ()
    feedback_s = at_s + rng.uniform(0.5, 3)
    event = {
        "id": f"f-{answer.id}",
        "completion_id": completion_id,
        "kind": what,
        "tenant": answer.tenant,
        "model": answer.model,
        "route": answer.route,
        "user": answer.user,
        "at_ms": start_ms + round(feedback_s * 1000),
    }
    key, value = completion_id.encode(), json.dumps(event).encode()
    return [TrafficRecord(feedback_s, "feedback", "feedback", what, key, value, asked_about=asked_about)]


def about_decision(feedback: TrafficRecord, id: str) -> TrafficRecord:
    """Returns the feedback on an answer that was asked about over HTTP, naming its decision."""
    event = json.loads(feedback.value or b"") | {"completion_id": id}
    return replace(feedback, key=id.encode(), value=json.dumps(event).encode())
