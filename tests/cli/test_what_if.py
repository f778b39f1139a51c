"""`policy what-if` and `policy compare`, on decisions that were written to the topic."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import POLICY as FILE
from tests.cli.conftest import TWIN, Cli
from tests.support.stacks import Stack
from tests.support.tomorrow import of_tomorrow
from tidegate.streams.core.decide import Inputs, decide
from tidegate.streams.core.events import Action, Decision, Scopes, ShadowChange, Source
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.ranges import OffsetRange
from tidegate.streams.kafka.reader import TopicReader
from tidegate.streams.kafka.writing import producer
from tidegate.streams.operations import policy_toml
from tidegate.streams.operations.decisions import Decisions
from tidegate.streams.operations.what_if import count_effects
from tidegate.streams.policy_log.file import read_policy
from tidegate.streams.policy_log.history import append, read_log

WHY = ("--reason", "a test", "--author", "ada")
NOW_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z, the hour before which everything came
RANGE = ("--since", "2026-01-01T11:00:00Z", "--until", "2026-01-01T12:00:00Z")
LABELS = ("toxicity", "insult", "threat", "obscene", "identity_attack", "stereotype", "severe_toxicity", "sexual")


@pytest.fixture
def own(own_stack: Stack) -> Cli:
    """Topics of this test's own, with policy.toml live: it flags toxicity at 0.7, reviews at 0.9, blocks at 0.98."""
    asyncio.run(ensure_topics(own_stack.kafka, 2, own_stack.replication))
    cli = Cli({**own_stack.env(), **TWIN})
    assert cli("policy", "apply", str(FILE), *WHY).code == 0
    return cli


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """Blocks toxicity at 0.8, reviews it at 0.75."""
    found = (
        FILE.read_text().replace("review = 0.9\n", "review = 0.75\n", 1).replace("block = 0.98\n", "block = 0.8\n", 1)
    )
    file = tmp_path / "stricter.toml"
    file.write_text(found)
    assert read_policy(file).labels["toxicity"].model_dump() == {
        "flag": 0.7,
        "review": 0.75,
        "redact": None,
        "block": 0.8,
    }
    return file


