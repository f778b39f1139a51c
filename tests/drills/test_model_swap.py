"""Another model under traffic, on a running pair of workers: nothing lost, nothing twice, and no decision of both."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from tests.drills.closing import assert_repeatable, policy_versions
from tests.drills.fleet import account, assert_account_closes, event, fleet, make_topics, send, wait_until_counted
from tests.support.stacks import Stack
from tidegate.classifiers import DEFAULT_MANIFEST
from tidegate.streams.demo.texts import FINE, INSULTS, STEREOTYPES, fine

pytestmark = pytest.mark.drill
EVENTS, PER_S, PARTITIONS = 600, 40.0, 4
# A folder with another release's models.toml and models/: it is in force first. Unset: our own screen alone is.
BEFORE = os.environ.get("TIDEGATE_MODELS_BEFORE")


def put_in_force(manifest: Path, models: Path, default: str) -> None:
    """Writes the manifest of a folder of models, with another default, in one step."""
    text = (models / "models.toml").read_text()
    lines = [f'default = "{default}"' if line.startswith("default = ") else line for line in text.splitlines()]
    moved = "\n".join(lines).replace('"models/', f'"{models}/models/')
    written = manifest.with_suffix(".new")
    written.write_text(moved)
    written.replace(manifest)


async def test_a_swap_under_traffic_closes_the_account(own_stack: Stack, tmp_path: Path) -> None:
    rng = random.Random(7)
    ours = tmp_path / "ours"
    shutil.copytree(DEFAULT_MANIFEST.parent / "models", ours / "models")
    shutil.copy(DEFAULT_MANIFEST, ours / "models.toml")
    before, default = (Path(BEFORE), "cascade-en") if BEFORE else (ours, "screen-en")
    manifest = tmp_path / "models.toml"
    put_in_force(manifest, before, default)
    await make_topics(own_stack.kafka, PARTITIONS)
    texts = [*INSULTS, *STEREOTYPES, *(fine(rng, rng.choice(list(FINE))) for _ in range(100))]
    events = [event(n, rng.choice(texts)) for n in range(EVENTS)]
    env = own_stack.env() | {"TIDEGATE_USER_KEY": "a-user-key-of-32-bytes-for-drill"}
    with fleet(tmp_path, env, classifier="", classifier_manifest=str(manifest), model_poll_s="0.5") as workers:
        workers.start()
        workers.start()
        await workers.joined()
        sending = asyncio.create_task(send(own_stack.kafka, events, PER_S))
        await wait_until_counted(own_stack.redis, EVENTS // 3, 90)
        put_in_force(manifest, ours, "cascade-en")
        sent = {*await sending}
        redis = await wait_until_counted(own_stack.redis, EVENTS, 90)
        seen = await account(own_stack.kafka, EVENTS, 60)
        swapped = [line for line in workers.logs().splitlines() if "is in force" in line]
    assert len(swapped) == 2, workers.logs()
    assert_account_closes(sent, seen, redis)
    assert seen.duplicates == 0
    decisions = assert_repeatable(seen, await policy_versions(own_stack.kafka))
    old, new = swapped[0].split(" was before")[0].split()[-1], swapped[0].split("model ")[1].split()[0]
    assert {decision.model_version for decision in decisions} == {old, new}
    by_partition: dict[int, list[tuple[int, str]]] = {}
    for decision in decisions:
        by_partition.setdefault(decision.source.partition, []).append((decision.source.offset, decision.model_version))
    for found in by_partition.values():
        versions = [version for _, version in sorted(found)]
        assert versions == sorted(versions, key=[old, new].index), "the old model scored after the new one"
