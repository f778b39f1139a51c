"""Silences: which alerts they match, and how many a reader of the log keeps."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.streams.core.events import Silence
from tidegate.streams.core.policy.log import PolicyLog, fold
from tidegate.streams.core.policy.silences import MAX_SILENCES, matches, silenced_by, with_silence


def silence(id: str = "s", rule: str | None = None, scope: str | None = None, until_ms: int = 1_000) -> Silence:
    return Silence(id=id, rule=rule, scope=scope, author="ada", reason="known", at_ms=0, until_ms=until_ms)


@pytest.mark.parametrize(
    ("rule", "scope", "matched"),
    [
        (None, None, True),
        ("bias_spike", "tenant=acme", True),
        ("bias_*", "tenant=*", True),
        ("*", "*", True),
        ("*spike", "*=acme", True),
        ("b*_s*e", "t*=*e", True),
        ("bias_spike*", None, True),  # * may be nothing
        ("bias_", None, False),
        ("bias*spike_", None, False),
        ("bias_sp*pike", None, False),  # what was matched is not matched again
        (None, "model=*", False),
        (None, "tenant=ac", False),
        ("bias?spike", None, False),  # everything but * is itself
        ("[b]ias_spike", None, False),
        ("bias.spike", None, False),
        ("BIAS_SPIKE", None, False),
    ],
)
def test_a_star_is_any_text_and_everything_else_is_itself(rule: str | None, scope: str | None, matched: bool) -> None:
    assert matches(silence(rule=rule, scope=scope), "bias_spike", "tenant=acme") == matched
    assert (silenced_by([silence(rule=rule, scope=scope)], "bias_spike", "tenant=acme", 500) == "s") == matched


@settings(max_examples=500)
@given(st.text("ab*.", max_size=8), st.text("ab.", max_size=8))
def test_it_matches_as_a_regular_expression_would(pattern: str, text: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert matches(silence(rule=pattern), text, "all") == bool(re.fullmatch(expression, text))


def test_no_pattern_stalls_the_ruler() -> None:
    began = time.monotonic()
    assert not matches(silence(rule="*a" * 10_000 + "*b"), "a" * 100_000, "all")
    assert time.monotonic() - began < 1  # 0.003 s; a regular expression would not end


#           until_ms   10   20   30 ... 10,000 | 5: the one that ends first goes, be it the new one
def test_of_too_many_silences_the_first_to_end_is_removed() -> None:
    full = {f"s{n}": silence(f"s{n}", until_ms=10 * n) for n in range(1, MAX_SILENCES + 1)}
    assert with_silence(full, silence("new", until_ms=5)).keys() == full.keys()
    after = with_silence(full, silence("new", until_ms=15))
    assert after.keys() == full.keys() - {"s1"} | {"new"}
    assert with_silence(full, silence("s7", until_ms=0)).keys() == full.keys()  # one in place of another makes no more


def test_a_log_of_many_silences_keeps_every_one_in_force() -> None:
    # 3,000 silences of an hour each, one a minute: 60 are in force at any time.
    log, minute = PolicyLog(), 60_000
    for n in range(3_000):
        record = silence(f"s{n:04}", until_ms=(n + 60) * minute).model_dump() | {"at_ms": n * minute}
        log = fold(log, n, json.dumps(record).encode()).log
    now = 2_999 * minute
    in_force = {s.id for s in log.silences.values() if s.at_ms <= now < s.until_ms}
    assert in_force == {f"s{n:04}" for n in range(2_940, 3_000)}
    assert len(log.silences) == MAX_SILENCES
