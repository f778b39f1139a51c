"""What stands in the store and on topics, read and changed inside a running event loop."""

from __future__ import annotations

import base64
import hashlib
import time

import pytest

from tests.operations.conftest import BY, EmbeddedDeployment
from tidegate.streams.core.alerts.status import AlertStatus, Transition, alert_event
from tidegate.streams.core.events import AlertReason, AlertState, DeadLetter, DeadLetterReason, Rate, Source
from tidegate.streams.core.partition import TopicPartition
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.rates.aggregate import Aggregate
from tidegate.streams.core.strikes import NewStrikes, Strike, Terms
from tidegate.streams.core.worker_status import WorkerStatus
from tidegate.streams.errors import RequestInvalid, RequestRefused
from tidegate.streams.kafka.lookup import cluster_id
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.moderation.pseudonyms import UserKey
from tidegate.streams.operations import dead_letters, worker_status
from tidegate.streams.operations.alerts import active_alerts, alert_history
from tidegate.streams.operations.checkpoints import (
    move_checkpoint,
    propose_move,
    read_checkpoints,
    source_partition,
)
from tidegate.streams.operations.policy_change import commit, propose_key, propose_policy
from tidegate.streams.operations.policy_history import NamedPolicy, read_live
from tidegate.streams.operations.rates import current_rates
from tidegate.streams.operations.send import check_event, event_sender
from tidegate.streams.operations.silences import add_silence, expire_silence, list_silences
from tidegate.streams.operations.strikes import most_strikes, stored_user, strikes_of, undo_strikes
from tidegate.streams.store import Apply, Checkpoint, Marker

NOW = int(time.time() * 1000)
PARTITION = TopicPartition("completions", 0)
TERMS = Terms(3_600_000, 2.0, 4.0, 0.001, "0-made")
USER = "acme:" + "0f" * 16


def status(rule: str, state: AlertState) -> AlertStatus:
    return AlertStatus(
        rule=rule, scope="all", measure="label.toxicity", kind="share", above=0.05, resolve_below=0.04, window_s=300,
        state=state, reason=AlertReason.HELD, since_ms=NOW - 200_000, at_ms=NOW, sequence=3, value=0.125, hits=25,
        total=200,
    )  # fmt: skip


async def keep(deployment: EmbeddedDeployment, *alerts: AlertStatus) -> None:
    """Alerts as the ruler keeps them."""
    store = deployment.open_store()
    lease = await store.lease("w1", 60_000)
    assert lease is not None
    states: dict[str, str | None] = {alert.fingerprint: alert.model_dump_json() for alert in alerts}
    assert await store.save_alerts(lease, states)
    await store.close()


async def claim(deployment: EmbeddedDeployment, next_: int) -> int:
    """A worker that holds the partition, alive; its epoch."""
    store = deployment.open_store()
    (claimed,) = await store.claim([PARTITION], "w1")
    assert await store.reset(PARTITION, claimed.epoch, Checkpoint(next_, await cluster_id(deployment.brokers), 1, None))
    assert await store.heartbeat(PARTITION, claimed.epoch, 4, NOW)
    await store.close()
    return claimed.epoch


async def test_alerts_stand_with_their_silences(live: EmbeddedDeployment) -> None:
    assert (await active_alerts(live)).alerts == []
    await keep(live, status("high_toxicity", AlertState.PENDING), status("bias_spike", AlertState.FIRING))
    added = await add_silence(live, BY, 3600, rule="bias_*")
    assert (added.kept, added.unknown_rule, [alert.rule for alert in added.matched]) == (True, False, ["bias_spike"])
    found = [(alert.status.rule, alert.silenced_by) for alert in (await active_alerts(live)).alerts]
    assert found == [("bias_spike", added.silence.id), ("high_toxicity", None)]
    assert [silence.id for silence in await list_silences(live, NOW)] == [added.silence.id]
    await expire_silence(live, added.silence.id, BY)
    with pytest.raises(RequestRefused, match="no such silence in force"):
        await expire_silence(live, added.silence.id, BY)


