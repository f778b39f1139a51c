"""schemas/: current, valid, and of one mind with the models."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.validators import validator_for
from pydantic import BaseModel, ValidationError

from tests.support.tomorrow import of_tomorrow
from tidegate.streams.core import events as e
from tidegate.streams.core.fields import Outgoing
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.reference.schemas import generate
from tidegate.streams.topics import TOPICS

ROOT = Path(__file__).parents[2]
FILES = {name: json.loads(text) for name, text in generate().items()}
SCHEMAS = {name: schema for name, schema in FILES.items() if name != "asyncapi.json"}
OFFICIAL = json.loads((Path(__file__).parent / "asyncapi" / "asyncapi-3.0.0.json").read_text())

SOURCE = e.Source(topic="completions", partition=3, offset=88214)
POLICY: dict[str, Any] = {
    "labels": {"toxicity": {"flag": 0.5, "block": 0.9}, "threat": {"review": "off"}},
    "prompt_labels": {"insult": {"flag": 1}},
    "floors": {"toxicity": {"block": 0.95}},
    "scopes": [{"tenant": "acme", "route": "kids", "labels": {"toxicity": {"flag": 0.2}}}],
    "faults": {"fail": "closed", "routes": {"chat": "open"}},
    "alerts": {"high_toxicity": {"of": "label.toxicity", "above": 0.05, "by": ["all", "tenant"]}},
}

# One of each, with as many of its fields given as can be at once.
EXAMPLES: dict[str, tuple[BaseModel, ...]] = {
    "completion": (
        e.Completion(id="c1", completion="text"),
        e.Completion(id="c1", completion=("one", "two"), prompt="p", tenant="acme", user="u", at_ms=0),
        e.Completion(id="c1", status="failed"),
    ),
    "feedback": (
        e.Feedback(id="f1", completion_id="c1", kind=e.FeedbackKind.THUMB_UP),
        e.Feedback(id="f1", completion_id="c1", kind=e.FeedbackKind.OVERTURNED, tenant="a", user="u", at_ms=1),
    ),
    "decision": (
        e.Decision(
            id="c1",
            source=SOURCE,
            epoch=4,
            action=e.Action.REDACT,
            reasons=(
                e.Reason(
                    label="toxicity", action=e.Action.REDACT, score=0.9, threshold=0.8, scope="floor", by="encoder"
                ),
            ),
            spans=(e.Span(start=0, end=4, label="toxicity"),),
            scores={"toxicity": 0.9},
            choice_of={"toxicity": 1},
            by_encoder=("toxicity",),
            prompt_scores={"insult": 0.0},
            prompt_by_encoder=(),
            scopes=e.Scopes(tenant="acme"),
            user="ab12",
            event_ms=5,
            record_ms=6,
            at_ms=5,
            policy_version="0-7f3a91bc",
            model_version="cascade-en@1",
            record_hmac="0f" * 16,
            would_be=e.WouldBe(
                action=e.Action.BLOCK,
                reasons=(e.Reason(label="toxicity", action=e.Action.BLOCK, score=0.9, threshold=0.9, scope="default"),),
                spans=(e.Span(start=5, end=9, label="insult"),),
                policy_version="3-0123abcd",
            ),
            origin=SOURCE,
            origin_sha256="0" * 16,
        ),
        e.Decision(
            id="c1",
            source=SOURCE,
            epoch=4,
            action=e.Action.ALLOW,
            fault=e.FaultReason.KILLED_WORKER,
            record_ms=6,
            at_ms=6,
            time=e.EventTime.FUTURE,
            policy_version="0-7f3a91bc",
            model_version="cascade-en@1",
        ),
    ),
    "moderation": (
        e.Moderation(
            id="http-0199",
            request_id="r1",
            policies_next=1,
            action=e.Action.REVIEW,
            reasons=(e.Reason(label="toxicity", action=e.Action.REVIEW, score=0.9, threshold=0.8, scope="floor"),),
            spans=(e.Span(start=0, end=4, label="toxicity"),),
            scores={"toxicity": 0.9},
            scopes=e.Scopes(tenant="acme"),
            user="ab12",
            event_ms=5,
            policy_version="0-7f3a91bc",
            model_version="cascade-en@1",
            would_be=e.WouldBe(action=e.Action.ALLOW, policy_version="3-0123abcd"),
            dropped=("metadata.user",),
        ),
        e.Moderation(
            id="http-0200",
            policies_next=1,
            action=e.Action.BLOCK,
            reasons=(
                e.Reason(label="threat", action=e.Action.BLOCK, score=0.9, threshold=0.8, scope="default", of="prompt"),
            ),
            status="prompt_blocked",
            prompt_scores={"threat": 0.9},
            policy_version="0-7f3a91bc",
            model_version="cascade-en@1",
        ),
    ),
    "moderated-text": (
        e.ModeratedText(id="http-0199", tenant="acme", prompt="p", choices=("one", "two")),
        e.ModeratedText(id="http-0200", tenant="unknown", choices=("",)),
    ),
    "dead-letter": (
        e.DeadLetter(
            id=str(SOURCE),
            source=SOURCE,
            epoch=4,
            reason=e.DeadLetterReason.NOT_JSON,
            where="byte 17",
            expected="JSON",
            length=20,
            sha256="0" * 64,
            record_ms=6,
        ),
        e.DeadLetter(
            id=str(SOURCE),
            source=SOURCE,
            epoch=4,
            reason=e.DeadLetterReason.REDRIVEN,
            where="header tidegate-origin",
            expected="no copy: completions[3]@7 was decided",
            length=20,
            sha256="0" * 64,
            record_ms=6,
            origin="completions[3]@2",
        ),
    ),
    "rate": (
        e.Rate(scope="all", measure="fault", window_s=300, at_ms=300_000, hits=1, total=100, share=0.01),
        e.Rate(scope="tenant=acme", measure="fault", window_s=300, at_ms=300_000, hits=0, total=3, share=None),
    ),
    "alert": (
        e.Alert(
            id="ab12-3",
            fingerprint="ab12",
            sequence=3,
            rule="high_toxicity",
            scope="tenant=acme",
            measure="label.toxicity",
            kind="share",
            state=e.AlertState.FIRING,
            previous=e.AlertState.PENDING,
            reason=e.AlertReason.HELD,
            value=0.08,
            above=0.05,
            resolve_below=0.04,
            hits=8,
            total=100,
            users=5,
            window_s=300,
            at_ms=300_000,
            since_ms=240_000,
            policy_version="0-7f3a91bc",
            severity="critical",
            labels={"team": "safety"},
            summary="too much of it",
            runbook="https://wiki.example.org/toxicity",
            owner="trust and safety",
        ),
    ),
    "policy-change": (e.PolicyChange(parent=None, policy=POLICY, author="ops", reason="first", at_ms=1),),
    "shadow-change": (
        e.ShadowChange(parent=None, policy={"labels": {}}, author="ops", reason="try", at_ms=1),
        e.ShadowChange(parent="3-0123abcd", policy=None, author="ops", reason="tried", at_ms=1),
    ),
    "silence": (e.Silence(id="s1", rule="high_toxicity", author="ops", reason="known", at_ms=1, until_ms=2),),
    "enforcement": (
        e.Enforcement(
            id="completions[3]@88214",
            tenant="acme",
            user="ab",
            action="suspend",
            strikes=3.5,
            threshold=3,
            at_ms=1,
            until_ms=9,
            throttled_until_ms=20,
            reason="toxicity.block",
            policy_version="0-7f3a91bc",
        ),
        e.Enforcement(
            id="completions[3]-undo-1f2e3d4c",
            tenant="acme",
            user="ab",
            action="lifted",
            strikes=0,
            at_ms=1,
            author="ops",
            reason="quoted a song",
            policy_version="0-7f3a91bc",
        ),
    ),
    "policy": (Policy.model_validate(POLICY),),
}


def schema(name: str) -> dict[str, Any]:
    return SCHEMAS[f"{name}.schema.json"]


def refuses(name: str, instance: Any) -> bool:
    return not Draft202012Validator(schema(name)).is_valid(instance)


def test_the_committed_files_are_current() -> None:
    committed = {path.name: path.read_text() for path in (ROOT / "schemas").iterdir()}
    assert committed == generate(), "run `tidegate schemas` and commit what it writes"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def properties(node: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, schema) of every property of every object in a document."""
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == "properties" and node.get("type") == "object":
            yield from ((f"{at}.{name}", of) for name, of in inner.items())
        yield from properties(inner, f"{at}/{key}")


