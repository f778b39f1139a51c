"""The `policies` log: the first valid child of the live version wins, everything else is skipped, and why is said."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.streams.core.policy.log import ChangeVerdict, Folded, PolicyLog, fold
from tidegate.streams.core.policy.model import parse, version
from tidegate.streams.core.policy.silences import silenced_by

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


def shadow(parent: str | None, block: float | None = 0.8, **more: Any) -> bytes:
    """A candidate that runs beside the live policy; block None ends the one that runs."""
    record = {"kind": "shadow", "parent": parent, "policy": None if block is None else policy(block)}
    return json.dumps({**record, "author": "ann", "reason": "try", "at_ms": AT_MS, **more}).encode()


def fold_all(values: Iterable[bytes | None], log: PolicyLog | None = None) -> list[Folded]:
    """What becomes of each record, by a reader that starts at offset 0 or goes on from `log`."""
    known, found = log or PolicyLog(), []
    for value in values:
        found.append(fold(known, known.next, value))
        known = found[-1].log
    return found


def live_version(log: PolicyLog) -> str | None:
    return None if log.live is None else log.live.version


def shadow_version(log: PolicyLog) -> str | None:
    return None if log.shadow is None else log.shadow.version


# --- who wins


def test_a_child_of_the_live_version_becomes_live() -> None:
    """Its version is its offset and its hash."""
    seed, child = fold_all([change(None, 0.9), change(version_at(0, 0.9), 0.8)])
    assert (seed.verdict, child.verdict) == (ChangeVerdict.APPLIED, ChangeVerdict.APPLIED)
    assert live_version(child.log) == version_at(1, 0.8)
    assert child.log.live is not None
    assert child.log.live.policy == parse(policy(0.8), "p")
    assert child.why == ""
    assert child.log.next == 2


def test_of_two_children_the_first_in_the_log_wins() -> None:
    """The reason of the loser names both versions."""
    was = version_at(0, 0.9)
    _, first, second = fold_all([change(None, 0.9), change(was, 0.8), change(was, 0.7)])
    assert (first.verdict, second.verdict) == (ChangeVerdict.APPLIED, ChangeVerdict.LOST)
    assert live_version(second.log) == version_at(1, 0.8)
    assert second.why == f"policies@2: made against {was}, but {version_at(1, 0.8)} was live"


def test_a_loser_written_again_against_the_winner_is_applied() -> None:
    was, won = version_at(0, 0.9), version_at(1, 0.8)
    *_, again = fold_all([change(None, 0.9), change(was, 0.8), change(was, 0.7), change(won, 0.7)])
    assert (again.verdict, live_version(again.log)) == (ChangeVerdict.APPLIED, version_at(3, 0.7))


def test_of_two_seeds_the_first_wins() -> None:
    _, second = fold_all([change(None, 0.9), change(None, 0.8)])
    assert second.verdict is ChangeVerdict.LOST
    assert live_version(second.log) == version_at(0, 0.9)
    assert second.why == f"policies@1: made against an empty log, but {version_at(0, 0.9)} was live"


def test_a_change_on_an_empty_log_that_names_a_parent_is_lost() -> None:
    (only,) = fold_all([change(version_at(5, 0.9))])
    assert (only.verdict, only.log.live) == (ChangeVerdict.LOST, None)
    assert only.why == f"policies@0: made against {version_at(5, 0.9)}, but nothing was live"


def test_the_same_content_at_another_offset_is_another_version() -> None:
    *_, back = fold_all([change(None, 0.9), change(version_at(0, 0.9), 0.8), change(version_at(1, 0.8), 0.9)])
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
    (shadow(None, 1.4), "policy: labels.toxicity.block: found 1.4"),
    (shadow(None, text=TEXT), "an unknown key"),
    (shadow(None, policy=[TEXT]), "policy: "),
    (shadow(None, schema_version=2), "schema_version: 2 is newer than this Tidegate"),
    (shadow(None, policy={**POLICY, "schema_version": 2}), "policy.schema_version: 2 is newer than this Tidegate"),
    (silence("s", AT_MS, text=TEXT), "an unknown key"),
]


@pytest.mark.parametrize(("value", "why"), GARBAGE)
def test_garbage_is_invalid_and_live_policy_and_silences_stand(value: bytes | None, why: str) -> None:
    """The reason names the place."""
    stands = fold_all([change(None, 0.7), silence("kept", AT_MS + 1)])[-1].log
    (garbage,) = fold_all([value], stands)
    assert garbage.verdict is ChangeVerdict.INVALID
    assert garbage.why.startswith(f"policies@2: {why}")
    assert garbage.log.live is stands.live
    assert garbage.log.silences == stands.silences
    assert garbage.log.next == 3


@pytest.mark.parametrize("value", [value for value, _ in GARBAGE])
def test_why_holds_no_text_of_the_record_and_is_one_short_line(value: bytes | None) -> None:
    (garbage,) = fold_all([value])
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
def test_a_forged_record_cannot_break_the_line_that_refuses_it(value: bytes) -> None:
    """Nor fill it."""
    forged = fold_all([change(None), value])[-1]
    assert forged.verdict in (ChangeVerdict.LOST, ChangeVerdict.INVALID)
    assert len(forged.why.splitlines()) == 1
    assert len(forged.why) < 400
    assert TEXT not in forged.why


def test_an_invalid_child_does_not_take_the_place_of_a_valid_one() -> None:
    was = version_at(0, 0.9)
    *_, valid = fold_all([change(None, 0.9), change(was, 1.4), b"{", change(was, 0.8)])
    assert (valid.verdict, live_version(valid.log)) == (ChangeVerdict.APPLIED, version_at(3, 0.8))


def test_garbage_before_the_seed_does_not_keep_it_out() -> None:
    *_, seed = fold_all([None, b"{", change(None, 0.9)])
    assert (seed.verdict, live_version(seed.log)) == (ChangeVerdict.APPLIED, version_at(2, 0.9))


def test_a_version_that_only_resembles_the_live_one_is_no_parent() -> None:
    was = version_at(0, 0.9)
    for forged in (was.upper() + "x", was[:-1], "0-00000000", "", f" {was}"):
        *_, child = fold_all([change(None, 0.9), change(forged, 0.1 + 0.5)])
        assert child.verdict is ChangeVerdict.LOST, forged


def test_holes_in_the_offsets_change_nothing() -> None:
    seed = fold(PolicyLog(), 7, change(None, 0.9))
    child = fold(seed.log, 12, change(version_at(7, 0.9), 0.8))
    assert (live_version(child.log), child.log.next) == (version_at(12, 0.8), 13)


# --- silences
#
#        at_ms          until_ms
#   ------[-------------)---------->   it holds in between


def test_a_silence_holds_until_it_expires_and_changes_no_policy() -> None:
    was, said = fold_all([change(None, 0.9), silence("s1", AT_MS + 1000, rule="spike")])
    assert (said.verdict, said.why, live_version(said.log)) == (ChangeVerdict.SILENCED, "", live_version(was.log))
    at = [silenced_by(said.log.silences.values(), "spike", "all", AT_MS + ms) for ms in (-1, 0, 999, 1000)]
    assert at == [None, "s1", "s1", None]
    assert silenced_by(said.log.silences.values(), "another", "all", AT_MS) is None


def test_a_silence_is_taken_back_by_one_of_its_id_that_has_ended() -> None:
    *_, back = fold_all([silence("s1", AT_MS + 1000), silence("s2", AT_MS + 1000), silence("s1", AT_MS)])
    assert silenced_by(back.log.silences.values(), "spike", "all", AT_MS) == "s2"
    *_, again = fold_all([silence("s1", AT_MS), silence("s1", AT_MS + 1000)])
    assert silenced_by(again.log.silences.values(), "spike", "all", AT_MS) == "s1"


def test_a_silence_needs_no_policy_and_is_no_parent() -> None:
    *_, seed = fold_all([silence("s1", AT_MS + 1), change(None, 0.9)])
    assert (seed.verdict, live_version(seed.log)) == (ChangeVerdict.APPLIED, version_at(1, 0.9))
    assert set(seed.log.silences) == {"s1"}


# --- a shadow: a chain of its own, beside the live policy's

SEED = change(None, 0.9)
WAS, TRIED = version_at(0, 0.9), version_at(1, 0.8)


def test_a_shadow_has_its_own_version_and_the_live_policy_stands() -> None:
    seed, tried = fold_all([SEED, shadow(None)])
    assert (tried.verdict, tried.why) == (ChangeVerdict.SHADOWED, "")
    assert (live_version(tried.log), shadow_version(tried.log)) == (WAS, TRIED)
    assert tried.created is tried.log.shadow
    assert tried.log.live is not None
    assert seed.log.live is not None
    assert tried.log.live.policy == seed.log.live.policy


# what comes after the seed and one shadow, its verdict, and what runs then: (live, shadow)
NEXT: list[tuple[bytes, ChangeVerdict, str, str | None, str]] = [
    (shadow(TRIED, 0.7), ChangeVerdict.SHADOWED, WAS, version_at(2, 0.7), ""),  # replaced
    (shadow(TRIED, 0.8), ChangeVerdict.SHADOWED, WAS, version_at(2, 0.8), ""),  # by the same: started again
    (shadow(TRIED, None), ChangeVerdict.DROPPED, WAS, None, ""),
    # made against another shadow than the one that runs
    (shadow(None, 0.7), ChangeVerdict.LOST, WAS, TRIED, f"policies@2: made against no shadow, but {TRIED} ran"),
    (shadow("1-00000000", None), ChangeVerdict.LOST, WAS, TRIED,
     f"policies@2: made against 1-00000000, but {TRIED} ran"),
    (shadow(WAS, 0.7), ChangeVerdict.LOST, WAS, TRIED, f"policies@2: made against {WAS}, but {TRIED} ran"),
    (shadow(TEXT, 0.7), ChangeVerdict.LOST, WAS, TRIED, f"policies@2: made against no version, but {TRIED} ran"),
    # no different from what is live: nothing to compare
    (shadow(TRIED, 0.9), ChangeVerdict.INVALID, WAS, TRIED,
     f"policies@2: a shadow no different from the live policy {WAS}"),
    # another live policy: it goes on beside that one
    (change(WAS, 0.7), ChangeVerdict.APPLIED, version_at(2, 0.7), TRIED, ""),
    # its own content goes live, by whatever command: it has ended
    (change(WAS, 0.8), ChangeVerdict.APPLIED, version_at(2, 0.8), None, ""),
    # a shadow is no parent of a policy
    (change(TRIED, 0.7), ChangeVerdict.LOST, WAS, TRIED, f"policies@2: made against {TRIED}, but {WAS} was live"),
    (silence("s1", AT_MS + 1), ChangeVerdict.SILENCED, WAS, TRIED, ""),
]  # fmt: skip


@pytest.mark.parametrize(("value", "verdict", "lives", "runs", "why"), NEXT)
def test_what_becomes_of_a_shadow(value: bytes, verdict: ChangeVerdict, lives: str, runs: str | None, why: str) -> None:
    *_, tried, after = fold_all([SEED, shadow(None), value])
    assert (after.verdict, after.why) == (verdict, why)
    assert (live_version(after.log), shadow_version(after.log)) == (lives, runs)
    if runs == TRIED:
        assert after.log.shadow is tried.log.shadow  # the same one: nobody says that it started


def test_a_shadow_of_nothing_and_the_end_of_none_are_invalid() -> None:
    (nothing,) = fold_all([shadow(None)])
    assert (nothing.verdict, nothing.why) == (
        ChangeVerdict.INVALID,
        "policies@0: a shadow of nothing: no policy is live",
    )
    *_, none = fold_all([SEED, shadow(None, None)])
    assert (none.verdict, none.why) == (ChangeVerdict.INVALID, "policies@1: ends a shadow, and none runs")
    *_, gone = fold_all([SEED, shadow(None), shadow(TRIED, None), shadow(TRIED, None)])
    assert (gone.verdict, gone.why) == (ChangeVerdict.LOST, f"policies@3: made against {TRIED}, but no shadow ran")


def test_of_two_shadows_at_once_the_first_in_the_log_runs() -> None:
    *_, first, second = fold_all([SEED, shadow(None, 0.8), shadow(None, 0.7)])
    assert (first.verdict, second.verdict, shadow_version(second.log)) == (
        ChangeVerdict.SHADOWED,
        ChangeVerdict.LOST,
        TRIED,
    )


# --- any log, any reader

BLOCK = st.sampled_from([0.6, 0.7, 0.8, 0.9])
MOVE = st.one_of(
    st.tuples(st.just("child"), BLOCK),  # made against what is live
    st.tuples(st.just("late"), BLOCK),  # made against what was live before: another change came first
    st.tuples(st.just("seed"), BLOCK),
    st.tuples(st.just("bad child"), st.just(1.4)),
    st.tuples(st.just("forged"), BLOCK),
    st.tuples(st.just("silence"), st.sampled_from(["s1", "s2"])),
    st.tuples(st.just("shadow"), BLOCK | st.none()),  # made against the one that runs
    st.tuples(st.just("late shadow"), BLOCK | st.none()),
    st.tuples(st.just("garbage"), st.binary(max_size=12) | st.none() | st.sampled_from([v for v, _ in GARBAGE])),
)


def written(moves: list[tuple[str, Any]]) -> tuple[list[bytes | None], list[str], list[str | None]]:
    """The log that these moves make, every version that must have been live, in order, and after each record the
    shadow that must run: by plain bookkeeping."""
    values: list[bytes | None] = []
    lives: list[str] = []
    shadows: list[str | None] = []
    live_block: float | None = None
    runs: tuple[int, float] | None = None  # offset and block of the shadow
    for offset, (move, what) in enumerate(moves):
        now, before = lives[-1] if lives else None, lives[-2] if len(lives) > 1 else "0-ffffffff"
        if move == "garbage":
            values.append(what)
        elif move == "silence":
            values.append(silence(what, AT_MS + offset))
        elif move in ("shadow", "late shadow"):
            parent = None if runs is None else version_at(*runs)
            values.append(shadow(parent if move == "shadow" else f"{offset}-12345678", what))
            if move == "shadow" and lives and what != live_block:
                runs = None if what is None else (offset, what)
        else:
            parent = {"late": before, "seed": None, "forged": f"{offset}-12345678"}.get(move, now)
            values.append(change(parent, what))
            if move == "child" or (move == "seed" and now is None):
                lives.append(version_at(offset, what))
                live_block = what
                runs = None if runs is not None and runs[1] == what else runs
        shadows.append(None if runs is None else version_at(*runs))
    return values, lives, shadows


@settings(max_examples=200, deadline=None)
@given(st.lists(MOVE, max_size=20), st.lists(st.integers(0, 20), max_size=4))
def test_every_reader_arrives_at_the_same_state_however_it_reads(moves: list[tuple[str, Any]], cuts: list[int]) -> None:
    values, lives, shadows = written(moves)
    found = fold_all(values)
    assert [shadow_version(f.log) for f in found] == shadows
    applied = [live_version(f.log) for f in found if f.verdict is ChangeVerdict.APPLIED]
    assert applied == lives  # exactly the valid children, in the order of the log
    for log_before, after in pairwise([Folded(PolicyLog(), ChangeVerdict.INVALID, ""), *found]):
        if after.verdict is not ChangeVerdict.APPLIED:
            assert live_version(after.log) == live_version(log_before.log)  # live is the last APPLIED
        if after.verdict in (ChangeVerdict.LOST, ChangeVerdict.INVALID, ChangeVerdict.SILENCED):
            assert after.log.live is log_before.log.live
    chunked = PolicyLog()
    for start, end in pairwise(sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})):
        chunked = fold_all(values[start:end], chunked)[-1].log
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
        inner | st.sampled_from(["silence", "policy", "shadow"]),
        max_size=6,
    ),
    max_leaves=8,
).map(lambda found: json.dumps(found).encode()))  # fmt: skip
def test_fold_never_raises_and_always_moves_on(value: bytes) -> None:
    folded = fold(PolicyLog(), 41, value)
    assert folded.log.next == 42
    assert folded.verdict in (ChangeVerdict.APPLIED, ChangeVerdict.SILENCED) or folded.why
