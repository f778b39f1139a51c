"""Rates, alerts, silences, checkpoints and dead letters, as an operator sees and moves them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from typing import Any

import pytest

from tests.cli.conftest import POLICY, TWIN, Cli, stored
from tests.support.stacks import Stack
from tests.support.tomorrow import of_tomorrow
from tidegate.streams.cli.silence import duration_s
from tidegate.streams.core.alerts.status import AlertStatus, Transition, alert_event
from tidegate.streams.core.events import Alert, AlertReason, AlertState, DeadLetter, DeadLetterReason, Rate, Source
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.lookup import cluster_id
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.store import Checkpoint
from tidegate.streams.store.redis import RedisStore

NOW = int(time.time() * 1000)
PARTITION = TopicPartition("completions", 0)


@pytest.fixture
def own(own_stack: Stack) -> Cli:
    """Topics of this test's own, with a policy live."""
    asyncio.run(ensure_topics(own_stack.kafka, 1, own_stack.replication))
    cli = Cli({**own_stack.env(), **TWIN})
    cli("policy", "apply", str(POLICY), "--reason", "a test")
    return cli


# --- rates


def rate(scope: str, measure: str, hits: int, total: int = 200, share: float | None = 0.25) -> tuple[str, bytes, bytes]:
    found = Rate(scope=scope, measure=measure, window_s=300, at_ms=NOW, hits=hits, total=total, share=share)
    return "rates", f"{scope}|{measure}|300".encode(), found.model_dump_json().encode()


def test_rates_are_the_last_of_each_key_without_those_taken_back(own: Cli) -> None:
    assert own("rates").err == "no rates to show\n"
    own.write([
        rate("tenant=b", "label.toxicity", 9), rate("tenant=a", "label.toxicity", 1),
        rate("tenant=a", "label.toxicity", 50), rate("tenant=a", "fault", 0, 200, 0.0),
        rate("all", "label.insult", 7, 10, None), rate("tenant=c", "fault", 5),
        ("rates", b"tenant=c|fault|300", None), ("rates", b"x", b"garbage"),
    ])  # fmt: skip
    ran = own("rates", "--json")
    assert [(r["scope"], r["measure"], r["hits"]) for r in ran.jsonl] == [
        ("all", "label.insult", 7),
        ("tenant=a", "label.toxicity", 50),
        ("tenant=b", "label.toxicity", 9),
    ]
    assert ran.err == "a record on rates is no rate; left out\n"
    table = own("rates").out.splitlines()
    assert table[0].split() == ["scope", "measure", "rate", "hits", "total", "window", "until"]
    assert table[1].split()[:7] == ["all", "label.insult", "too", "few", "7", "10", "300"]
    assert table[2].split()[:5] == ["tenant=a", "label.toxicity", "25.00%", "50", "200"]
    faults = own("rates", "--scope", "tenant=*", "--measure", "fault", "--zero", "--json")
    assert [r["hits"] for r in faults.jsonl] == [0]


def test_rates_show_a_shadows_beside_the_live_ones(own: Cli) -> None:
    """What a shadow would have done stands under what was done, also where one of them is nothing."""
    own.write([
        rate("all", "would.action.block", 0, 200, 0.0), rate("all", "would.action.flag", 9), rate("all", "fault", 2),
        rate("all", "action.block", 5), rate("all", "action.flag", 0, 200, 0.0), rate("all", "would.label.insult", 1),
        rate("all", "action.redact", 0, 200, 0.0), rate("all", "would.action.redact", 0, 200, 0.0),
    ])  # fmt: skip
    shown = [(r["measure"], r["hits"]) for r in own("rates", "--json").jsonl]
    assert shown == [
        ("action.block", 5),
        ("would.action.block", 0),
        ("action.flag", 0),
        ("would.action.flag", 9),
        ("fault", 2),
        ("would.label.insult", 1),
    ]
    assert len(own("rates", "--measure", "*action.*", "--zero").out.splitlines()) == 1 + 6


# --- alerts and silences


def status(rule: str, scope: str, state: AlertState, since_ms: int = NOW - 200_000) -> AlertStatus:
    return AlertStatus(
        rule=rule, scope=scope, measure="label.toxicity", kind="share", above=0.05, resolve_below=0.04, window_s=300,
        state=state, reason=AlertReason.HELD, since_ms=since_ms, at_ms=NOW, sequence=3, value=0.125, hits=25, total=200,
    )  # fmt: skip