@pytest.mark.parametrize("name", FILES)
def test_every_property_says_what_it_is(name: str) -> None:
    found = dict(properties(FILES[name], name))
    assert len(found) >= 5
    # A type says no unit, no range, and not what null means; one word alone would only repeat the name.
    assert [path for path, of in found.items() if len(of.get("description", "")) < 12] == []


def test_every_event_has_a_schema_and_an_example() -> None:
    models = {model.__name__ for model in (*e.INCOMING, *e.OUTGOING, Policy)}
    assert {s["title"] for s in SCHEMAS.values()} == models
    assert {type(x).__name__ for xs in EXAMPLES.values() for x in xs} == models


@pytest.mark.parametrize(("name", "event"), [(name, x) for name, xs in EXAMPLES.items() for x in xs])
def test_what_a_model_writes_its_schema_accepts(name: str, event: BaseModel) -> None:
    # A policy is a file, and TOML has no null: what is not set is left out, as on the log.
    written = event.model_dump_json(exclude_none=isinstance(event, Policy))
    validator_for(schema(name))(schema(name)).validate(json.loads(written))


# What is broken, and the example it is broken in. None: the key is taken out.
BROKEN = [
    ("completion", "id", None),
    ("completion", "id", ""),
    ("completion", "id", "a\x00b"),
    ("completion", "id", "x" * 257),
    ("completion", "id", 7),
    ("completion", "completion", 7),
    ("completion", "completion", []),
    ("completion", "completion", ["a", 7]),
    ("completion", "completion", ["a"] * 129),
    ("completion", "status", "error"),
    ("completion", "tenant", "a|b"),
    ("completion", "tenant", "x" * 201),
    ("completion", "schema_version", 2),
    ("feedback", "kind", "thumb"),
    ("feedback", "completion_id", None),
    ("decision", "action", "allowed"),
    ("decision", "scores", {"toxicity": 1.1}),
    ("decision", "by_encoder", "toxicity"),
    ("decision", "source", {"topic": "t", "partition": -1, "offset": 0}),
    ("policy-change", "text", "never"),
    ("shadow-change", "text", "never"),
    ("silence", "text", "never"),
    ("dead-letter", "reason", "because"),
    ("policy-change", "author", None),
    ("silence", "until_ms", -1),
    ("policy", "labels", None),
    ("policy", "labels", {"toxicity": {"block": 1.4}}),
    ("policy", "labels", {"toxicity": {"block": "on"}}),
    ("policy", "labels", {"toxicity": {"blocks": 0.4}}),
    ("policy", "floors", {"toxicity": {"block": "off"}}),
    ("policy", "faults", {"fail": "ajar"}),
    ("policy", "threshold", 0.5),
    ("policy", "resend_s", 0),
    ("policy", "alerts", {"a": {"of": "fault"}}),
    ("policy", "alerts", {"a": {"of": "fault", "above": 0.1, "by": ["user"]}}),
]


