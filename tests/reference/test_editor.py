"""The policy's schema is of use in an editor: it says of every key what it is, and refuses what the model refuses."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from tests.core.test_policy import BAD, LABELS
from tidegate.streams.core.policy.model import parse
from tidegate.streams.reference.editor import DIALECT

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "policy.schema.json").read_text("utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)


def nodes(node: dict[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that a key, a table or an element of a list may be, by where it stands."""
    yield at, node
    for key, inner in node.get("properties", {}).items():
        yield from nodes(inner, f"{at}.{key}")
    for key in ("additionalProperties", "items"):
        if isinstance(inner := node.get(key), dict):
            yield from nodes(inner, f"{at}.<{key}>")


NODES = dict(nodes(SCHEMA))


def test_the_editors_dialect_means_the_same_as_the_later_one() -> None:
    Draft7Validator.check_schema(SCHEMA)
    Draft202012Validator.check_schema({**SCHEMA, "$schema": Draft202012Validator.META_SCHEMA["$id"]})
    assert SCHEMA["$schema"] == DIALECT
    assert "$ref" not in json.dumps(SCHEMA)  # draft 7 would leave out the description beside it
    assert '"null"' not in json.dumps(SCHEMA)  # TOML has none


@pytest.mark.parametrize("at", NODES)
def test_every_key_has_a_description(at: str) -> None:
    assert NODES[at].get("title")
    assert NODES[at].get("description")


def test_a_key_of_the_model_is_a_key_of_the_schema() -> None:
    assert len(NODES) > 80
    for at in (
        ".labels.<additionalProperties>.block", ".prompt_floors.<additionalProperties>.flag",
        ".scopes.<items>.prompt_labels.<additionalProperties>.review", ".limits.rates_per_evaluation",
        ".strikes.weights.<additionalProperties>.block", ".alerts.<additionalProperties>.by.<items>",
        ".faults.routes.<additionalProperties>",
    ):  # fmt: skip
        assert at in NODES
    windows = NODES[".windows.bucket_s"]
    assert (windows["default"], windows["minimum"], windows["maximum"]) == (10, 1, 60)
    assert NODES[".faults.fail"]["enum"] == ["open", "closed"]


@pytest.mark.parametrize("file", ["policy.toml", "streams/demo/policy.toml", "tests/cli/policy.toml"])
def test_a_policy_of_ours_is_valid(file: str) -> None:
    data = tomllib.loads((ROOT / file).read_text("utf-8"))
    assert [f"{x.json_path}: {x.message}" for x in VALIDATOR.iter_errors(data)] == []


def test_policy_toml_names_its_schema_for_editors() -> None:
    first = (ROOT / "policy.toml").read_text("utf-8").splitlines()[0]
    assert first.startswith("#:schema ./")
    assert json.loads((ROOT / first.removeprefix("#:schema ")).read_text("utf-8")) == SCHEMA


# What is wrong between keys, or in a name, no schema can say: the model alone refuses it.
ONLY_THE_MODEL = (
    "is below", "unknown label", "unknown measure", "second rule", "a multiple of", "longer than counts are kept",
    "resolve_below", "found nan", "is no name", "more than",
)  # fmt: skip


# A number of 20,001 bits the validator refuses too, and then fails to print it.
@pytest.mark.parametrize(("changed", "message"), [case for case in BAD if "20001 bits" not in case[1]])
def test_the_schema_refuses_what_the_model_refuses(changed: Any, message: str) -> None:
    """Where a schema can express it."""
    refused = not VALIDATOR.is_valid({"labels": LABELS, **changed})
    assert refused == (not any(words in message for words in ONLY_THE_MODEL))


@pytest.mark.parametrize(
    "more",
    [
        {"labels": {"toxicity": {"flag": 0, "block": "off"}}},
        {"alerts": {"a": {"kind": "count", "of": "complaint", "above": 10}}},
        {"alerts": {"a": {"of": "fault", "above": 1, "confidence": 0.9, "by": ["model"]}}},
        {"scopes": [{"locale": "fr"}, {"tenant": "a", "labels": {"toxicity": {"flag": 0.1}}}]},
        {"strikes": {"throttle": 1, "weights": {"toxicity": {"block": 1}}}},
        {"faults": {"routes": {"a.b c": "closed"}}},
    ],
)
def test_the_schema_accepts_what_the_model_accepts(more: dict[str, Any]) -> None:
    parse({"labels": LABELS, **more}, "test")
    VALIDATOR.validate({"labels": LABELS, **more})
