"""The `policies` log: the first valid child of the live version wins, everything else is skipped, and why is said."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.log import Folded, PolicyLog, Verdict, fold
from streams.core.policy import parse, version
from streams.core.silences import silenced_by

AT_MS = 1_767_268_800_000
POLICY: dict[str, Any] = {"labels": {"toxicity": {"flag": 0.5, "block": 0.9}}}


def policy(block: float) -> dict[str, Any]:
    return {"labels": {"toxicity": {"flag": 0.5, "block": block}}}


def version_at(offset: int, block: float) -> str:
    return version(offset, parse(policy(block), "p"))


def change(parent: str | None, block: float = 0.9, **more: Any) -> bytes:
    record = {"parent": parent, "policy": policy(block), "author": "ann", "reason": "why not", "at_ms": AT_MS}
    return json.dumps({**record, **more}).encode()


def silence(name: str, until_ms: int, **more: Any) -> bytes:
    record = {"kind": "silence", "id": name, "author": "ann", "reason": "known", "at_ms": AT_MS, "until_ms": until_ms}
    return json.dumps({**record, **more}).encode()


def read(values: Iterable[bytes | None], log: PolicyLog | None = None) -> list[Folded]:
    """What becomes of each record, by a reader that starts at offset 0 or goes on from `log`."""
    known, found = log or PolicyLog(), []
    for value in values:
        found.append(fold(known, known.next, value))
        known = found[-1].log
    return found


def live_version(log: PolicyLog) -> str | None:
    return None if log.live is None else log.live.version


# --- who wins


def test_a_child_of_the_live_version_is_live_under_its_offset_and_hash() -> None:
    seed, child = read([change(None, 0.9), change(version_at(0, 0.9), 0.8)])
    assert (seed.verdict, child.verdict) == (Verdict.APPLIED, Verdict.APPLIED)
    assert live_version(child.log) == version_at(1, 0.8)
    assert child.log.live is not None
    assert child.log.live.policy == parse(policy(0.8), "p")
    assert child.why == ""
    assert child.log.next == 2


def test_of_two_children_the_first_wins_and_the_other_is_told_both_versions() -> None:
    was = version_at(0, 0.9)
    _, first, second = read([change(None, 0.9), change(was, 0.8), change(was, 0.7)])
    assert (first.verdict, second.verdict) == (Verdict.APPLIED, Verdict.LOST)
    assert live_version(second.log) == version_at(1, 0.8)
    assert second.why == f"policies@2: made against {was}, but {version_at(1, 0.8)} was live"


def test_a_loser_that_is_made_again_against_the_winner_is_applied() -> None:
    was, won = version_at(0, 0.9), version_at(1, 0.8)
    *_, again = read([change(None, 0.9), change(was, 0.8), change(was, 0.7), change(won, 0.7)])
    assert (again.verdict, live_version(again.log)) == (Verdict.APPLIED, version_at(3, 0.7))


def test_of_two_seeds_the_first_wins() -> None:
    _, second = read([change(None, 0.9), change(None, 0.8)])
    assert second.verdict is Verdict.LOST
    assert live_version(second.log) == version_at(0, 0.9)
    assert second.why == f"policies@1: made against an empty log, but {version_at(0, 0.9)} was live"


def test_a_change_on_an_empty_log_that_names_a_parent_is_lost() -> None:
    (only,) = read([change(version_at(5, 0.9))])
    assert (only.verdict, only.log.live) == (Verdict.LOST, None)
    assert only.why == f"policies@0: made against {version_at(5, 0.9)}, but nothing was live"


def test_the_same_content_at_another_offset_is_another_version() -> None:
    *_, back = read([change(None, 0.9), change(version_at(0, 0.9), 0.8), change(version_at(1, 0.8), 0.9)])
    assert live_version(back.log) == version_at(2, 0.9) != version_at(0, 0.9)


# --- what is no change

TEXT = "hunter2 and what a user wrote"
GARBAGE: list[tuple[bytes | None, str]] = [
    (None, "not valid JSON"),  # a tombstone
    (b"", "not valid JSON"),
    (b"\xff\xfe\x00", "not valid JSON"),
    (b"{", "not valid JSON"),
    (TEXT.encode(), "not valid JSON"),
    (b'{"kind": "policy", "parent": NaN}', "not valid JSON"),
    (b"[" * 100_000, "not valid JSON"),
    (json.dumps(TEXT).encode(), "record: "),
    (json.dumps([TEXT]).encode(), "record: "),
    (b"null", "record: "),
    (json.dumps({"id": "c1", "completion": TEXT, "user": TEXT}).encode(), "parent: "),  # sent to the wrong topic
    (json.dumps({TEXT: 1}).encode(), "parent: "),
    (change(None, **{TEXT: 1}), "an unknown key"),
    (change(None, kind=TEXT), "kind: "),
    (change(None, author=[TEXT]), "author: "),
    (change(None, at_ms=TEXT), "at_ms: "),
    (change(None, at_ms=-1), "at_ms: "),
    (change(None, schema_version=2), "schema_version: "),  # written by a Tidegate that is newer
    (change(None, policy=TEXT), "policy: "),
    (
        change(None, policy={**POLICY, "schema_version": 2}),
        "policy.schema_version: 2 is newer than this Tidegate",
    ),
    (change(None, policy={**POLICY, "added_later": TEXT}), "policy: added_later: unknown key"),
    (change(None, block=1.4), "policy: labels.toxicity.block: found 1.4; expected a number in [0, 1] or 'off'"),
    (change(None, block=0.1), "policy: labels.toxicity: block 0.1 is below flag 0.5"),
    (silence("\n", AT_MS), "id: "),
    (silence("s", "tomorrow"), "until_ms: "),  # type: ignore[arg-type]
    (silence("s", AT_MS, text=TEXT), "an unknown key"),
]


@pytest.mark.parametrize(("value", "why"), GARBAGE)
def test_garbage_is_invalid_says_where_and_the_live_policy_and_silences_stand(value: bytes | None, why: str) -> None:
    stands = read([change(None, 0.7), silence("kept", AT_MS + 1)])[-1].log
    (garbage,) = read([value], stands)
    assert garbage.verdict is Verdict.INVALID
    assert garbage.why.startswith(f"policies@2: {why}")
    assert garbage.log.live is stands.live
    assert garbage.log.silences == stands.silences
    assert garbage.log.next == 3


@pytest.mark.parametrize("value", [value for value, _ in GARBAGE])
def test_why_holds_no_text_of_the_record_and_is_one_short_line(value: bytes | None) -> None:
    (garbage,) = read([value])
    assert TEXT not in garbage.why
    assert "hunter2" not in garbage.why
    assert len(garbage.why.splitlines()) == 1
    assert len(garbage.why) < 400


@pytest.mark.parametrize(
    "value",
    [
        change("x\n2026-01-01 INFO policy 9-00000000 is live " + TEXT),
        change("y" * 1_000_000),
        change(None, policy={"labels": {f"{n}": 5 for n in range(1000)}}),
        change(None, policy={"labels": {"a\nb": {"block": 2}}}),
        change(None, policy={"labels": "x" * 1_000_000}),
        change(None, policy={"z" * 1_000_000: 1}),
    ],
)
def test_a_forged_record_cannot_fill_or_break_the_line_that_refuses_it(value: bytes) -> None:
    forged = read([change(None), value])[-1]
    assert forged.verdict in (Verdict.LOST, Verdict.INVALID)
    assert len(forged.why.splitlines()) == 1
    assert len(forged.why) < 400
    assert TEXT not in forged.why


def test_an_invalid_child_does_not_take_the_place_of_a_valid_one() -> None:
    was = version_at(0, 0.9)
    *_, valid = read([change(None, 0.9), change(was, 1.4), b"{", change(was, 0.8)])
    assert (valid.verdict, live_version(valid.log)) == (Verdict.APPLIED, version_at(3, 0.8))


def test_garbage_before_the_seed_does_not_keep_it_out() -> None:
    *_, seed = read([None, b"{", change(None, 0.9)])
    assert (seed.verdict, live_version(seed.log)) == (Verdict.APPLIED, version_at(2, 0.9))


def test_a_version_that_only_resembles_the_live_one_is_no_parent() -> None:
    was = version_at(0, 0.9)
    for forged in (was.upper() + "x", was[:-1], "0-00000000", "", f" {was}"):
        *_, child = read([change(None, 0.9), change(forged, 0.1 + 0.5)])
        assert child.verdict is Verdict.LOST, forged


def test_holes_in_the_offsets_change_nothing() -> None:
    seed = fold(PolicyLog(), 7, change(None, 0.9))
    child = fold(seed.log, 12, change(version_at(7, 0.9), 0.8))
    assert (live_version(child.log), child.log.next) == (version_at(12, 0.8), 13)


# --- silences
#
#        at_ms          until_ms
#   ------[-------------)---------->   it holds in between


def test_a_silence_holds_until_it_expires_and_changes_no_policy() -> None:
    was, said = read([change(None, 0.9), silence("s1", AT_MS + 1000, rule="spike")])
    assert (said.verdict, said.why, live_version(said.log)) == (Verdict.SILENCED, "", live_version(was.log))
    at = [silenced_by(said.log.silences.values(), "spike", "all", AT_MS + ms) for ms in (-1, 0, 999, 1000)]
    assert at == [None, "s1", "s1", None]
    assert silenced_by(said.log.silences.values(), "another", "all", AT_MS) is None


def test_a_silence_is_taken_back_by_one_of_its_id_that_has_ended() -> None:
    *_, back = read([silence("s1", AT_MS + 1000), silence("s2", AT_MS + 1000), silence("s1", AT_MS)])
    assert silenced_by(back.log.silences.values(), "spike", "all", AT_MS) == "s2"
    *_, again = read([silence("s1", AT_MS), silence("s1", AT_MS + 1000)])
    assert silenced_by(again.log.silences.values(), "spike", "all", AT_MS) == "s1"


def test_a_silence_needs_no_policy_and_is_no_parent() -> None:
    *_, seed = read([silence("s1", AT_MS + 1), change(None, 0.9)])
    assert (seed.verdict, live_version(seed.log)) == (Verdict.APPLIED, version_at(1, 0.9))
    assert set(seed.log.silences) == {"s1"}


# --- any log, any reader

BLOCK = st.sampled_from([0.6, 0.7, 0.8, 0.9])
MOVE = st.one_of(
    st.tuples(st.just("child"), BLOCK),  # made against what is live
    st.tuples(st.just("late"), BLOCK),  # made against what was live before: another change came first
    st.tuples(st.just("seed"), BLOCK),
    st.tuples(st.just("bad child"), st.just(1.4)),
    st.tuples(st.just("forged"), BLOCK),
    st.tuples(st.just("silence"), st.sampled_from(["s1", "s2"])),
    st.tuples(st.just("garbage"), st.binary(max_size=12) | st.none() | st.sampled_from([v for v, _ in GARBAGE])),
)


def written(moves: list[tuple[str, Any]]) -> tuple[list[bytes | None], list[str]]:
    """The log that these moves make, and every version that must have been live, in order: by plain bookkeeping."""
    values: list[bytes | None] = []
    lives: list[str] = []
    for offset, (move, what) in enumerate(moves):
        now, before = lives[-1] if lives else None, lives[-2] if len(lives) > 1 else "0-ffffffff"
        if move == "garbage":
            values.append(what)
        elif move == "silence":
            values.append(silence(what, AT_MS + offset))
        else:
            parent = {"late": before, "seed": None, "forged": f"{offset}-12345678"}.get(move, now)
            values.append(change(parent, what))
            if move == "child" or (move == "seed" and now is None):
                lives.append(version_at(offset, what))
    return values, lives


@settings(max_examples=200, deadline=None)
@given(st.lists(MOVE, max_size=20), st.lists(st.integers(0, 20), max_size=4))
def test_every_reader_arrives_at_the_same_state_however_it_reads(moves: list[tuple[str, Any]], cuts: list[int]) -> None:
    values, lives = written(moves)
    found = read(values)
    applied = [live_version(f.log) for f in found if f.verdict is Verdict.APPLIED]
    assert applied == lives  # exactly the valid children, in the order of the log
    for log_before, after in pairwise([Folded(PolicyLog(), Verdict.INVALID, ""), *found]):
        if after.verdict is not Verdict.APPLIED:
            assert after.log.live is log_before.log.live  # live is the last APPLIED
    chunked = PolicyLog()
    for start, end in pairwise(sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})):
        chunked = read(values[start:end], chunked)[-1].log
    end_state = found[-1].log if found else PolicyLog()
    assert chunked == end_state
    assert chunked.next == len(values)
    assert live_version(chunked) == (lives[-1] if lives else None)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["kind", "parent", "policy", "author", "reason", "at_ms", "id", "until_ms", "labels", "x"]),
        inner | st.sampled_from(["silence", "policy"]),
        max_size=6,
    ),
    max_leaves=8,
).map(lambda found: json.dumps(found).encode()))  # fmt: skip
def test_fold_never_raises_and_always_moves_on(value: bytes) -> None:
    folded = fold(PolicyLog(), 41, value)
    assert folded.log.next == 42
    assert folded.verdict in (Verdict.APPLIED, Verdict.SILENCED) or folded.why