def made(n: int, toxicity: float, live: LivePolicy, **more: Any) -> Decision:
    given = {"record_ms": NOW_MS - 600_000 + n * 1000, "epoch": 1, "scopes": Scopes(tenant=f"t{n % 2}", model="m1")}
    scores = dict.fromkeys(LABELS, 0.0) | {"toxicity": toxicity}
    source = Source(topic="completions", partition=n % 2, offset=n // 2)
    return decide(Inputs(id=f"c{n}", source=source, model_version="m", **{"scores": scores, **given, **more}), live)


def put(cli: Cli, decisions: Sequence[Decision | bytes], feedback: Sequence[dict[str, Any]] = ()) -> None:
    async def work() -> None:
        async with producer(cli.settings) as out:
            for one in decisions:
                if isinstance(one, bytes):
                    await out.send_and_wait("decisions", one, key=b"k", partition=0)
                else:
                    value = one.model_dump_json().encode()
                    await out.send_and_wait("decisions", value, key=b"k", partition=one.source.partition)
            for said in feedback:
                await out.send_and_wait("feedback", json.dumps(said).encode(), key=b"k")

    asyncio.run(work())


def live(cli: Cli) -> LivePolicy:
    found = asyncio.run(read_log(cli.settings)).log.live
    assert found is not None
    return found


def plain(text: str) -> str:
    """Without the width of its columns."""
    return " ".join(text.split())


TOXIC = (0.1, 0.75, 0.85, 0.99)  # allow, flag, flag, block; stricter: allow, review, block, block


def test_it_says_what_changes_and_whom_it_concerns(own: Cli, stricter: Path) -> None:
    policy = live(own)
    put(own, [made(n, t, policy) for n, t in enumerate(TOXIC)],
        [{"id": "f", "completion_id": "c2", "kind": "complaint", "tenant": "t0", "at_ms": NOW_MS - 1000}])  # fmt: skip
    ran = own("policy", "what-if", str(stricter), *RANGE)
    assert (ran.code, ran.err) == (0, "")
    for line in (
        f"of {stricter} against what was decided",
        "4 decisions, from 2026-01-01 11:50:00Z to 2026-01-01 11:50:03Z",
        "2 of 4 change (50.00%): 2 become stronger, 0 weaker; 0 keep their action for other labels",
        "block     1  25.00%     2  50.00%      1",
        "flag -> block           1  c2  t0/m1  toxicity 0.8500, threshold 0.8 (default), complained about",
        "toxicity              2   4  50.00%         2       0  1 reviewed, 1 blocked",
        "t0           1   2  50.00%         1       0  1 blocked",
        "of those that change, people complained about 1 and appealed 0, reviewers upheld 0 and overturned 0",
        "note: 2 of 2 changes rest on a model that gives every score by itself",
    ):
        assert plain(line) in plain(ran.out), ran.out


def test_json_holds_everything_and_is_the_same_every_time(own: Cli, stricter: Path) -> None:
    policy = live(own)
    put(own, [made(n, TOXIC[n % 4], policy) for n in range(40)])
    first, second = (own("policy", "what-if", str(stricter), *RANGE, "--json") for _ in range(2))
    assert first.out == second.out
    (found,) = first.jsonl
    assert found["effects"]["newly"] == {"allow": 0, "flag": 0, "review": 10, "redact": 0, "block": 10}
    assert found["baseline"] == {"decisions": "recorded", "rules": policy.version}
    assert (found["read"]["records"], found["read"]["kept_since_ms"]) == (40, None)
    assert found["since_ms"] == NOW_MS - 3_600_000


def test_decisions_with_a_field_of_tomorrow_are_asked_too(own: Cli, stricter: Path) -> None:
    policy = live(own)
    decisions = [made(2 * n, t, policy) for n, t in enumerate(TOXIC)]  # of one partition
    put(own, [of_tomorrow(d.model_dump_json().encode(), first=n % 2 == 0) for n, d in enumerate(decisions)])
    (found,) = own("policy", "what-if", str(stricter), *RANGE, "--json").jsonl
    assert (found["effects"]["decisions"], found["effects"]["changed"]) == (4, 2)
    assert found["read"]["not_decisions"] == 0


def test_the_policy_that_decided_would_change_nothing(own: Cli) -> None:
    put(own, [made(n, TOXIC[n % 4], live(own)) for n in range(20)])
    (found,) = own("policy", "what-if", str(FILE), *RANGE, "--json").jsonl
    assert (found["effects"]["decisions"], found["effects"]["changed"], found["effects"]["other_labels"]) == (20, 0, 0)


def test_of_a_completion_the_highest_epoch_counts_once(own: Cli, stricter: Path) -> None:
    """Where it was decided again."""
    policy = live(own)
    again = [
        made(0, 0.1, policy),  # replaced by the next but one
        made(2, 0.1, policy),
        made(0, 0.85, policy, epoch=2),
        made(2, 0.85, policy, epoch=2),
        made(2, 0.85, policy, epoch=2),  # the same twice: one
        made(2, 0.99, policy, epoch=1),  # a worker that had lost the partition, late
        made(4, 0.1, policy, epoch=9),
        made(4, 0.85, policy, epoch=2),  # an older one that came later
    ]
    # An id that a producer used twice is two decisions: another source
    again.append(made(6, 0.85, policy, epoch=2).model_copy(update={"id": "c0"}))
    put(own, again)
    (found,) = own("policy", "what-if", str(stricter), *RANGE, "--json").jsonl
    # c0, c2, c6 at 0.85: flag -> block; c4 at 0.1
    assert (found["effects"]["decisions"], found["effects"]["newly"]["block"]) == (4, 3)
    assert found["read"]["decided_again"] == 5


def test_what_is_no_decision_is_counted_and_stops_nothing(own: Cli, stricter: Path) -> None:
    bad = [
        b"", b"{", b"[1]", b"\xff\xfe", b'{"a": 1}', b'{"id":1,"source":{"offset":1e999},"epoch":1}',
        b'{"id":"c","source":{"offset":"x"},"epoch":null}', b"[" * 10_000,
        made(0, 0.9, live(own)).model_dump_json().replace("0.9", "9.0").encode(),
    ]  # fmt: skip
    put(own, [*bad, made(0, 0.85, live(own))])
    ran = own("policy", "what-if", str(stricter), *RANGE, "--json")
    assert ran.code == 0
    assert ran.jsonl[0]["read"]["not_decisions"] == len(bad)
    assert ran.jsonl[0]["effects"]["decisions"] == 1
    assert f"; {len(bad)} records on the topic are no decisions" in own("policy", "what-if", str(stricter), *RANGE).out


def test_written_in_another_order_it_is_a_decision_all_the_same(own: Cli, stricter: Path) -> None:
    def turned(decision: Decision) -> bytes:
        fields = json.loads(decision.model_dump_json())
        return json.dumps(dict(reversed(fields.items()))).encode()

    policy = live(own)
    put(own, [turned(made(0, 0.1, policy)), turned(made(0, 0.85, policy, epoch=2))])
    (found,) = own("policy", "what-if", str(stricter), *RANGE, "--json").jsonl
    assert (found["effects"]["decisions"], found["effects"]["newly"]["block"]) == (1, 1)


def test_against_the_live_policy_it_says_what_a_change_does(own: Cli, stricter: Path) -> None:
    old = live(own)
    put(own, [made(n, t, old) for n, t in enumerate(TOXIC)])
    assert own("policy", "apply", str(stricter), *WHY).code == 0
    (against,) = own("policy", "what-if", str(stricter), *RANGE, "--baseline", "live", "--json").jsonl
    assert (against["effects"]["changed"], against["baseline"]["decisions"]) == (0, live(own).version)
    loosening = own("policy", "what-if", str(FILE), *RANGE, "--baseline", "live")
    assert "2 of 4 change (50.00%): 0 become stronger, 2 weaker" in loosening.out
    assert "note: 2 become weaker, and nothing here says how many of them were right" in loosening.out


def test_alerts_are_shown_side_by_side(own: Cli, tmp_path: Path) -> None:
    #  10 in 100 toxic for 200 s: policy.toml's rule fires above 5% of at least 50, held for a minute
    policy = live(own)
    put(own, [made(n, 0.85 if n % 10 == 0 else 0.0, policy) for n in range(200)])
    off = tmp_path / "off.toml"
    off.write_text(FILE.read_text().replace("flag = 0.7\nreview = 0.9\n", "flag = 0.9\nreview = 0.9\n", 1))
    (found,) = own("policy", "what-if", str(off), *RANGE, "--json").jsonl
    fired = {(f["rule"], f["scope"]) for f in found["alerts"]["was"]["firings"]}
    assert ("high_toxicity", "all") in fired
    assert [f for f in found["alerts"]["now"]["firings"] if f["rule"] == "high_toxicity"] == []
    assert {a["state"] for a in found["alerts"]["was"]["transitions"]} == {"pending", "firing"}
    shown = own("policy", "what-if", str(off), *RANGE).out
    assert "high_toxicity  all" in shown
    assert "does not fire" in shown


def test_a_label_that_was_not_scored_is_named(own: Cli, stricter: Path) -> None:
    scores = dict.fromkeys(LABELS, 0.0)
    del scores["insult"]
    put(own, [made(0, 0.0, live(own), scores=scores)])
    stricter.write_text(stricter.read_text() + "\n[prompt_labels.threat]\nflag = 0.5\n")
    shown = own("policy", "what-if", str(stricter), *RANGE).out
    assert "note: labels.insult: of 1 decisions 1 hold no score of it: what it would do is not known" in shown
    assert "note: prompt_labels.threat: of 1 decisions none holds a prompt's score of it" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "--since yesterday: not a moment; expected one such as"),
        (("--since", "2026-01-01T12:00:00"), "a moment without its zone"),
        (("--since", "2999-01-01T00:00:00Z"), "is not before"),
        (("--since", "2026-01-01T12:00:00Z", "--until", "2026-01-01T11:00:00Z"), "is not before 2026-01-01 11:00:00Z"),
    ],
)
def test_a_wrong_range_is_refused(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ran = cli("policy", "what-if", str(FILE), *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.endswith("nothing done\n")


def test_a_wrong_file_is_refused_as_check_refuses_it(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    for text, said in (
        ("labels = {", "p.toml"),
        ("schema_version = 1\nlabels = { toxicity = { block = 1.4 } }", "labels.toxicity.block"),
        ("schema_version = 1\nlabels = { sarcasm = { block = 0.4 } }", "labels.sarcasm: twin@1 does not give it"),
    ):
        file.write_text(text)
        ran = cli("policy", "what-if", str(file), "--since", "1h")
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err


def test_without_a_live_policy_the_baseline_is_recorded(own_stack: Stack) -> None:
    """Only what was recorded can be held against."""
    asyncio.run(ensure_topics(own_stack.kafka, 1, own_stack.replication))
    cli = Cli({**own_stack.env(), **TWIN})
    ran = cli("policy", "what-if", str(FILE), "--since", "1h", "--baseline", "live")
    assert (ran.code, "no policy is live yet" in ran.err) == (2, True)
    shown = cli("policy", "what-if", str(FILE), "--since", "1h")
    assert (shown.code, "no decisions on them" in shown.out) == (0, True)


def test_a_range_older_than_what_is_kept_is_refused(own: Cli, stricter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded broker cannot delete records, so that only its word on where the log begins is another one here."""
    policy = live(own)
    put(own, [made(n, 0.85, policy) for n in range(0, 40, 2)])  # one partition, a decision every two seconds
    asked = TopicReader.since

    async def begun_later(topic: TopicReader, from_ms: int, *, most: int | None = None) -> list[OffsetRange]:
        found = await asked(topic, from_ms, most=most)
        return [s._replace(log_start=5, start=max(5, s.start)) if s.end else s for s in found]

    monkeypatch.setattr(TopicReader, "since", begun_later)
    ran = own("policy", "what-if", str(stricter), *RANGE)
    assert (ran.code, ran.out) == (2, "")
    # the sixth decision, of c10: 10 s after 11:50
    assert "2026-01-01 11:00:00Z is before the oldest decision that decisions keeps" in ran.err
    assert "on a completion of 2026-01-01 11:50:10Z" in ran.err
    later = own(
        "policy", "what-if", str(stricter), "--since", "2026-01-01T11:50:10Z", "--until", "2026-01-01T12:00:00Z"
    )
    assert (later.code, "15 decisions, from 2026-01-01 11:50:10Z" in later.out) == (0, True)
    assert "note: what fills the windows before" in later.out


async def test_effects_of_the_newest_so_many(own_stack: Stack) -> None:
    await ensure_topics(own_stack.kafka, 2, own_stack.replication)
    cli, policy = Cli({**own_stack.env(), **TWIN}), LivePolicy("v", read_policy(FILE))
    await asyncio.to_thread(put, cli, [made(n, 0.85, policy) for n in range(40)])
    read = 0

    def advance(n: int) -> None:
        nonlocal read
        read += n

    found = await count_effects(cli.settings, policy, None, 0, 2**50, most=10, advance=advance)
    assert (found.decisions, found.first_ms, read) == (10, NOW_MS - 600_000 + 30_000, 20)


async def test_the_time_index_is_used_and_misses_nothing(own_stack: Stack) -> None:
    await ensure_topics(own_stack.kafka, 2, own_stack.replication)
    cli, policy = Cli({**own_stack.env(), **TWIN}), LivePolicy("v", read_policy(FILE))
    await asyncio.to_thread(put, cli, [made(n, 0.85, policy) for n in range(10)])
    await asyncio.sleep(0.01)
    between = int(datetime.now(UTC).timestamp() * 1000)
    await asyncio.to_thread(put, cli, [made(n, 0.85, policy) for n in range(10, 16)])
    topic = Decisions(cli.settings.kafka)
    try:
        assert [s.records for s in (await topic.survey(between)).stretches] == [3, 3]
        assert (await topic.survey(0)).records == 16
    finally:
        await topic.aclose()


# --- compare


def shadowed(cli: Cli, file: Path) -> LivePolicy:
    """The live policy, with that file as its shadow since 11:55."""
    change = ShadowChange(
        parent=None, policy=policy_toml.plain(read_policy(file)), author="ada", reason="a test", at_ms=NOW_MS - 300_000
    )
    asyncio.run(append(cli.settings, change))  # type: ignore[arg-type]
    found = live(cli)
    assert found.shadow is not None
    return found


def test_compare_shows_live_and_shadow_side_by_side(own: Cli, stricter: Path) -> None:
    before = live(own)
    policy = shadowed(own, stricter)
    at = {"record_ms": NOW_MS - 200_000}
    decided = [made(n, t, policy, **at) for n, t in enumerate(TOXIC)]
    other = made(6, 0.99, LivePolicy(policy.version, policy.policy, LivePolicy("0-other", policy.policy)), **at)
    put(own, [*decided, made(4, 0.85, before, **at), other, made(8, 0.85, policy, record_ms=NOW_MS - 400_000)])
    ran = own("policy", "compare", "--since", "2026-01-01T11:00:00Z")
    assert ran.code == 0
    assert policy.shadow is not None
    for line in (
        f"shadow {policy.shadow.version} beside the live policy {policy.version}: it runs since 2026-01-01 11:55:00Z",
        "by ada: a test",
        "4 decisions, from 2026-01-01 11:56:40Z",
        "action  live    rate  shadow   rate  newly",
        "block      1  25.00%       2  50.00%      1",
        "2 of 4 change (50.00%)",
        "toxicity     3  75.00%       3  75.00%",
    ):
        assert plain(line) in plain(ran.out), ran.out
    assert ran.err == "2 decisions of that time hold nothing of it: workers did not have it yet\n"
    (found,) = own("policy", "compare", "--since", "2026-01-01T11:00:00Z", "--json").jsonl
    assert (found["shadow"], found["shadow_since_ms"]) == (policy.shadow.version, NOW_MS - 300_000)
    # what was recorded is what judging again says
    (again,) = own("policy", "what-if", str(stricter), "--since", "2026-01-01T11:56:00Z", "--json").jsonl
    assert [c for c in again["effects"]["changes"] if c["was"] == Action.ALLOW] == []


def test_compare_without_a_shadow_says_so(own: Cli) -> None:
    ran = own("policy", "compare")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "no shadow runs; `tidegate policy shadow FILE --reason …` starts one\n"
