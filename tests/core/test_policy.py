"""What may stand in a policy, and the messages about what may not. The messages are golden text."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest

from tidegate.streams.core.policy.model import Policy, PolicyError, digest, parse, version
from tidegate.streams.core.policy.tables import AlertRule

LABELS = {"toxicity": {"flag": 0.5, "block": 0.9}, "insult": {"flag": 0.5}}


def alert(**changed: Any) -> dict[str, Any]:
    return {"alerts": {"spike": {"of": "fault", "above": 0.1, **changed}}}


def label(thresholds: Any) -> dict[str, Any]:
    return {"labels": {"toxicity": thresholds}}


NAME = "a string of 1 to 200 characters, no control character or `|` among them"
LABEL_NAME = "expected letters, digits and _, at most 64 of them, no digit first and no __"
RUNBOOK = (
    "expected a string of 10 to 500 characters, a URL that begins with http:// or https://, without a user or spaces"
)
KEYS = (
    "schema_version, labels, prompt_labels, floors, prompt_floors, scopes, faults, windows, limits, mask, "
    "fallbacks, resend_s, alerts, strikes"
)
SENTENCES = "a list of 1 to 100, each a string of 1 to 1000 characters, in one line"
TABLE = f"a table with {KEYS}"

# what is put into (or in place of) a good policy, and what is said of it after "policy.toml: "
BAD: list[tuple[Any, str]] = [
    # --- unknown and missing keys
    ({"threshold": 1}, f"threshold: unknown key; expected one of {KEYS}"),
    (label({"blok": 0.5}),
     "labels.toxicity.blok: unknown key (did you mean block?); expected one of flag, review, redact, block"),
    ({"windows": {"bucket": 10}},
     "windows.bucket: unknown key (did you mean bucket_s?); expected one of bucket_s, rate_window_s, late_s, "
     "future_s, grace_s"),
    ({"labels": None}, "labels: found nothing; expected a table"),
    ({"alerts": {"spike": {"of": "fault"}}}, "alerts.spike.above: missing; expected a number of at least 0"),
    ({"alerts": {"spike": {"above": 0.1}}}, "alerts.spike.of: missing; expected a string"),
    # --- what would break a line, a terminal, or Python's writer of numbers
    ({"a\nb": 1}, f'"a\\nb": unknown key; expected one of {KEYS}'),
    ({"\x1b[2J": 1}, f'"\\u001b[2J": unknown key; expected one of {KEYS}'),
    ({"x" * 5_000: 1}, f"{'x' * 100}…: unknown key; expected one of {KEYS}"),
    ({"floors": {"a\u2028b": {"block": 1}}}, 'floors."a\\u2028b": unknown label; expected one of insult, toxicity'),
    (label({"block": "x" * 5_000}),
     f"labels.toxicity.block: found '{'x' * 100}…'; expected a number in [0, 1] or 'off'"),
    ({"resend_s": 1 << 20_000}, "resend_s: found a number of 20001 bits; expected a whole number in [1, 86400]"),
    ({"schema_version": 1 << 20_000},
     "schema_version: a number of 20001 bits is newer than this Tidegate reads, 1; expected 1, or a newer Tidegate"),
    # --- out of range, wrong type
    (label({"block": 1.4}), "labels.toxicity.block: found 1.4; expected a number in [0, 1] or 'off'"),
    (label({"block": -0.1}), "labels.toxicity.block: found -0.1; expected a number in [0, 1] or 'off'"),
    (label({"block": "on"}), "labels.toxicity.block: found 'on'; expected a number in [0, 1] or 'off'"),
    (label({"block": "0.5"}), "labels.toxicity.block: found '0.5'; expected a number in [0, 1] or 'off'"),
    (label({"block": True}), "labels.toxicity.block: found true; expected a number in [0, 1] or 'off'"),
    (label({"block": float("nan")}), "labels.toxicity.block: found nan; expected a number in [0, 1] or 'off'"),
    (label({"block": float("inf")}), "labels.toxicity.block: found inf; expected a number in [0, 1] or 'off'"),
    (label({"block": [1]}), "labels.toxicity.block: found a list; expected a number in [0, 1] or 'off'"),
    (label(0.5), "labels.toxicity: found 0.5; expected a table with flag, review, redact, block"),
    ({"labels": ["toxicity"]}, "labels: found a list; expected a table"),
    ({"labels": {"floating": {"block": 2}}}, "labels.floating.block: found 2; expected a number in [0, 1] or 'off'"),
    ({"windows": {"bucket_s": 0}}, "windows.bucket_s: found 0; expected a whole number in [1, 60]"),
    ({"windows": {"bucket_s": 1.5}}, "windows.bucket_s: found 1.5; expected a whole number in [1, 60]"),
    ({"windows": {"late_s": "ten"}}, "windows.late_s: found 'ten'; expected a whole number in [0, 86400]"),
    ({"resend_s": 0}, "resend_s: found 0; expected a whole number in [1, 86400]"),
    ({"schema_version": 0}, "schema_version: found 0; expected 1"),
    ({"resend_s": date(2026, 1, 1)}, "resend_s: found a date or a time; expected a whole number in [1, 86400]"),
    # --- of a newer Tidegate: that alone is said
    ({"schema_version": 2, "quotas": {}},
     "schema_version: 2 is newer than this Tidegate reads, 1; expected 1, or a newer Tidegate"),
    # --- out of order
    (label({"flag": 0.9, "block": 0.5}), "labels.toxicity: block 0.5 is below flag 0.9; expected flag <= block"),
    (label({"flag": 0.1, "review": 0.5, "redact": 0.4, "block": 0.9}),
     "labels.toxicity: redact 0.4 is below review 0.5; expected review <= redact"),
    (label({"flag": 0.6, "review": "off", "block": 0.5}),
     "labels.toxicity: block 0.5 is below flag 0.6; expected flag <= block"),
    # --- scopes and floors
    ({"scopes": [{"tenant": "a", "labels": {"toxic": {"block": 0.5}}}]},
     "scopes[0].labels.toxic: unknown label (did you mean toxicity?); expected one of insult, toxicity"),
    ({"scopes": [{"tenant": "a", "prompt_labels": {"toxicity": {"block": 0.5}}}]},
     "scopes[0].prompt_labels.toxicity: unknown label; expected one of (none)"),
    ({"scopes": [{"tenant": "a", "labels": {"toxicity": {"block": 2}}}]},
     "scopes[0].labels.toxicity.block: found 2; expected a number in [0, 1] or 'off'"),
    ({"scopes": [{"labels": {}}]}, "scopes[0]: no selector; expected at least one of tenant, model, route, locale"),
    ({"scopes": [{"tenant": "a"}, {"tenant": "a"}]},
     "scopes[1]: a second rule for tenant=a; expected one rule a selector"),
    ({"scopes": [{"tenant": "a|b"}]}, f"scopes[0].tenant: found 'a|b'; expected {NAME}"),
    ({"scopes": [{"user": "u"}]}, "scopes[0].user: unknown key; expected one of tenant, model, route, locale, labels, "
     "prompt_labels, mask, fallbacks"),
    ({"scopes": {"tenant": "a"}},
     "scopes: found a table; expected a list, each a table with tenant, model, route, locale, labels, prompt_labels, "
     "mask, fallbacks"),
    # --- words
    ({"mask": ""}, "mask: found ''; expected a string of 1 to 100 characters, in one line"),
    ({"mask": "two\nlines"}, "mask: found 'two\\nlines'; expected a string of 1 to 100 characters, in one line"),
    ({"fallbacks": "Sorry."}, f"fallbacks: found 'Sorry.'; expected {SENTENCES}"),
    ({"fallbacks": []}, f"fallbacks: found a list; expected {SENTENCES}"),
    ({"fallbacks": ["Sorry."] * 101}, f"fallbacks: found a list; expected {SENTENCES}"),
    ({"fallbacks": ["Sorry.", 5]},
     "fallbacks[1]: found 5; expected a string of 1 to 1000 characters, in one line"),
    ({"scopes": [{"tenant": "a", "fallbacks": ["Sorry.", "x" * 1001]}]},
     f"scopes[0].fallbacks[1]: found '{'x' * 100}…'; expected a string of 1 to 1000 characters, in one line"),
    ({"floors": {"threat": {"block": 0.5}}}, "floors.threat: unknown label; expected one of insult, toxicity"),
    ({"floors": {"toxicity": {"block": "off"}}}, "floors.toxicity.block: found 'off'; expected a number in [0, 1]"),
    # --- faults
    ({"faults": {"fail": "ajar"}}, "faults.fail: found 'ajar'; expected one of open, closed"),
    ({"faults": {"routes": {"kids": "shut"}}}, "faults.routes.kids: found 'shut'; expected one of open, closed"),
    # --- windows and alerts
    ({"windows": {"bucket_s": 10, "rate_window_s": 305}},
     "windows.rate_window_s: found 305; expected a multiple of bucket_s, 10"),
    ({"windows": {"bucket_s": 7}}, "windows.rate_window_s: found 300; expected a multiple of bucket_s, 7"),
    (alert(window_s=15), "alerts.spike.window_s: found 15; expected a multiple of bucket_s, 10"),
    (alert(of="label.toxic"), "alerts.spike.of: unknown measure 'label.toxic'; expected label.<label>, prompt.<label>, "
     "action.<action>, fault, producer_failed, satisfaction, overturned or a feedback kind"),
    (alert(above=5), "alerts.spike: above 5 is outside [0, 1], the range of a share"),
    (alert(above=-1), "alerts.spike.above: found -1; expected a number of at least 0"),
    (alert(resolve_below=0.2), "alerts.spike: resolve_below 0.2 is over 0.1; expected at most `above`"),
    (alert(confidence=1), "alerts.spike.confidence: found 1; expected a number in (0.5, 1)"),
    (alert(by=["user"]), "alerts.spike.by[0]: found 'user'; expected one of all, tenant, model, route"),
    (alert(by="all"), "alerts.spike.by: found 'all'; expected a list, each one of all, tenant, model, route"),
    (alert(by=[]), "alerts.spike: by is empty; expected at least one of all, tenant, model, route"),
    (alert(kind="sum"), "alerts.spike.kind: found 'sum'; expected one of share, count"),
    (alert(kind="statistic"), "alerts.spike.kind: found 'statistic'; expected one of share, count"),
    (alert(severity="page"), "alerts.spike.severity: found 'page'; expected one of critical, warning, info"),
    (alert(labels={"team": ""}), "alerts.spike.labels.team: found ''; expected a string of 1 to 200 characters, in one "
     "line"),
    (alert(labels={"team": 5}), "alerts.spike.labels.team: found 5; expected a string of 1 to 200 characters, in one "
     "line"),
    (alert(labels={"on-call": "a"}), f"alerts.spike.labels: 'on-call' cannot name a label; {LABEL_NAME}"),
    (alert(labels={"__team": "a"}), f"alerts.spike.labels: '__team' cannot name a label; {LABEL_NAME}"),
    (alert(labels={"tenant": "a"}), "alerts.spike.labels: 'tenant' is set by Tidegate; expected another name"),
    (alert(labels={f"l{i}": "a" for i in range(17)}), "alerts.spike.labels: found 17 labels; expected at most 16"),
    (alert(labels=["a"]), "alerts.spike.labels: found a list; expected a table"),
    (alert(summary="two\nlines"), "alerts.spike.summary: found 'two\\nlines'; expected a string of 1 to 200 "
     "characters, in one line"),
    (alert(summary="a" * 201), f"alerts.spike.summary: found '{'a' * 100}…'; expected a string of 1 to 200 characters, "
     "in one line"),
    (alert(runbook="wiki/toxicity"), f"alerts.spike.runbook: found 'wiki/toxicity'; {RUNBOOK}"),
    (alert(runbook="ftp://wiki/toxicity"), f"alerts.spike.runbook: found 'ftp://wiki/toxicity'; {RUNBOOK}"),
    (alert(runbook="https://me:secret@wiki/"), f"alerts.spike.runbook: found 'https://me:secret@wiki/'; {RUNBOOK}"),
    (alert(runbook="https://a b.org/"), f"alerts.spike.runbook: found 'https://a b.org/'; {RUNBOOK}"),
    (alert(runbook="https:///path"), f"alerts.spike.runbook: found 'https:///path'; {RUNBOOK}"),
    (alert(owner="a" * 65), f"alerts.spike.owner: found '{'a' * 65}'; expected a string of 1 to 64 characters, in one "
     "line"),
    (alert(window_s=86_410), "alerts.spike.window_s: 86410 s is longer than counts are kept; expected at most "
     "limits.longest_window_s, 86400"),
    ({"windows": {"rate_window_s": 600}, "limits": {"longest_window_s": 300}}, "windows.rate_window_s: 600 s is longer "
     "than counts are kept; expected at most limits.longest_window_s, 300"),
    ({"floors": {"toxicity": {"review": 0.9, "block": 0.8}}},
     "floors.toxicity: block 0.8 is below review 0.9; expected review <= block"),
    ({"prompt_floors": {"toxicity": {"block": 0.8}}},
     "prompt_floors.toxicity: unknown label; expected one of (none)"),
    ({"strikes": {"weights": {"toxic": {"block": 1}}}},
     "strikes.weights.toxic: unknown label (did you mean toxicity?); expected one of insult, toxicity"),
    ({"strikes": {"weights": {"toxicity": {"block": -1}}}},
     "strikes.weights.toxicity.block: found -1; expected a number in [0, 1000]"),
    ({"strikes": {"throttle": 0}}, "strikes.throttle: found 0; expected a number in [0.001, 1000000]"),
    ({"strikes": {"throttle": 5, "suspend": 3}},
     "strikes: suspend 3 is below throttle 5; expected throttle <= suspend"),
    (alert(shadow="maybe"), "alerts.spike.shadow: found 'maybe'; expected true or false"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "message"), BAD)
def test_a_bad_policy_is_refused_with_key_value_and_range(changed: dict[str, Any], message: str) -> None:
    """The message names the key, what was found and what is allowed."""
    with pytest.raises(PolicyError) as caught:
        parse({"labels": LABELS, **changed}, "policy.toml")
    assert str(caught.value) == f"policy.toml: {message}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "policy.toml: labels: missing; expected a table"),
        ([], f"policy.toml: found a list; expected {TABLE}"),
        ("x", f"policy.toml: found 'x'; expected {TABLE}"),
        (None, f"policy.toml: found nothing; expected {TABLE}"),
    ],
)
def test_what_is_no_policy_at_all_is_refused(data: Any, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(data, "policy.toml")
    assert str(caught.value) == message


def test_every_problem_is_listed_at_once_one_a_line() -> None:
    with pytest.raises(PolicyError) as caught:
        parse({"labels": {"toxicity": {"block": 2}}, "resend_s": 0, "loud": True}, "policy.toml")
    assert str(caught.value).splitlines() == [
        "policy.toml: labels.toxicity.block: found 2; expected a number in [0, 1] or 'off'",
        "policy.toml: resend_s: found 0; expected a whole number in [1, 86400]",
        f"policy.toml: loud: unknown key; expected one of {KEYS}",
    ]


# --- what is accepted


@pytest.mark.parametrize(
    "good",
    [
        {"labels": {}},
        label({}),
        label({"block": 0}),
        label({"block": 1, "flag": 1}),  # equal is in order
        label({"flag": 0.9, "review": "off", "block": 0.9}),
        {**alert(kind="count", of="complaint", above=10)},  # a count may be over 1
        {**alert(above=0)},
        {"floors": {"toxicity": {"block": 0.99}}},
        {"prompt_labels": LABELS, "prompt_floors": {"toxicity": {"block": 0.99}}},
        {"strikes": {"throttle": 3, "suspend": 3, "weights": {"toxicity": {"flag": 0.5, "block": 1}}}},
        {**alert(window_s=604_800), "limits": {"longest_window_s": 604_800}},
        {"scopes": [{"tenant": "a"}, {"route": "a"}, {"tenant": "a", "route": "a"}]},
        {"scopes": [{"tenant": "a,route=b"}, {"tenant": "a", "route": "b"}]},  # said alike, not the same
    ],
)
def test_a_good_policy_is_accepted(good: dict[str, Any]) -> None:
    assert isinstance(parse({"labels": LABELS, **good}, "policy.toml"), Policy)


def test_resolve_below_defaults_to_a_fifth_under_above() -> None:
    assert AlertRule(of="fault", above=0.05).resolves_below == pytest.approx(0.04)  # 0.8 * 0.05
    assert AlertRule(of="fault", above=0.05, resolve_below=0.0).resolves_below == 0.0


def test_a_thousand_scopes_are_read_in_a_blink() -> None:
    began = time.perf_counter()
    parse({"labels": LABELS, "scopes": [{"tenant": f"t{i}"} for i in range(1000)]}, "p")
    assert time.perf_counter() - began < 1  # comparing each with each took several seconds


# --- versions


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    """Equal policies have equal digests."""
    one = parse({"labels": LABELS, "resend_s": 30}, "p")
    other = parse({"resend_s": 30, "labels": dict(reversed(LABELS.items()))}, "p")
    assert digest(one) == digest(other)
    assert digest(one) != digest(parse({"labels": LABELS, "resend_s": 31}, "p"))


def test_a_default_written_out_is_the_same_policy() -> None:
    written = {"labels": LABELS, "resend_s": 60, "windows": {"bucket_s": 10}, "scopes": []}
    assert digest(parse(written, "p")) == digest(parse({"labels": LABELS}, "p"))


def test_a_new_key_does_not_change_versions_in_the_log() -> None:
    """A key that is added to Tidegate later leaves digests as they were."""

    class Later(Policy):
        added_later: int = 7

    assert digest(Later.model_validate({"labels": LABELS})) == digest(parse({"labels": LABELS}, "p"))


def test_a_digest_stays_what_it_was() -> None:
    # Golden: a change here would orphan every version that stands in a log as a parent.
    assert version(12, parse({"labels": LABELS, "floors": {"toxicity": {"block": 0.95}}}, "p")) == "12-82bc5fe2"


def test_problems_between_keys_are_listed_at_once_too() -> None:
    with pytest.raises(PolicyError) as caught:
        parse(
            {
                "labels": LABELS,
                "floors": {"toxic": {"block": 0.9}, "threat": {"block": 0.9}},
                "windows": {"rate_window_s": 305},
            },
            "policy.toml",
        )
    assert str(caught.value).splitlines() == [
        "policy.toml: floors.toxic: unknown label (did you mean toxicity?); expected one of insult, toxicity",
        "policy.toml: floors.threat: unknown label; expected one of insult, toxicity",
        "policy.toml: windows.rate_window_s: found 305; expected a multiple of bucket_s, 10",
    ]


def test_of_many_problems_the_first_are_listed_and_counted() -> None:
    began = time.monotonic()
    with pytest.raises(PolicyError) as caught:
        parse({"labels": LABELS, **{f"label{n}": 1 for n in range(20_000)}}, "policy.toml")
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[0]) == (
        21,
        f"policy.toml: label0: unknown key (did you mean labels?); expected one of {KEYS}",
    )
    assert lines[-1] == "policy.toml: and 19980 more problems"
    assert time.monotonic() - began < 5  # 0.1 s on an idle machine: a writer of the log must not stall workers


@pytest.mark.parametrize(
    "annotated",
    [
        {"severity": "info", "owner": "Trust & Safety", "summary": "zu viel davon: über 5%"},
        {"labels": {"team": "safety", "_page": "yes", "Env2": "eu west"}},
        {"labels": {f"l{i}": "a" * 200 for i in range(16)}},
        *(
            {"runbook": url}
            for url in ("http://wiki", "https://wiki.example.org:8443/a/b?c=d#e", "https://[::1]/", "https://wiki?c=@d")
        ),
    ],
)
def test_what_a_rule_may_say_to_people(annotated: dict[str, Any]) -> None:
    rule = parse({"labels": LABELS, **alert(**annotated)}, "policy.toml").alerts["spike"]
    assert {name: getattr(rule, name) for name in annotated} == annotated


def test_a_version_has_no_part_of_what_a_rule_leaves_out() -> None:
    """A policy of before the annotations keeps the version that the log names as a parent."""
    plain = parse({"labels": LABELS, **alert()}, "policy.toml")
    assert digest(plain) == digest(parse({"labels": LABELS, **alert(severity="warning", labels={})}, "policy.toml"))
    assert digest(plain) != digest(parse({"labels": LABELS, **alert(severity="info")}, "policy.toml"))
