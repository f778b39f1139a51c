"""A policy with every key, and records of the `policies` log: the seeds of mutations."""

from __future__ import annotations

import json
from typing import Any

FULL: dict[str, Any] = {
    "schema_version": 1,
    "labels": {
        "toxicity": {"flag": 0.5, "review": 0.7, "redact": 0.8, "block": 0.9},
        "insult": {"flag": "off", "block": 1},
    },
    "prompt_labels": {"insult": {"flag": 0.5}},
    "floors": {"toxicity": {"block": 0.95}},
    "prompt_floors": {"insult": {"block": 0.99}},
    "scopes": [
        {"tenant": "acme", "route": "kids", "labels": {"toxicity": {"flag": 0.2}}},
        {"model": "m", "locale": "en", "prompt_labels": {"insult": {"flag": "off"}}},
    ],
    "faults": {"fail": "closed", "routes": {"chat": "open"}},
    "windows": {"bucket_s": 10, "rate_window_s": 300, "late_s": 600, "future_s": 60, "grace_s": 2},
    "limits": {"longest_window_s": 3600, "rates_per_evaluation": 1000},
    "resend_s": 60,
    "alerts": {
        "high": {
            "kind": "share",
            "of": "label.toxicity",
            "above": 0.05,
            "resolve_below": 0.04,
            "window_s": 300,
            "for_s": 60,
            "min_total": 50,
            "min_users": 2,
            "confidence": 0.95,
            "by": ["all", "tenant"],
            "shadow": True,
            "severity": "critical",
            "labels": {"team": "safety"},
            "summary": "too much of it",
            "runbook": "https://wiki.example.org/toxicity",
            "owner": "ada",
        },
        "many": {"kind": "count", "of": "complaint", "above": 12},
    },
    "strikes": {
        "half_life_s": 86_400,
        "throttle": 3,
        "suspend": 6.5,
        "weights": {"toxicity": {"block": 1, "review": 0.25}},
        "prompt_weights": {"insult": {"flag": 0.1}},
    },
}
FULL_TOML = """
schema_version = 1
resend_s = 60
labels = { toxicity = { flag = 0.5, review = 0.7, redact = 0.8, block = 0.9 }, insult = { flag = "off" } }
prompt_labels.insult.flag = 0.5
[floors.toxicity]
block = 0.95
[[scopes]]
tenant = "acme"
labels.toxicity.flag = 0.2
[alerts.high]
of = "label.toxicity"
above = 0.05
by = ["all", "tenant"]
[strikes]
throttle = 3
weights = { toxicity = { block = 1 } }
"""
KEYS = sorted(
    {
        *FULL,
        *(key for section in ("windows", "limits", "faults", "strikes") for key in FULL[section]),
        *FULL["alerts"]["high"],
        *("tenant", "model", "flag", "block", "toxicity", "insult", "labels", "policy", "parent", "kind", "author"),
    }
)


def changes() -> list[dict[str, Any]]:
    """A change, a shadow, its end, a silence and its end, as records of the log."""
    envelope = {"schema_version": 1, "author": "ops", "reason": "incident", "at_ms": 1_767_268_800_000}
    return [
        {"kind": "policy", "parent": None, "policy": FULL, **envelope},
        {"kind": "shadow", "parent": None, "policy": FULL | {"resend_s": 61}, **envelope},
        {"kind": "shadow", "parent": None, "policy": None, **envelope},
        {"kind": "silence", "id": "s1", "rule": "high", "scope": "tenant=*", "until_ms": 1_767_269_800_000, **envelope},
        {"kind": "silence", "id": "s1", "until_ms": 0, **envelope},
    ]


def records() -> list[bytes]:
    return [json.dumps(change).encode() for change in changes()]