def test_alerts_shows_the_worst_first_and_who_silenced_it(own: Cli) -> None:
    assert (own("alerts").err, own("alerts").code) == ("no alerts\n", 0)
    kept = [
        status("shadow:high_toxicity", "all", AlertState.RESOLVED, NOW - 300_000),
        status("high_toxicity", "all", AlertState.RESOLVED),
        status("high_toxicity", "tenant=a", AlertState.PENDING),
        status("bias_spike", "tenant=b", AlertState.FIRING),
    ]

    async def save(store: RedisStore) -> None:
        lease = await store.lease("w1", 60_000)
        assert lease is not None
        states: dict[str, str | None] = {s.fingerprint: s.model_dump_json() for s in kept}
        assert await store.save_alerts(lease, {**states, "@": "{}"})

    stored(own, save)
    silenced = own("silence", "add", "--rule", "bias_spike", "--for", "2h", "--reason", "known", "--author", "ada")
    id = silenced.out.strip()
    assert [(a["state"], a["rule"], a["silenced_by"]) for a in own("alerts", "--json").jsonl] == [
        ("firing", "bias_spike", id),
        ("pending", "high_toxicity", None),
        ("resolved", "high_toxicity", None),
        ("resolved", "shadow:high_toxicity", None),
    ]
    assert [a["shadow"] for a in own("alerts", "--json").jsonl] == [False, False, False, True]
    row = own("alerts").out.splitlines()[1].split()
    assert row[:8] == ["firing", "warning", "bias_spike", "tenant=b", "12.50%", "5.00%", "25", "200"]
    assert row[8].endswith("m")  # since 200 s before this module was read
    assert own("silence", "expire", id).code == 0
    assert own("alerts", "--json").jsonl[0]["silenced_by"] is None


def test_the_history_of_alerts_is_every_transition_once(own: Cli) -> None:
    fired = status("high_toxicity", "all", AlertState.FIRING)
    first = alert_event(fired, Transition(AlertState.PENDING, AlertState.FIRING, AlertReason.HELD), "0-a", None)
    again = alert_event(fired, None, "0-a", None)
    later = status("high_toxicity", "all", AlertState.RESOLVED).model_copy(update={"sequence": 4, "at_ms": NOW + 1})
    second = alert_event(later, Transition(AlertState.FIRING, AlertState.RESOLVED, AlertReason.BELOW), "1-b", "s-1")
    own.write([("alerts", b"k", a.model_dump_json().encode()) for a in (second, first, again, first)])
    own.write([("alerts", b"k", b"garbage")])
    ran = own("alerts", "--all", "--json")
    assert [Alert.model_validate(a) for a in ran.jsonl] == [first, second]
    assert "not an alert; left out" in ran.err
    assert len(own("alerts", "--all").out.splitlines()) == 3


def test_silences_are_added_listed_and_ended_on_the_policies_log(own: Cli) -> None:
    added = own(
        *("silence", "add", "--rule", "high_toxicity", "--scope", "tenant=acme", "--for", "1h30m"),
        *("--reason", "fix on its way", "--author", "ada"),
    )
    assert added.code == 0
    (found,) = own("silence", "list", "--json").jsonl
    assert found["until_ms"] - found["at_ms"] == 5_400_000
    assert (found["id"], found["rule"], found["scope"], found["author"]) == (
        added.out.strip(), "high_toxicity", "tenant=acme", "ada",
    )  # fmt: skip
    assert "in 1h 29m" in own("silence", "list").out
    assert own("policy", "history", "--json").jsonl[-1]["verdict"] == "silenced"
    assert own("silence", "expire", found["id"], "--reason", "fixed").code == 0
    assert own("silence", "list").err == "no silences in force\n"
    assert own("silence", "list", "--all", "--json").jsonl[0]["reason"] == "fixed"
    again = own("silence", "expire", found["id"])
    assert (again.code, "no such silence in force" in again.err) == (1, True)


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--for", "soon"], 2),
        (["--for", "1h", "--scope", "acme"], 2),
        (["--for", "1h", "--rule", "nope"], 0),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused_or_said(cli: Cli, flags: list[str], code: int) -> None:
    cli.unpinned("policy", "apply", str(POLICY), "--reason", "a test")
    assert cli("silence", "add", "--reason", "x", *flags).code == code


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86_400), ("1h5s", 3605)]
)
def test_durations(text: str, seconds: int) -> None:
    assert duration_s(text) == seconds