@pytest.mark.parametrize(("name", "key", "value"), BROKEN)
def test_what_a_model_refuses_its_schema_refuses(name: str, key: str, value: Any) -> None:
    example = EXAMPLES[name][0]
    broken = json.loads(example.model_dump_json())
    if value is None:
        del broken[key]
    else:
        broken[key] = value
    with pytest.raises(ValidationError):
        type(example).model_validate(broken)
    assert refuses(name, broken)


@pytest.mark.parametrize("name", [name for name, xs in EXAMPLES.items() if isinstance(xs[0], Outgoing)])
def test_a_validating_consumer_accepts_a_future_field(name: str) -> None:
    for example in EXAMPLES[name]:
        written = of_tomorrow(example.model_dump_json().encode())
        assert b"of_tomorrow" in written
        Draft202012Validator(schema(name)).validate(json.loads(written))


def test_a_completion_without_text_is_refused_unless_it_failed() -> None:
    assert refuses("completion", {"id": "c1"})
    assert refuses("completion", {"id": "c1", "status": "ok"})
    assert not refuses("completion", {"id": "c1", "status": "failed"})
    assert not refuses("completion", {"id": "c1", "completion": ""})


def test_null_is_a_key_left_out_as_the_decoders_read_it() -> None:
    full: dict[str, Any] = {"id": "c1", "completion": "a"}
    for name in set(e.Completion.model_fields) - {"id", "completion"}:
        assert not refuses("completion", full | {name: None}), name
    assert not refuses("completion", {"id": "c1", "status": "failed", "completion": None})
    assert refuses("completion", {"id": "c1", "completion": None})
    assert refuses("completion", full | {"id": None})
    said = {"id": "f1", "completion_id": "c1", "kind": "appeal"}
    for name in set(e.Feedback.model_fields) - set(said):
        assert not refuses("feedback", said | {name: None}), name
    assert refuses("feedback", said | {"kind": None})


