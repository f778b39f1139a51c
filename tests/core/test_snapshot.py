"""Where a fold begins: the log alone where it has its beginning, what was kept where it has not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.core.partition import content_hash
from tidegate.streams.core.policy.log import ChangeVerdict, PolicyLog, fold
from tidegate.streams.core.policy.model import parse, version
from tidegate.streams.core.policy.records import Silence
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.policy.snapshot import (
    FoldBase,
    FoldStart,
    LogMatch,
    PolicySnapshot,
    SnapshotUnreadable,
    confirmed_start,
    describe_difference,
    fold_start,
    from_json,
    to_json,
)

AT_MS = 1_767_268_800_000


def live(offset: int, block: float, shadow: LivePolicy | None = None) -> LivePolicy:
    policy = parse({"labels": {"toxicity": {"flag": 0.5, "block": block}}}, "p")
    return LivePolicy(version(offset, policy), policy, shadow)


def silence(name: str) -> Silence:
    return Silence(id=name, author="ann", reason="known", at_ms=AT_MS, until_ms=AT_MS + 1)


# Six records were folded, [0, 6); the policy of the one at 4 is live, and the last one's hash is known.
KEPT = PolicySnapshot(PolicyLog(live(4, 0.9, live(5, 0.8)), {"s1": silence("s1")}, 6), content_hash(b"five"))
SAME, OTHER = content_hash(b"five"), content_hash(b"another")
OLD = FoldBase(PolicyLog(live(9, 0.7), {}, 0), "")
REMADE = replace(KEPT, recreated=1, base=OLD)  # of a topic that was recreated before: its fold began with OLD
AT_3 = FoldBase(PolicyLog(live(2, 0.7), {}, 3), content_hash(b"two"))
WAS_CUT = replace(KEPT, base=AT_3)  # of a log that lost [0, 3) before


def recreated(stored: PolicySnapshot, first: int = 0) -> PolicySnapshot:
    return PolicySnapshot.from_base(FoldBase(replace(stored.log, next=first), ""), stored.recreated + 1)


def onto(stored: PolicySnapshot, at: int = 6) -> PolicySnapshot:
    """What a fold begins with that goes on where `kept` ends."""
    return PolicySnapshot.from_base(
        FoldBase(replace(stored.log, next=at), stored.last if at == 6 else ""), stored.recreated
    )


# what was kept, [first, end) of the log, the hash it holds at 5 -> where to begin
#
#              0    1    2    3    4    5    6    7    8
#   kept      [-----------------------------)
STARTS: list[tuple[PolicySnapshot | None, int, int, str | None, FoldStart]] = [
    (None, 0, 0, None, FoldStart(LogMatch.WHOLE, PolicySnapshot(), 0)),
    (None, 0, 9, None, FoldStart(LogMatch.WHOLE, PolicySnapshot(), 0)),
    (None, 3, 9, None, FoldStart(LogMatch.UNKNOWN, PolicySnapshot(), 3)),
    (None, 9, 9, None, FoldStart(LogMatch.UNKNOWN, PolicySnapshot(), 9)),  # emptied by retention
    (KEPT, 0, 6, SAME, FoldStart(LogMatch.WHOLE, PolicySnapshot(), 0)),
    (KEPT, 0, 9, SAME, FoldStart(LogMatch.WHOLE, PolicySnapshot(), 0)),
    (KEPT, 3, 9, SAME, FoldStart(LogMatch.TRUNCATED, onto(KEPT), 6)),
    (KEPT, 5, 6, SAME, FoldStart(LogMatch.TRUNCATED, onto(KEPT), 6)),
    (KEPT, 6, 6, None, FoldStart(LogMatch.TRUNCATED, onto(KEPT), 6)),  # emptied, nothing missed
    (KEPT, 8, 9, None, FoldStart(LogMatch.TRUNCATED, onto(KEPT, 8), 8, gone=2)),  # 6 and 7 were never read
    (KEPT, 0, 0, None, FoldStart(LogMatch.RECREATED, recreated(KEPT), 0)),
    (KEPT, 0, 5, None, FoldStart(LogMatch.RECREATED, recreated(KEPT), 0)),  # shorter than what was read of it
    (KEPT, 2, 5, None, FoldStart(LogMatch.RECREATED, recreated(KEPT, 2), 2)),
    (KEPT, 3, 9, OTHER, FoldStart(LogMatch.RECREATED, recreated(KEPT, 3), 3)),
    (KEPT, 0, 9, OTHER, FoldStart(LogMatch.UNCLEAR, PolicySnapshot(), 0)),
    (KEPT, 0, 9, None, FoldStart(LogMatch.UNCLEAR, PolicySnapshot(), 0)),  # a hole where a record stood
    # The same topic, which began with nothing of its own: all of it is folded onto what its fold began with then.
    (REMADE, 0, 9, SAME, FoldStart(LogMatch.RECREATED, PolicySnapshot.from_base(OLD, 1), 0)),
    (REMADE, 2, 9, SAME, FoldStart(LogMatch.TRUNCATED, onto(REMADE), 6)),  # its own beginning is gone too
    (REMADE, 0, 9, OTHER, FoldStart(LogMatch.UNCLEAR, PolicySnapshot(), 0)),
    # A log that was cut before: as then, for as long as all since then is there.
    (WAS_CUT, 3, 9, SAME, FoldStart(LogMatch.TRUNCATED, PolicySnapshot.from_base(AT_3, 0), 3)),
    (WAS_CUT, 2, 9, SAME, FoldStart(LogMatch.TRUNCATED, PolicySnapshot.from_base(AT_3, 0), 3)),
    (WAS_CUT, 4, 9, SAME, FoldStart(LogMatch.TRUNCATED, onto(WAS_CUT), 6)),
    (WAS_CUT, 7, 9, None, FoldStart(LogMatch.TRUNCATED, onto(WAS_CUT, 7), 7, gone=1)),
    (REMADE, 0, 3, None, FoldStart(LogMatch.RECREATED, recreated(REMADE), 0)),  # and once more
    (recreated(KEPT), 0, 0, None, FoldStart(LogMatch.RECREATED, recreated(KEPT), 0)),  # nothing came since
    (recreated(KEPT), 0, 2, None, FoldStart(LogMatch.RECREATED, recreated(KEPT), 0)),
    (PolicySnapshot(), 0, 4, None, FoldStart(LogMatch.WHOLE, PolicySnapshot(), 0)),
]


@pytest.mark.parametrize(("stored", "first", "end", "last", "begin"), STARTS)
def test_where_a_fold_begins(
    stored: PolicySnapshot | None, first: int, end: int, last: str | None, begin: FoldStart
) -> None:
    assert fold_start(stored, first, end, last) == begin


def test_an_unclear_log_with_a_policy_wins_over_the_snapshot() -> None:
    """A log that makes a policy by itself wins over the snapshot of another log."""
    unclear = fold_start(KEPT, 0, 9, OTHER)
    assert confirmed_start(unclear, KEPT, PolicyLog(live(0, 0.7), {}, 9)) == FoldStart(
        LogMatch.WHOLE, PolicySnapshot(), 0
    )
    assert confirmed_start(unclear, KEPT, PolicyLog(None, {}, 9)) == FoldStart(LogMatch.RECREATED, recreated(KEPT), 0)


def test_a_child_of_the_snapshot_is_live_on_a_recreated_topic() -> None:
    assert KEPT.log.live is not None
    begun = fold_start(KEPT, 0, 1, None)
    child = {
        "parent": KEPT.log.live.version, "author": "ann", "reason": "r", "at_ms": AT_MS,
        "policy": live(0, 0.6).policy.model_dump(mode="json", exclude_none=True),
    }  # fmt: skip
    folded = fold(begun.snapshot.log, 0, json.dumps(child).encode())
    assert folded.verdict is ChangeVerdict.APPLIED
    assert folded.log.live is not None
    assert folded.log.live.version == version(0, live(0, 0.6).policy)
    assert (folded.log.next, set(folded.log.silences)) == (1, {"s1"})


def test_a_newer_snapshot_has_the_greater_order() -> None:
    """Also of a topic that was recreated."""
    steps = [
        PolicySnapshot(),
        KEPT,
        replace(KEPT, log=replace(KEPT.log, next=7)),
        recreated(KEPT),
        REMADE,
        recreated(REMADE),
    ]
    orders = [stored.order for stored in steps]
    assert orders == sorted(set(orders))
    assert max(orders) < 1 << 53  # a script counts in doubles


# --- what differs


def test_a_difference_of_log_and_snapshot_is_described() -> None:
    assert KEPT.log.live is not None
    at = KEPT.log.live.version
    other, bare = live(4, 0.7), LivePolicy(at, KEPT.log.live.policy)
    assert describe_difference(KEPT, KEPT.log) is None
    assert (
        describe_difference(KEPT, replace(KEPT.log, live=other))
        == f"policy {at} was kept, the log says {other.version}"
    )
    shadow = KEPT.log.live.shadow
    assert shadow is not None
    assert (
        describe_difference(KEPT, replace(KEPT.log, live=bare))
        == f"shadow {shadow.version} was kept, the log says none"
    )
    assert describe_difference(KEPT, replace(KEPT.log, live=None)) == f"policy {at} was kept, the log says none"
    assert describe_difference(KEPT, replace(KEPT.log, silences={})) == "1 silences were kept, the log says otherwise"


# --- as text


@pytest.mark.parametrize(
    "stored",
    [
        PolicySnapshot(),
        KEPT,
        REMADE,
        WAS_CUT,
        recreated(KEPT),
        PolicySnapshot(PolicyLog(live(0, 1.0), {}, 1), content_hash(None)),
    ],
)
def test_a_snapshot_is_read_back_as_it_was(stored: PolicySnapshot) -> None:
    assert from_json(to_json(stored)) == stored


def changed(**more: Any) -> str:
    return json.dumps({**json.loads(to_json(KEPT)), **more})


LIVE = json.loads(to_json(KEPT))["live"]
TEXT = "what a user wrote"
GARBAGE: list[tuple[str, str]] = [
    ("", "record: "),
    ("{", "record: "),
    ("null", "record: "),
    ("[]", "record: "),
    ("{}", "next: "),
    (changed(schema_version=2), "schema_version: "),  # of a newer Tidegate
    (changed(next=-1), "next: "),
    (changed(next=1 << 40), "next: "),
    (changed(last="x"), "last: "),
    (changed(recreated=99_999), "recreated: "),
    (changed(recreated=1), "recreated: of a topic that was recreated"),
    (changed(base={"next": 0}), "base.last: "),
    (changed(base={"next": 0, "last": "", "live": None, "shadow": LIVE, "silences": []}), "a shadow of nothing"),
    (changed(live=None), "a shadow of nothing"),
    (changed(live={**LIVE, "version": TEXT}), "live: "),
    (changed(live={**LIVE, "version": "4-00000000"}), "live: version 4-00000000, but its policy's digest is "),
    (changed(live={**LIVE, "policy": {"labels": {"toxicity": {"block": 7}}}}), "live: labels.toxicity.block: found 7"),
    (changed(silences=[{"id": "s"}]), "silences: "),
    (json.dumps({**json.loads(to_json(KEPT)), TEXT: 1}), "record: "),
]


@pytest.mark.parametrize(("text", "why"), GARBAGE)
def test_garbage_is_refused_with_one_line(text: str, why: str) -> None:
    with pytest.raises(SnapshotUnreadable) as caught:
        from_json(text)
    said = str(caught.value)
    assert said.startswith(why)
    assert TEXT not in said
    assert len(said.splitlines()) == 1


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(SnapshotUnreadable):
        from_json(text)
