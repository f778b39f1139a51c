"""A batch of a running Apache Kafka is spoilt in its files and put back; consumers see it at once."""

from __future__ import annotations

import time

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from tests.drills.fleet import make_topics
from tests.real.stack import Real
from tests.support.raw_batches import Raw, batch, kept, produce, split
from tests.support.segments import at_offset, flip, holding

pytestmark = pytest.mark.integration
NOW_MS = int(time.time() * 1000)


@pytest.fixture
def on_kafka(request: pytest.FixtureRequest) -> Real:
    if request.config.getoption("--servers") != "real":
        pytest.skip("the embedded broker has no files: `make test-kafka` runs this")
    found: Real = request.getfixturevalue("own_real")
    return found


async def good(real: Real) -> list[tuple[int, bool]]:
    """Each batch's base offset, and whether its CRC is right, as a consumer gets them."""
    found = [DefaultRecordBatch(each) for each in split(await kept(real.kafka, "completions", 0))]
    return [(each.base_offset, each.validate_crc()) for each in found]


async def test_a_batch_is_corrupted_on_every_replica_and_restored(on_kafka: Real) -> None:
    await make_topics(on_kafka.kafka, 1)
    for marker in (b"first", b"second", b"third"):
        await produce(on_kafka.kafka, "completions", 0, batch([Raw(marker), Raw(marker * 9)], at_ms=NOW_MS))
    assert await good(on_kafka) == [(0, True), (2, True), (4, True)]
    found = holding(on_kafka, "completions", 0, b"second")
    assert [(each.offset, each.records) for each in found] == [(2, 2)] * on_kafka.replication
    assert found == at_offset(on_kafka, "completions", 0, 2)
    flip(found)
    assert await good(on_kafka) == [(0, True), (2, False), (4, True)]
    # The broker goes on with the file.
    await produce(on_kafka.kafka, "completions", 0, batch([Raw(b"fourth")], at_ms=NOW_MS))
    assert await good(on_kafka) == [(0, True), (2, False), (4, True), (6, True)]
    flip(found)
    assert await good(on_kafka) == [(0, True), (2, True), (4, True), (6, True)]


async def test_what_is_not_on_every_replica_is_not_found(on_kafka: Real) -> None:
    await make_topics(on_kafka.kafka, 1)
    await produce(on_kafka.kafka, "completions", 0, batch([Raw(b"first")], at_ms=NOW_MS))
    with pytest.raises(LookupError, match="expected one batch on every replica"):
        holding(on_kafka, "completions", 0, b"second")
    with pytest.raises(LookupError, match="expected a batch on every replica"):
        at_offset(on_kafka, "completions", 0, 7)