# Python's `$` also matches before a last newline, where the schema's dialect (ECMA 262) and pydantic's do not.
NAMES = st.text(max_size=260).filter(lambda name: not name.endswith("\n"))


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {"id": NAMES},
        optional={
            "completion": st.one_of(st.text(), st.lists(st.text()), st.integers()),
            "tenant": st.one_of(NAMES, st.integers()),
            "at_ms": st.one_of(st.integers(-5, 2**60), st.text()),
            "status": st.sampled_from(["ok", "failed", "success"]),
        },
    )
)
def test_model_and_schema_agree_on_completions(found: dict[str, Any]) -> None:
    try:
        e.Completion.model_validate(found)
        refused = "completion" not in found and found.get("status") != "failed"
    except ValidationError:
        refused = True
    assert refuses("completion", found) == refused


# --- AsyncAPI

ASYNCAPI = FILES["asyncapi.json"]
OFFICIAL_VALIDATOR = Draft7Validator(OFFICIAL)


def test_the_asyncapi_document_is_valid_by_the_official_schema() -> None:
    assert [f"{x.json_path}: {x.message}" for x in OFFICIAL_VALIDATOR.iter_errors(ASYNCAPI)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("channels", "alerts", "bindings", "kafka", "partitions"), 0),
        (("operations", "send-alerts", "action"), "publish"),
        (("components", "schemas", "Alert", "type"), "objet"),
        (("asyncapi",), "2.6.0"),
    ],
)
def test_the_official_schema_would_notice(path: tuple[str, ...], value: Any) -> None:
    document = copy.deepcopy(ASYNCAPI)
    partition = document
    for key in path[:-1]:
        partition = partition[key]
    partition[path[-1]] = value
    assert not OFFICIAL_VALIDATOR.is_valid(document)


def test_every_reference_in_the_asyncapi_document_resolves() -> None:
    def references(partition: Any) -> list[str]:
        if isinstance(partition, list):
            return [r for x in partition for r in references(x)]
        if isinstance(partition, dict):
            return [
                v if k == "$ref" else r for k, v in partition.items() for r in ([v] if k == "$ref" else references(v))
            ]
        return []

    found = references(ASYNCAPI)
    assert len(found) > 40
    for reference in found:
        partition = ASYNCAPI
        for key in reference.removeprefix("#/").split("/"):
            partition = partition[key]


def test_every_topic_is_a_channel_with_cleanup_and_retention() -> None:
    assert list(ASYNCAPI["channels"]) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        channel = ASYNCAPI["channels"][topic.name]
        configuration = channel["bindings"]["kafka"]["topicConfiguration"]
        assert configuration["cleanup.policy"] == [topic.cleanup]
        assert configuration.get("retention.ms") == (
            None if topic.cleanup == "compact" else -1 if topic.retention_ms is None else topic.retention_ms
        )
        assert list(channel["messages"]) == [event.__name__ for event in topic.events]


def test_tidegate_receives_what_comes_in_and_sends_what_goes_out() -> None:
    assert sorted(ASYNCAPI["operations"]) == [
        "receive-completions",
        "receive-feedback",
        "receive-policies",
        "send-alerts",
        "send-dead-letters",
        "send-decisions",
        "send-enforcements",
        "send-moderated-texts",
        "send-moderations",
        "send-policies",
        "send-rates",
        "send-replays",
    ]


def test_every_event_travels_on_some_topic() -> None:
    assert {event for topic in TOPICS for event in topic.events} == {*e.INCOMING, *e.OUTGOING}


def test_the_policy_log_is_kept_for_ever_in_one_order() -> None:
    policies = next(topic for topic in TOPICS if topic.name == "policies")
    assert (policies.cleanup, policies.retention_ms, policies.partitions) == ("delete", None, 1)
