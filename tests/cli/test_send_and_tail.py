"""`send` puts lines on a topic as they are; `tail` shows what is there."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.support.tomorrow import of_tomorrow
from tidegate.streams.cli.tail import line as tell
from tidegate.streams.core.fields import shortened
from tidegate.streams.kafka.reader import read_all
from tidegate.streams.kafka.writing import record_bytes


def on(cli: Cli, topic: str) -> list[Any]:
    async def read() -> list[Any]:
        return [record async for record in read_all(cli.settings.kafka, topic)]

    return asyncio.run(read())


def by_id(cli: Cli, prefix: str) -> dict[str, Any]:
    """Records on completions whose id begins so."""
    found = {}
    for record in on(cli, "completions"):
        try:
            event = json.loads(record.value)
        except ValueError:
            continue
        if str(event.get("id", "")).startswith(prefix):
            found[event["id"]] = record
    return found


def test_a_record_is_the_line_and_its_key_the_recommended_one(cli: Cli) -> None:
    lines = [
        '{"id": "k1", "completion": "x", "tenant": "acme", "user": "u1", "conversation": "c1"}',
        '{"id": "k2", "completion": "x", "tenant": "acme", "conversation": "c1"}',
        '{"id": "k3",   "completion": "x"}',
        '{"id": "k4", "object": "chat.completion", "user": "u4", "choices": [{"message": {"content": "x"}}]}',
    ]
    ran = cli("send", "-", stdin="\n".join(lines))
    assert (ran.code, ran.out, ran.err) == (0, "", "4 lines sent to completions\n")
    found = by_id(cli, "k")
    assert {id: record.key for id, record in found.items()} == {
        "k1": b"acme:u1",
        "k2": b"c1",
        "k3": b"k3",
        "k4": b"unknown:u4",
    }
    assert sorted(record.value.decode() for record in found.values()) == sorted(lines)


def test_headers_travel_and_count_for_the_key(cli: Cli) -> None:
    line = '{"id": "h1", "completion": "x", "user": "u1"}'
    ran = cli("send", "-", "--header", "tidegate-tenant=acme", "--header", "trace=a=b", stdin=line)
    assert ran.code == 0
    record = by_id(cli, "h1")["h1"]
    assert (record.key, list(record.headers)) == (b"acme:u1", [("tidegate-tenant", b"acme"), ("trace", b"a=b")])


def test_feedback_goes_by_its_completion(cli: Cli) -> None:
    line = '{"id": "f1", "completion_id": "c9", "kind": "complaint"}'
    assert cli("send", "-", "--topic", "feedback", stdin=line).code == 0
    assert [(record.key, record.value.decode()) for record in on(cli, "feedback")] == [(b"c9", line)]


def test_what_cannot_be_read_is_named_and_sent(cli: Cli) -> None:
    ran = cli("send", "-", stdin=b'\xfa\xfe\n\n{"id": "u1", "completion": 5}\n' + b"junk\n" * 20)
    assert ran.code == 0
    assert "line 1: byte 0: not_utf8; expected UTF-8; sent, it becomes a dead letter" in ran.err
    assert "line 3: completion: invalid; expected a string" in ran.err
    assert ran.err.count("it becomes a dead letter\n") == 10  # the rest is in the count
    assert "22 lines sent to completions, 22 of them unreadable" in ran.err


def test_what_may_not_be_meant_so_is_named_and_sent_all_the_same(cli: Cli) -> None:
    lines = [
        '{"id": "n1", "completion": "x", "tennant": "acme", "modle": "m"}',
        '{"id": "n2", "completion": "x", "at_ms": 1767268800}',
        '{"id": "n3", "completion": "x", "user": ["u"]}',
        '{"id": "n4", "completion": "x", "usage": {"tokens": 3}, "tenant": "acme", "tenant_id": 7}',
        '{"id": "n5", "completion": "x", "User-ID": 1, "Prompt": "p", "lang": "en", "session_id": 2, "ts": 3}',
    ]
    ran = cli("send", "-", "--header", "tidegate-tennant=acme", stdin="\n".join(lines[:1]))
    assert ran.err.splitlines() == [
        "line 1: header tidegate-tennant: not one of ours; did you mean tidegate-tenant?; key tennant: not one of "
        "ours; did you mean tenant?; key modle: not one of ours; did you mean model?; sent",
        "1 line sent to completions, 1 of them perhaps not as meant",
    ]
    ran = cli("send", "-", stdin="\n".join(lines[1:]))
    assert (ran.code, ran.err.splitlines()) == (
        0,
        [
            "line 1: key at_ms: this looks like seconds; milliseconds are meant; sent",
            "line 2: user: cannot be read, and is left out; sent",
            "line 4: key User-ID: not one of ours; did you mean user?; key Prompt: not one of ours; did you mean "
            "prompt?; key lang: not one of ours; did you mean locale?; 2 more; sent",
            "4 lines sent to completions, 3 of them perhaps not as meant",
        ],
    )
    assert sorted(by_id(cli, "n")) == ["n1", "n2", "n3", "n4", "n5"]


def test_lines_that_may_not_be_meant_so_are_named_up_to_a_number(cli: Cli) -> None:
    ran = cli("send", "-", stdin="\n".join(f'{{"id": "o{n}", "completion": "x", "tennant": "a"}}' for n in range(25)))
    assert ran.err.count("did you mean tenant?; sent\n") == 10
    assert ran.err.endswith("25 lines sent to completions, 25 of them perhaps not as meant\n")


def test_a_line_without_an_id_has_no_key_by_it(cli: Cli) -> None:
    assert cli("send", "-", stdin='{"completion": "without an id of its own"}').err == "1 line sent to completions\n"
    (record,) = (one for one in on(cli, "completions") if b"without an id of its own" in one.value)
    assert record.key is None


def test_a_record_over_the_brokers_limit_is_refused(cli: Cli) -> None:
    """One as large as the broker takes is sent; a larger one is refused, with the limit."""
    limit = 1_000_000

    def line(id: str, characters: int) -> bytes:
        return json.dumps({"id": id, "completion": "x" * characters}).encode()

    around = record_bytes(b"s1", line("s1", 900_000), ()) - 900_000  # what a text of that size has around it
    lines = [line("s1", limit - around), line("s2", limit - around + 1), line("s3", 10)]
    ran = cli("send", "-", stdin=b"\n".join(lines))
    assert ran.code == 1
    assert "line 2: 1,000,001 bytes as a record, over TIDEGATE_MAX_RECORD_BYTES, 1,000,000; not sent" in ran.err
    assert "2 lines sent to completions; 1 refused" in ran.err
    assert sorted(by_id(cli, "s")) == ["s1", "s3"]


def test_many_lines_are_all_sent_in_order_within_a_key(cli: Cli, tmp_path: Any) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(f'{{"id": "m{i}", "completion": "{"x" * 700}", "user": "u"}}' for i in range(5000)))
    assert "5000 lines sent" in cli("send", str(file)).err
    assert list(by_id(cli, "m")) == [f"m{i}" for i in range(5000)]


def test_a_wrong_header_is_refused(cli: Cli) -> None:
    assert cli("send", "-", "--header", "nothing", stdin="").code == 2


SOURCE = {"topic": "completions", "partition": 3, "offset": 8}
DECISION = {
    "id": "d1", "source": SOURCE, "epoch": 1, "action": "block", "record_ms": 1, "at_ms": 1,
    "scopes": {"tenant": "acme", "model": "m1", "route": "chat", "locale": "unknown"},
    "reasons": [{"label": "toxicity", "action": "block", "score": 0.991, "threshold": 0.98, "scope": "default"}],
    "policy_version": "0-a", "model_version": "twin@1",
}  # fmt: skip
ALERT = {
    "id": "f-1", "fingerprint": "f", "sequence": 1, "rule": "high_toxicity", "scope": "tenant=acme",
    "measure": "label.toxicity", "kind": "share", "state": "firing", "previous": "pending", "reason": "held",
    "resent": False, "value": 0.1234, "above": 0.05, "resolve_below": 0.04, "hits": 12, "total": 100,
    "window_s": 300, "at_ms": 1, "since_ms": 1, "silenced_by": "s-1", "policy_version": "0-a",
}  # fmt: skip
RATE = {
    "scope": "all", "measure": "fault", "window_s": 300, "at_ms": 1, "hits": 0, "total": 3, "share": None,
    "incomplete": True,
}  # fmt: skip
LETTER = {
    "id": "completions[3]@8", "source": SOURCE, "epoch": 1, "reason": "not_json", "where": "byte 17",
    "expected": "JSON", "length": 1234, "sha256": "0" * 64, "record_ms": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "event", "line"),
    [
        ("decisions", DECISION, "block  d1  acme/m1/chat  toxicity 0.9910 >= 0.98 (default)"),
        (
            "alerts",
            ALERT,
            "firing   warning  high_toxicity  tenant=acme  12.34% of label.toxicity, above 5.00%  (held)"
            "  silenced by s-1",
        ),
        ("rates", RATE, "all  fault  too few  0 of 3 in 300 s  incomplete"),
        ("dead-letters", LETTER, "completions[3]@8  not_json at byte 17; expected JSON; 1,234 bytes"),
        ("replays", {"whatever": 1}, "not an event that we know"),
    ],
)
def test_an_event_is_one_readable_line_and_with_json_as_it_is(
    cli: Cli, topic: str, event: dict[str, Any], line: str
) -> None:
    value = json.dumps(event)
    cli.write([(topic, b"k", value.encode())])
    read = cli("tail", topic, "--from-start", "--limit", "1")
    at, _, rest = read.out.rstrip("\n").partition("Z  ")
    assert (read.code, len(at), rest) == (0, len("2026-01-31 12:00:00"), line)
    assert cli("tail", topic, "--from-start", "--limit", "1", "--json").out == value + "\n"


@pytest.mark.parametrize(
    ("topic", "event", "told"),
    [
        ("decisions", DECISION | {"would_be": {"action": "flag", "reasons": []}}, "0.98 (default)  would be flag"),
        ("decisions", DECISION | {"would_be": {"action": "block", "reasons": []}}, "0.98 (default)"),  # the same
        ("decisions", DECISION | {"would_be": None}, "0.98 (default)"),
        ("alerts", ALERT | {"shadow": True}, "silenced by s-1  what a shadow would have done"),
        ("alerts", ALERT | {"shadow": False}, "silenced by s-1"),
    ],
)
def test_what_a_shadow_would_have_done_is_told_where_it_differs(topic: str, event: dict[str, Any], told: str) -> None:
    record = SimpleNamespace(value=json.dumps(event).encode(), key=b"k", timestamp=1, partition=0, offset=0)
    assert tell(topic, record).endswith(told)


@pytest.mark.parametrize(
    ("topic", "event"), [("decisions", DECISION), ("alerts", ALERT), ("rates", RATE), ("dead-letters", LETTER)]
)
def test_an_event_with_fields_of_tomorrow_is_told_as_ever(topic: str, event: dict[str, Any]) -> None:
    value = json.dumps(event).encode()
    today = SimpleNamespace(value=value, key=b"k", timestamp=1, partition=0, offset=0)
    tomorrow = SimpleNamespace(value=of_tomorrow(value), key=b"k", timestamp=1, partition=0, offset=0)
    assert tell(topic, tomorrow) == tell(topic, today)
    assert "not an event that we know" not in tell(topic, today)


LONG = "long-" + "i" * 700


def test_tail_finds_a_completion_by_its_producers_id(cli: Cli) -> None:
    kept = shortened(LONG)
    events = [
        ("decisions", DECISION | {"id": kept, "dropped": ["user"]}),
        ("decisions", DECISION | {"id": "another"}),
        ("feedback", {"id": "lf-1", "completion_id": LONG, "kind": "appeal"}),
        ("feedback", {"specversion": "1.0", "id": "1", "data": {"completion_id": LONG, "kind": "complaint"}}),
        ("feedback", {"id": "lf-2", "completion_id": "another", "kind": "appeal"}),
        ("completions", {"id": LONG, "completion": "x"}),
    ]
    cli.write([(topic, b"k", json.dumps(event).encode()) for topic, event in events])
    for id in (LONG, kept):
        assert len(cli.unpinned("tail", "decisions", "--until-end", "--id", id).out.splitlines()) == 1
        assert len(cli.unpinned("tail", "feedback", "--until-end", "--id", id).out.splitlines()) == 2
        assert len(cli.unpinned("tail", "completions", "--until-end", "--id", id).out.splitlines()) == 1
    assert cli.unpinned("tail", "decisions", "--until-end", "--id", LONG).out.endswith("(default)  left out: user\n")
    assert cli.unpinned("tail", "decisions", "--until-end", "--id", LONG + "x").out == ""
    assert cli.unpinned("tail", "decisions", "--from-start", "--limit", "1", "--id", LONG).code == 0


def test_a_tombstone_says_what_went_quiet(cli: Cli) -> None:
    cli.write([("rates", b"tenant=a|fault|300", None)] * 3)
    assert "tenant=a|fault|300: gone quiet" in cli.unpinned("tail", "rates", "--until-end").out
    said = cli.unpinned("tail", "rates", "--until-end", "--json").out
    assert '{"key": "tenant=a|fault|300", "tombstone": true}' in said


def test_tail_shows_a_completions_text_only_as_json(cli: Cli) -> None:
    cli.write([("completions", b"k", b'{"id": "t1", "completion": "canary-text"}')])
    shown = cli.unpinned("tail", "completions", "--from-start", "--limit", "1")
    assert "canary" not in shown.out


async def test_from_now_on_means_from_the_real_end(cli: Cli) -> None:
    """End offsets of the embedded broker are wrong: the end is where a fetch says it is."""
    from tidegate.streams.kafka.reader import end_offsets
    from tidegate.streams.kafka.writing import producer

    before = await end_offsets(cli.settings.kafka, "enforcements")
    async with producer(cli.settings) as out:
        for _ in range(3):
            await out.send_and_wait("enforcements", b"{}", partition=1)
    after = await end_offsets(cli.settings.kafka, "enforcements")
    assert [(tp.partition, after[tp] - before[tp]) for tp in sorted(after)] == [(0, 0), (1, 3)]