async def test_a_silence_that_no_alert_can_have_is_refused(live: EmbeddedDeployment) -> None:
    for given in ({"scope": "acme"}, {"for_s": 400 * 86_400}):
        with pytest.raises(RequestInvalid, match="nothing silenced"):
            await add_silence(live, BY, **{"for_s": 60, **given})  # type: ignore[arg-type]
    assert await list_silences(live, NOW, expired=True) == []


async def test_an_unavailable_store_silences_all_the_same(live: EmbeddedDeployment) -> None:
    added = await add_silence(live.without_store(), BY, 60)
    assert (added.kept, added.matched, added.store_unavailable != "") == (True, [], True)


async def test_what_is_no_alert_and_no_rate_is_noted(live: EmbeddedDeployment) -> None:
    fired = status("high_toxicity", AlertState.FIRING)
    alert = alert_event(fired, Transition(AlertState.PENDING, AlertState.FIRING, AlertReason.HELD), "0-a", None)
    rates = [
        Rate(scope=scope, measure=measure, window_s=300, at_ms=NOW, hits=hits, total=200, share=hits / 200)
        for scope, measure, hits in (("tenant=a", "fault", 0), ("all", "would.fault", 0), ("all", "fault", 7))
    ]
    await live.write([("alerts", b"k", alert.model_dump_json().encode()), ("alerts", b"k", b"garbage")])
    await live.write([
        *(("rates", f"{rate.scope}|{rate.measure}".encode(), rate.model_dump_json().encode()) for rate in rates),
        ("rates", b"x", b"garbage"),
    ])  # fmt: skip
    notes: list[str] = []
    assert await alert_history(live, notes.append) == [alert]
    current = await current_rates(live, notes.append)
    assert notes == ["alerts[0]@1: not an alert; left out", "a record on rates is no rate; left out"]
    assert [(rate.scope, rate.measure) for rate in current.matching()] == [("all", "fault"), ("all", "would.fault")]
    assert [rate.scope for rate in current.matching("tenant=*", zero=True)] == ["tenant=a"]


async def test_a_checkpoint_is_moved_within_what_its_topic_holds(live: EmbeddedDeployment) -> None:
    await live.write([("completions", None, b"{}")] * 10)
    assert source_partition("completions-0") == PARTITION
    with pytest.raises(RequestInvalid, match=r"outside \[0, 10\]"):
        await propose_move(live, PARTITION, "11")
    with pytest.raises(RequestRefused, match="has committed nothing"):
        await propose_move(live, PARTITION, "committed")
    await claim(live, 6)
    move = await propose_move(live, PARTITION, "2")
    assert (move.row.owner, move.again, move.never) == ("w1", 4, 0)
    with pytest.raises(RequestRefused, match="held by w1"):
        await move_checkpoint(live, move)
    assert (await move_checkpoint(live, move, force=True)).next == 2
    (row,) = await read_checkpoints(live, [PARTITION])
    assert (row.checkpoint and row.checkpoint.next, row.owner) == (2, None)


async def test_strikes_are_shown_and_undone(live: EmbeddedDeployment) -> None:
    epoch = await claim(live, 0)
    store = live.open_store()
    strikes = NewStrikes(TERMS, (Strike(f"{PARTITION}@0", USER, NOW, 3.0, "toxicity.block"),))
    counted = Aggregate(new_strikes=strikes)
    await store.apply([Apply(PARTITION, epoch, 0, 1, Marker(0, NOW, "s"), counted, NOW, 0, 1)])
    await store.close()
    (held,) = (await most_strikes(live, 10)).held
    assert (held.user, held.balance.strikes) == (USER, 3.0)
    (undone,) = await undo_strikes(live, USER, 1.0, "ada", "one was wrong")
    assert round(undone.before.now.strikes - undone.left, 1) == 1.0
    await undo_strikes(live, USER, None, "ada", "all were")
    assert (await strikes_of(live, USER)).held == []
    with pytest.raises(RequestInvalid, match="expected more than 0"):
        await undo_strikes(live, USER, 0.0, "ada", "none")
    key = b"a key of 16 bytes or more"
    assert await stored_user(live, key, "acme", "u-1") == f"acme:{UserKey(key).hash('acme', 'u-1')}"


