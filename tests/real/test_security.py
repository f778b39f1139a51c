"""Each role on a Kafka and a Redis with TLS, users and ACLs: its rights are enough for its work, and for nothing else.

Workers and commands run as processes, with the settings that docs/how-to/secure.md shows.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import TopicAuthorizationFailedError

from tests.real import acls
from tests.real.as_user import POLICY, SecuredProcess, run, running_serve, running_worker, settings
from tests.real.secure import Secure
from tidegate.streams.kafka.client import client_options
from tidegate.streams.policy_log.reader import PolicyLogReader
from tidegate.streams.settings.roles import ROLES, Right, kafka_acl
from tidegate.streams.topics import TOPICS, used_by

ALL = tuple(topic.name for topic in TOPICS)
WHY = ("--reason", "first policy", "--author", "ada", "--yes")
BAD = '{"id": "c1", "completion": "toxicity=0.95", "tenant": "acme", "user": "u1"}\n'


@pytest.fixture(scope="module")
def topics(secure: Secure) -> None:
    created = run(secure, "ops", "topics")
    assert created.returncode == 0, created.stderr


@pytest.fixture(scope="module")
def seeded(secure: Secure, topics: None, tmp_path_factory: pytest.TempPathFactory) -> Secure:
    """The stack with topics and a policy, and the first completion decided.

    The worker finds an empty log that it may not write, logs the command to run, and waits; ops run that command.
    """
    folder = tmp_path_factory.mktemp("seeded")
    with running_worker(secure, folder) as worker:
        line = worker.wait_for_line("policies is empty")
        assert "user worker may not write to it" in line
        command = line.split("`")[1].replace('"first policy"', "first").split()
        assert command[:3] == ["tidegate", "policy", "apply"]
        applied = run(secure, "ops", *command[1:4], *WHY)
        assert applied.returncode == 0, applied.stderr
        worker.wait_for_line("completions[0]", "taken over")
        sent = run(secure, "producer", "send", "-", stdin=BAD)
        assert sent.returncode == 0, sent.stderr
        tailed = run(secure, "dashboard", "tail", "decisions", "--from-start", "--limit", "1", "--json")
        assert tailed.returncode == 0, tailed.stderr
        assert json.loads(tailed.stdout)["action"] == "block"
    return secure


# --- a complete deployment, each process under its role


def test_each_role_s_rights_are_enough_for_decisions(seeded: Secure) -> None:
    ran = run(seeded, "ops", "policy", "history")
    assert {line.split()[5] for line in ran.stdout.splitlines() if "applied" in line} == {"ada"}


@pytest.mark.parametrize(
    "command",
    [
        "topics",
        "alerts",
        "rates",
        "checkpoint show",
        "dead-letters list",
        "policy set labels.toxicity.flag 0.6 --reason x --author ada --yes",
        "silence add --rule x --scope tenant=acme --for 1h --reason x --author ada",
        "replay --from 1h",
        "tail completions --until-end",
    ],
)
def test_ops_may_run_every_command(seeded: Secure, command: str) -> None:
    ran = run(seeded, "ops", *command.split())
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "command",
    ["tail decisions --until-end", "tail policies --until-end", "rates", "alerts", "policy show"],
)
def test_a_dashboard_may_read(seeded: Secure, command: str) -> None:
    ran = run(seeded, "dashboard", *command.split())
    assert ran.returncode == 0, ran.stderr


def test_a_change_by_a_dashboard_is_refused_with_the_right(seeded: Secure) -> None:
    ran = run(seeded, "dashboard", "policy", "set", "labels.toxicity.flag", "0.7", *WHY)
    assert ran.returncode == 3
    assert "user dashboard may not Write any topic; expected that right (docs/reference/rights.md)" in ran.stderr


# --- what no role may


@pytest.mark.parametrize("user", [*ROLES, "stranger"])
async def test_a_user_writes_to_no_topic_that_is_not_its_role_s(seeded: Secure, user: str) -> None:
    """A producer neither `policies` nor `decisions`, a worker not `policies`, a dashboard nothing."""
    may = {name for r in ROLES.get(user, ()) if r.operation == "Write" for name in r.names}
    kafka = settings(seeded, "ops", kafka_user=user, kafka_password_file=None, kafka_password=seeded.passwords[user])
    for idempotent in (True, False):
        if idempotent and not may:
            continue  # a user without a right to write gets no producer id
        producer = AIOKafkaProducer(**client_options(kafka.brokers), enable_idempotence=idempotent)
        await producer.start()
        try:
            for topic in sorted(set(ALL) - may):
                with pytest.raises(TopicAuthorizationFailedError):
                    await producer.send_and_wait(topic, b"{}", partition=0)
        finally:
            await producer.stop()


@pytest.mark.parametrize("user", ["producer", "worker", "serve", "dashboard", "stranger"])  # ops may read all
async def test_a_user_reads_no_topic_that_is_not_its_role_s(seeded: Secure, user: str) -> None:
    may = {name for r in ROLES.get(user, ()) if r.operation == "Read" for name in r.names}
    kafka = settings(seeded, "ops", kafka_user=user, kafka_password_file=None, kafka_password=seeded.passwords[user])
    consumer = AIOKafkaConsumer(**client_options(kafka.brokers), group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        for topic in sorted(set(ALL) - may):
            with pytest.raises(TopicAuthorizationFailedError):
                await read(consumer, topic)
    finally:
        await consumer.stop()


async def read(consumer: Any, topic: str) -> None:
    """Reads until it fails: at once where the topic is hidden, at the first fetch where the user may only write."""
    await consumer._client._wait_on_metadata(topic)
    consumer.assign([KafkaPartition(topic, 0)])
    async with asyncio.timeout(20):
        while True:
            await consumer.getmany(timeout_ms=200)


# --- the log of policies


async def count_policy_records(secure: Secure) -> int:
    """The number of records on `policies`."""
    policies = PolicyLogReader(settings(secure, "ops").brokers)
    try:
        return (await policies.read()).next
    finally:
        await policies.stop()


async def test_a_worker_writes_policies_only_onto_an_empty_log(seeded: Secure, tmp_path: Path) -> None:
    before = await count_policy_records(seeded)
    right = Right("Write", "topic", ("policies",), "too much")
    await asyncio.to_thread(acls.grant, seeded.cluster.inside, "worker", [right])
    try:
        for n in range(2):
            with running_worker(seeded, tmp_path / str(n), POLICY.replace("0.9", f"0.9{n + 1}")) as worker:
                await asyncio.to_thread(worker.wait_for_line, "differs from the live policy")
                await asyncio.to_thread(worker.wait_for_line, "completions[0]", "taken over")
    finally:
        await asyncio.to_thread(acls.revoke, seeded.cluster.inside, "worker", [right])
    assert await count_policy_records(seeded) == before


# --- each right is needed


def missing_right_line(right: Right) -> str:
    """The log line of a worker without this right."""
    if right.kind == "group":
        return f"user worker may not Read group {right.names_in('tidegate')[0]}"
    if right.operation == "Write":
        return "user worker may not Write any topic"
    seen = {name for r in ROLES["worker"] if r is not right and r.kind == "topic" for name in r.names}
    return f"no topic {', '.join(name for name in used_by('worker') if name in right.names and name not in seen)};"


@pytest.mark.parametrize(
    "right",
    # Those that are for a Redis that was lost are shown by the drills of that: tests/drills/faults/test_store_lost.py
    [right for right in ROLES["worker"] if "rebuild" not in right.why and right.names != ("moderations",)],
    ids=lambda right: f"{right.operation} {right.names[0]}",
)
def test_a_worker_without_a_right_waits_and_names_it(seeded: Secure, tmp_path: Path, right: Right) -> None:
    acls.revoke(seeded.cluster.inside, "worker", [right])
    try:
        with running_worker(seeded, tmp_path) as worker:
            worker.wait_for_line(missing_right_line(right), "waiting for")
            acls.grant(seeded.cluster.inside, "worker", [right])
            worker.wait_for_line("completions[0]", "taken over")
    finally:
        acls.grant(seeded.cluster.inside, "worker", [right])


def test_a_worker_goes_on_without_moderations(seeded: Secure, tmp_path: Path) -> None:
    """As one of this release beside rights of the last; it reads the topic once it may."""
    right = next(right for right in ROLES["worker"] if right.names == ("moderations",))
    acls.revoke(seeded.cluster.inside, "worker", [right])
    try:
        with running_worker(seeded, tmp_path) as worker:
            worker.wait_for_line("completions[0]", "taken over")
            assert "moderations" not in worker.log
            acls.grant(seeded.cluster.inside, "worker", [right])
            worker.wait_for_line("moderations[0]", "taken over")
    finally:
        acls.grant(seeded.cluster.inside, "worker", [right])


@pytest.mark.parametrize(
    ("right", "line"),
    [
        (ROLES["serve"][0], "no topic policies; expected it: run `tidegate topics`, or the right of user serve"),
        (ROLES["serve"][1], "no topic moderations; expected it: run `tidegate topics`"),
    ],
    ids=lambda of: of.names[0] if isinstance(of, Right) else None,
)
def test_serve_without_a_right_waits_and_names_it(seeded: Secure, tmp_path: Path, right: Right, line: str) -> None:
    acls.revoke(seeded.cluster.inside, "serve", [right])
    try:
        with running_serve(seeded, tmp_path) as serve:
            serve.wait_for_line(line)
            acls.grant(seeded.cluster.inside, "serve", [right])
            serve.wait_for_line("serving http://")
    finally:
        acls.grant(seeded.cluster.inside, "serve", [right])


def test_serve_without_feedback_moderates_all_the_same(seeded: Secure, tmp_path: Path) -> None:
    """Only what people say of scores is refused, with 503, until it may be written."""
    right = next(right for right in ROLES["serve"] if right.names == ("feedback",))
    body = {"comment": {"text": "a text"}, "attributeScores": {"TOXICITY": {"summaryScore": {"value": 1}}}}
    acls.revoke(seeded.cluster.inside, "serve", [right])
    try:
        with running_serve(seeded, tmp_path) as serve:
            assert post(serve, "/v1/decide", {"id": "1", "completion": "toxicity=0.95"})[1]["action"] == "block"
            assert post(serve, "/v1alpha1/comments:suggestscore", body)[0] == 503
            assert "user serve may not Write topic feedback; expected that right" in serve.log
            acls.grant(seeded.cluster.inside, "serve", [right])
            deadline = time.monotonic() + 60
            while post(serve, "/v1alpha1/comments:suggestscore", body)[0] != 200:
                assert time.monotonic() < deadline
    finally:
        acls.grant(seeded.cluster.inside, "serve", [right])


def test_serve_keeps_texts_where_it_may(seeded: Secure, tmp_path: Path) -> None:
    """Where it is asked to keep them it waits for the right; ops read them, and nobody else may."""
    right = next(right for right in ROLES["serve"] if right.names == ("moderated-texts",))
    acls.revoke(seeded.cluster.inside, "serve", [right])
    try:
        with running_serve(seeded, tmp_path, TIDEGATE_SERVE_KEEP_TEXT="true", TIDEGATE_SERVE_COUNT="required") as serve:
            serve.wait_for_line("no topic moderated-texts; expected it: run `tidegate topics`")
            acls.grant(seeded.cluster.inside, "serve", [right])
            assert post(serve, "/v1/decide", {"id": "1", "completion": "toxicity=0.95"})[0] == 200
        read = ("tail", "moderated-texts", "--until-end", "--json")
        assert "toxicity=0.95" in run(seeded, "ops", *read).stdout
        assert run(seeded, "dashboard", *read).stdout == ""
    finally:
        acls.grant(seeded.cluster.inside, "serve", [right])


def post(serve: SecuredProcess, path: str, body: object) -> tuple[int, Any]:
    url = serve.wait_for_line("serving http://").split("serving ")[1].split("/v1/")[0]
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), headers)  # noqa: S310 - on loopback
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_what_serve_answers_is_counted_by_a_worker(seeded: Secure, tmp_path: Path) -> None:
    """Both with the rights of their roles alone."""
    with running_worker(seeded, tmp_path / "w") as worker, running_serve(seeded, tmp_path / "s") as serve:
        worker.wait_for_line("moderations[0]", "taken over")
        assert post(serve, "/v1/decide", {"id": "over-http", "completion": "toxicity=0.95"})[1]["action"] == "block"
        deadline = time.monotonic() + 60
        while '"request_id":"over-http"' not in run(
            seeded, "dashboard", "tail", "decisions", "--until-end", "--json"
        ).stdout.replace(": ", ":"):
            assert time.monotonic() < deadline


def test_a_worker_goes_on_when_it_has_a_lost_right_again(seeded: Secure, tmp_path: Path) -> None:
    """What was sent meanwhile waits in Kafka."""
    right = Right("Write", "topic", ("decisions",), "its output")
    with running_worker(seeded, tmp_path) as worker:
        worker.wait_for_line("completions[0]", "taken over")
        acls.revoke(seeded.cluster.inside, "worker", [right])
        try:
            run(seeded, "producer", "send", "-", stdin=BAD.replace("c1", "c2"))
            worker.wait_for_line("user worker may not Write topic decisions; expected that right")
        finally:
            acls.grant(seeded.cluster.inside, "worker", [right])
        deadline = time.monotonic() + 60
        while '"id":"c2"' not in run(seeded, "dashboard", "tail", "decisions", "--until-end", "--json").stdout:
            assert time.monotonic() < deadline


@pytest.mark.parametrize("right", [ROLES["producer"][0], ROLES["worker"][-1]], ids=["topics", "a prefix of groups"])
def test_the_commands_give_what_the_table_says(secure: Secure, right: Right) -> None:
    secure.kafka_acls(kafka_acl(right, "somebody"))
    assert acls.entries_of(secure.cluster.inside, "somebody") == acls.entries("somebody", [right])
    secure.kafka_acls(kafka_acl(right, "somebody", how="--remove"))
    assert acls.entries_of(secure.cluster.inside, "somebody") == set()
