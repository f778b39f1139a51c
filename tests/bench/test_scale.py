"""The arithmetic of docs/scale.md: sums by hand, and the page is what the script says."""

from __future__ import annotations

import pytest

from bench import scale
from bench.scale import PAGE, CapacityPlan, ScaleInputs, fill_tables, parse_inputs

# 8.64 million a day are 100 a second, 200 at the peak.
SMALL = ScaleInputs(
    events_a_day=8.64e6,
    peak=2,
    busy=0.5,
    own_us=1_000,
    loop_us=2_000,
    classifier_us=9_000,
    cores_a_worker=4,
    partitions_a_worker=3,
    completion_bytes=1_000,
    decision_bytes=500,
    gzip_decision=0.2,
    retention_days=2,
    copies=3,
    readers=2,
    broker_mb_s=0.2,
    store_us=10,
    calls=0.1,
    field_bytes=50,
    ruler_field_us=2,
    live_scopes=5,
    counters=4,
    bucket_s=10,
    kept_s=100,
    core_hour=0.1,
    ram_gb_month=1,
    disk_gb_month=1,
    moved_gb=1,
)


def test_a_workers_rate_is_the_least_of_its_three_limits() -> None:
    """Its cores, its event loop, and the cores that score."""
    # cores 4 s / 10 ms = 400; event loop 1 s / 2 ms = 500; three score: 3 s / 9 ms = 333.3
    assert CapacityPlan(SMALL).worker_s == pytest.approx(333.33, abs=0.01)
    # own 30 ms: cores 4 s / 39 ms = 102.6
    assert CapacityPlan(scale.replace(SMALL, own_us=30_000)).worker_s == pytest.approx(102.56, abs=0.01)
    # nothing to score: cores 4 s / 1 ms, the event loop 500
    assert CapacityPlan(scale.replace(SMALL, classifier_us=0)).worker_s == 500


def test_workers_cores_and_partitions() -> None:
    plan = CapacityPlan(SMALL)
    assert (plan.mean_s, plan.peak_s) == (100, 200)
    # 200 / (333.3 x half) = 1.2 -> 2 workers of 4 cores and 3 partitions
    assert (plan.workers, plan.cores, plan.partitions) == (2, 8, 6)


def test_bytes_of_kafka() -> None:
    plan = CapacityPlan(SMALL)
    assert plan.record_bytes == 1_100  # 1,000 + 500 x 0.2
    assert plan.kafka_day_bytes == pytest.approx(9.504e9)  # 8.64 million of them
    assert plan.disk_bytes == pytest.approx(57.024e9)  # 2 days, 3 copies
    assert plan.written_s == 660_000  # 200 a second, 3 copies
    assert plan.brokers == 7  # 660 kB/s / (200 kB/s x half) = 6.6
    # two more copies of 9.504 GB, and 8.64 million x (1,000 to a worker + 100 to each of 2 readers)
    assert plan.moved_day_bytes == pytest.approx(19.008e9 + 10.368e9)


def test_counters_in_redis_and_what_a_ruler_reads_of_them() -> None:
    plan = CapacityPlan(SMALL)
    assert plan.fields == 64  # (1 for all + 3 kinds x 5) x 4
    assert plan.redis_bytes == 6 * 10 * 64 * 50
    assert plan.ruler_s == pytest.approx(6 * 64 * 2e-6)
    assert plan.redis_busy == pytest.approx(0.002)
    # 200 a second x 10 s over 6 partitions: a bucket has seen 333 events, so no more names than that
    assert CapacityPlan(scale.replace(SMALL, live_scopes=1e6)).fields == pytest.approx((1 + 1_000) * 4)


def test_the_fullest_component_comes_first() -> None:
    shares = CapacityPlan(SMALL).shares()
    # a broker: 660 kB/s / 7 of 200 kB/s; cores: 100 / 333; a loop: 100 x 2 ms; Redis 200 x 10 us; the ruler 0.8 ms
    assert [round(share, 4) for _, share, _ in shares] == [0.4714, 0.3, 0.2, 0.002, 0.0008]
    assert shares[0][0] == "a broker's disk"
    crowded = CapacityPlan(scale.replace(SMALL, ruler_field_us=5_000)).shares()
    assert crowded[0][:2] == ("the ruler: one event loop", pytest.approx(1.92))


def test_money_is_each_amount_times_its_price() -> None:
    assert dict(CapacityPlan(SMALL).costs()) == {
        "workers": pytest.approx(576),  # 8 cores x 720 h x 0.1
        "Redis and a replica": pytest.approx(2 * 192e3 / 1e9),
        "Kafka's disks": pytest.approx(57.024),
        "what is moved": pytest.approx(881.28),  # 29.376 GB a day
    }
    assert scale.money(SMALL).splitlines()[-1] == "| all | 1,514 |"


def test_the_page_is_what_the_script_writes() -> None:
    page = PAGE.read_text()
    assert all(f"<!-- made: {name} -->" in page for name in scale.TABLES)
    assert fill_tables(page) == page, "docs/scale.md is older than bench/scale.py: python -m bench.scale --write"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("workers=3", "workers=3: no such input; expected one of .*, peak, "),
        ("peak=much", "peak=much: found 'much'; expected a number"),
        ("peak", "peak: found ''; expected a number"),
        ("peak=-1", "peak=-1: expected 0 or more"),
        ("peak=nan", "peak=nan: expected 0 or more"),
    ],
)
def test_a_wrong_input_is_named(argument: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=message):
        parse_inputs([argument])
    assert scale.main([argument]) == 2
    assert capsys.readouterr().out == ""


def test_own_numbers_change_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["events_a_day=864000", "peak=1"]) == 0
    assert "| events a second, mean / peak | 10 / 10 |" in capsys.readouterr().out