async def test_a_dead_letter_is_planned_and_sent_again(live: EmbeddedDeployment) -> None:
    """The first one's record still stands on the topic; of the second neither record nor bytes are kept."""
    await live.write([("completions", b"a key", b"junk"), ("completions", None, b"other")])
    letters = [
        DeadLetter(
            id=f"completions[0]@{offset}", source=Source(topic="completions", partition=0, offset=offset), epoch=1,
            reason=DeadLetterReason.NOT_JSON, where="byte 0", expected="JSON", length=len(value), record_ms=NOW,
            sha256=hashlib.sha256(value).hexdigest(), value_base64=base64.b64encode(value).decode() if kept else None,
        )
        for offset, value, kept in ((0, b"junk", False), (1, b"gone", False))
    ]  # fmt: skip
    await live.write([("dead-letters", x.id.encode(), x.model_dump_json().encode()) for x in letters])
    found = await dead_letters.read_dead_letters(live)
    assert dead_letters.of_reason(found.in_order(), "tombstone") == []
    with pytest.raises(RequestInvalid, match="expected one of"):
        dead_letters.of_reason(found.in_order(), "x")
    with pytest.raises(RequestRefused, match="no such dead letter"):
        dead_letters.of_ids(found.in_order(), ["completions[0]@9"])
    plan = await dead_letters.plan_redrive(live, found, found.in_order(), named=True)
    notes: list[str] = []
    assert await dead_letters.redrive(live, plan, notes.append) == 1
    assert "holds it no longer" in notes[0]
    values = [(record.key, record.value) async for record in read_all(live.brokers, "completions")]
    assert values[2:] == [(b"a key", b"junk")]


async def test_events_are_checked_and_sent(live: EmbeddedDeployment) -> None:
    """One line goes under its user, one that cannot be read is sent all the same; a larger one must not be sent."""
    good = check_event(live, "completions", 1, b'{"id": "1", "tenant": "a", "user": "u", "completion": "x"}', [])
    bad = check_event(live, "completions", 2, b"junk", [])
    large = check_event(live, "completions", 3, b"x" * live.max_record_bytes, [])
    assert [(event.key, event.unreadable != "", event.too_large) for event in (good, bad, large)] == [
        (b"a:u", False, False), (None, True, False), (None, True, True),
    ]  # fmt: skip
    async with event_sender(live, "completions") as sender:
        assert await sender.send([good, bad]) == []
    assert {record.value async for record in read_all(live.brokers, "completions")} == {
        good.record.value, bad.record.value,
    }  # fmt: skip


async def test_workers_are_beside_the_log(live: EmbeddedDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_status, "STATUS_S", 0.0)
    assert (await worker_status.workers_status(live)).problems == ["no worker has said anything in the last 10 minutes"]
    _, was = await read_live(live)
    await commit(live, await propose_key(live, "resend_s", "30", {}), BY)
    report = WorkerStatus(name="w1", started_ms=1, version=was.version, next=1)
    store = live.open_store()
    await store.put_status("w1-1", report.model_dump_json(), 60_000)
    await store.close()
    found = await worker_status.workers_status(live)
    assert (found.problems, found.as_json()[0]["behind"]) == (["w1-1: 1 change behind"], 1)


async def test_no_policy_no_strikes(deployment: EmbeddedDeployment, policy: Policy) -> None:
    with pytest.raises(RequestRefused, match="no policy is live"):
        await most_strikes(deployment, 10)
    await commit(deployment, await propose_policy(deployment, NamedPolicy("p.toml", policy)), BY)
    assert not (await most_strikes(deployment, 10)).weights