# --- of tomorrow


def test_what_a_later_tidegate_wrote_is_shown_all_the_same(own: Cli) -> None:
    fired = status("high_toxicity", "all", AlertState.FIRING)
    alert = alert_event(fired, Transition(AlertState.PENDING, AlertState.FIRING, AlertReason.HELD), "0-a", None)
    dead, taken = letter(0, 8, b"junk"), rate("all", "fault", 5)
    written = [("alerts", b"k", alert.model_dump_json().encode()), taken]
    written.append(("dead-letters", dead.id.encode(), dead.model_dump_json().encode()))
    own.write([(topic, key, of_tomorrow(value or b"")) for topic, key, value in written])
    alerts, letters, rates = (
        own("alerts", "--all", "--json"),
        own("dead-letters", "list", "--json"),
        own("rates", "--json"),
    )
    assert [Alert.model_validate(a) for a in alerts.jsonl] == [alert]
    assert [DeadLetter.model_validate(x) for x in letters.jsonl] == [dead]
    assert [(r["scope"], r["measure"], r["hits"]) for r in rates.jsonl] == [("all", "fault", 5)]
    assert (alerts.err, letters.err, rates.err) == ("", "", "")


# --- checkpoints


def checkpoint_of(cli: Cli) -> dict[str, Any]:
    found: dict[str, Any] = cli("checkpoint", "show", "--json").jsonl[0]
    return found


def test_checkpoints_are_shown_for_every_partition(own: Cli) -> None:
    """Also for those that have none."""
    assert [(row["partition"], row["next"], row["owner"]) for row in own("checkpoint", "show", "--json").jsonl] == [
        ("completions-0", None, None),
        ("feedback-0", None, None),
        ("moderations-0", None, None),
    ]
    assert own("checkpoint", "show").out.splitlines()[1].split()[:3] == ["completions-0", "no", "checkpoint"]


def claimed(own: Cli, next_: int) -> int:
    """A worker that holds the partition, alive."""

    async def claim(store: RedisStore) -> int:
        (claim,) = await store.claim([PARTITION], "w1")
        cluster = await cluster_id(own.settings.kafka)
        assert await store.reset(PARTITION, claim.epoch, Checkpoint(next_, cluster, 1, None))
        assert await store.heartbeat(PARTITION, claim.epoch, 4, NOW)
        return int(claim.epoch)

    return int(stored(own, claim))


def test_a_held_checkpoint_is_moved_only_by_force(own: Cli) -> None:
    """One that a live worker holds."""
    own.write([("completions", None, b"{}")] * 10)
    epoch = claimed(own, 6)
    assert (checkpoint_of(own)["owner"], checkpoint_of(own)["lag"], checkpoint_of(own)["next"]) == ("w1", 4, 6)
    held = own("checkpoint", "reset", "--partition", "completions-0", "--to", "2", "--yes")
    assert (held.code, "held by w1, alive" in held.err) == (1, True)
    assert checkpoint_of(own)["next"] == 6
    moved = own("checkpoint", "reset", "--partition", "completions-0", "--to", "2", "--yes", "--force")
    assert moved.code == 0
    assert "offsets [2, 6) will be decided again and counted twice: 4 at most" in moved.err
    assert (checkpoint_of(own)["next"], checkpoint_of(own)["generation"], checkpoint_of(own)["owner"]) == (2, 2, None)

    async def beats(store: RedisStore) -> bool:
        return await store.heartbeat(PARTITION, epoch, 0, NOW)

    assert stored(own, beats) is False  # its owner is told, and takes the partition over at the new checkpoint


def test_a_checkpoint_is_moved_within_its_topic_if_agreed(own: Cli) -> None:
    """Only to an offset that the topic holds, and only where somebody agrees."""
    own.write([("completions", None, b"{}")] * 10)
    partition = ["checkpoint", "reset", "--partition", "completions-0", "--to"]
    assert own(*partition, "10", "--yes").code == 0
    assert own(*partition, "10", "--yes").err.startswith("completions[0]: next is 10 already")
    asked = own(*partition, "3")
    assert (asked.code, "expected --yes" in asked.err) == (2, True)
    assert checkpoint_of(own)["next"] == 10
    assert own(*partition, "3", "--yes").code == 0
    skipped = own(*partition, "5", "--yes")
    assert "offsets [3, 5) will never be decided nor counted: 2 at most" in skipped.err
    for to, code, said in (
        ("11", 2, "11 is outside [0, 10]"),
        ("soon", 2, "expected an offset in [0, 10], or committed"),
        ("committed", 1, "has committed nothing"),
    ):
        refused = own(*partition, to, "--yes")
        assert (refused.code, said in refused.err) == (code, True), refused.err
    for name in ("decisions-0", "completions", "completions-7"):
        assert own("checkpoint", "reset", "--partition", name, "--to", "0", "--yes").code == 2


# --- dead letters


def letter(partition: int, offset: int, value: bytes, *, kept: bool = False, epoch: int = 1) -> DeadLetter:
    source = Source(topic="completions", partition=partition, offset=offset)
    return DeadLetter(
        id=str(source), source=source, epoch=epoch, reason=DeadLetterReason.NOT_JSON, where="byte 0", expected="JSON",
        length=len(value), sha256=hashlib.sha256(value).hexdigest(), record_ms=NOW + offset,
        value_base64=base64.b64encode(value).decode() if kept else None,
    )  # fmt: skip


def read(cli: Cli, topic: str) -> list[Any]:
    async def work() -> list[Any]:
        return [(record.key, record.value) async for record in read_all(cli.settings.kafka, topic)]

    return asyncio.run(work())


def test_dead_letters_are_listed_once_shown_and_filtered(own: Cli) -> None:
    assert own("dead-letters", "list").err == "no dead letters\n"
    letters = [letter(0, 8, b"junk"), letter(0, 9, b"junk"), letter(0, 8, b"junk", epoch=2)]
    own.write([("dead-letters", x.id.encode(), x.model_dump_json().encode()) for x in letters])
    assert [(x["id"], x["epoch"]) for x in own("dead-letters", "list", "--json").jsonl] == [
        ("completions[0]@8", 2),
        ("completions[0]@9", 1),
    ]
    newest = own("dead-letters", "list", "--limit", "1")
    assert "completions[0]@9" in newest.out
    assert "1 older ones" in newest.err
    assert own("dead-letters", "list", "--reason", "tombstone").err == "no dead letters\n"
    assert own("dead-letters", "list", "--reason", "x").code == 2
    assert json.loads(own("dead-letters", "show", "completions[0]@8").out)["epoch"] == 2
    assert own("dead-letters", "show", "completions[0]@1").code == 1


def test_a_dead_letter_is_sent_from_record_or_kept_bytes(own: Cli) -> None:
    """From its record; else from the bytes that were kept; else not at all."""
    own.write([("completions", b"a key", b"junk"), ("completions", None, b"other")])
    letters = [
        letter(0, 0, b"junk"),  # the record is still there
        letter(0, 1, b"was kept", kept=True),  # another record stands there now
        letter(0, 7, b"lost"),
        letter(0, 9, b""),
    ]
    own.write([("dead-letters", x.id.encode(), x.model_dump_json().encode()) for x in letters])
    asked = own("dead-letters", "redrive", "--all")
    assert (asked.code, "send 4 dead letters again?" in asked.err) == (2, True)
    ran = own("dead-letters", "redrive", "--all", "--yes")
    assert ran.code == 1
    assert "completions[0]@7: completions holds it no longer, and its bytes were not kept" in ran.err
    assert "completions[0]@9: it had no bytes: a tombstone or an empty record; not sent" in ran.err
    assert "2 sent again; 2 could not be" in ran.err
    assert read(own, "completions")[2:] == [(b"a key", b"junk"), (None, b"was kept")]
    assert own("dead-letters", "redrive", "completions[0]@0").code == 0
    for wrong, code in ((["nope"], 1), ([], 2), (["x", "--all"], 2)):
        assert own("dead-letters", "redrive", *wrong).code == code
