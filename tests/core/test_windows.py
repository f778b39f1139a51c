"""Windows: running sums say what adding up the buckets says, whatever happened in between."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.core.rates.windows import Buckets

S = 1000


def _buckets() -> Buckets:
    return Buckets({"scored": 60, "label.toxicity": 30})


def test_window_covers_buckets_from_its_start_up_to_its_end() -> None:
    #  scored  1     2     4     8
    #        [----)[----)[----)[----)
    #         0    10    20    30    40 s
    buckets = _buckets()
    for i, n in enumerate((1, 2, 4, 8)):
        buckets.put("p0", i * 10 * S, {"scored|all": n})
    window = buckets.window(20, ["scored"])
    assert window.at(20 * S) == {"scored": {"all": 1 + 2}}
    assert window.at(30 * S) == {"scored": {"all": 2 + 4}}
    assert window.at(90 * S) == {"scored": {}}
    assert window.at(40 * S) == {"scored": {"all": 4 + 8}}
    assert window.at(30 * S) == {"scored": {"all": 2 + 4}}  # and back


def test_put_replaces_the_partitions_earlier_counts() -> None:
    buckets = _buckets()
    window = buckets.window(10, ["scored"])
    assert window.at(10 * S) == {"scored": {}}
    buckets.put("p0", 0, {"scored|all": 3, "scored|tenant=a": 3})
    buckets.put("p1", 0, {"scored|all": 5})
    assert window.at(10 * S) == {"scored": {"all": 3 + 5, "tenant=a": 3}}
    buckets.put("p0", 0, {"scored|all": 4})  # read again, and tenant a's are gone: the store lost its tail
    buckets.put("p0", 0, {"scored|all": 4})
    assert window.at(10 * S) == {"scored": {"all": 4 + 5}}


def test_counters_that_no_window_needs_are_not_kept() -> None:
    buckets = _buckets()
    buckets.put("p0", 0, {"appeal|all": 1, "scored|all": 1})
    assert buckets.window(10, ["scored", "appeal"]).at(10 * S) == {"scored": {"all": 1}, "appeal": {}}


def test_trim_drops_a_counter_once_no_window_can_reach_it() -> None:
    #          [----)   ...   end
    #           0   10        31     label.toxicity is asked for over 30 s, scored over 60 s
    buckets = _buckets()
    counts = {"scored|all": 2, "label.toxicity|all": 1}
    buckets.put("p0", 0, counts)
    window = buckets.window(60, ["scored", "label.toxicity"])
    window.at(30 * S)
    buckets.trim(30 * S)
    assert window.at(30 * S) == {"scored": {"all": 2}, "label.toxicity": {"all": 1}}
    buckets.trim(31 * S)
    assert window.at(30 * S) == {"scored": {"all": 2}, "label.toxicity": {}}
    buckets.put("p0", 0, {"scored|all": 3, "label.toxicity|all": 2})  # a late change brings it not back
    assert window.at(30 * S) == {"scored": {"all": 3}, "label.toxicity": {}}
    buckets.trim(61 * S)
    assert window.at(30 * S) == {"scored": {}, "label.toxicity": {}}


def test_changed_lists_the_scopes_whose_sums_changed() -> None:
    buckets = _buckets()
    window = buckets.window(20, ["scored"])
    buckets.put("p0", 0, {"scored|all": 1, "scored|tenant=a": 1})
    window.at(20 * S)
    assert window.changed == {"all", "tenant=a"}
    window.changed.clear()
    buckets.put("p0", 10 * S, {"scored|all": 1})
    assert window.changed == {"all"}
    window.changed.clear()
    window.at(30 * S)  # bucket 0 leaves
    assert window.changed == {"all", "tenant=a"}


STARTS = st.integers(0, 7).map(lambda i: i * 10 * S)
COUNTS = st.dictionaries(st.sampled_from(["a|all", "a|tenant=x", "b|all", "c|all"]), st.integers(1, 5))
OPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(["p0", "p1"]), STARTS, COUNTS),
    st.tuples(st.just("at"), st.integers(0, 1), st.integers(0, 12).map(lambda i: i * 10 * S)),
    st.tuples(st.just("drop"), STARTS),
)


@given(st.lists(OPS, max_size=40))
def test_running_sums_equal_adding_up_the_buckets(ops: list[tuple[Any, ...]]) -> None:
    buckets = Buckets({"a": 100, "b": 100})
    windows = [buckets.window(30, ["a", "b"]), buckets.window(20, ["a"])]
    held: dict[tuple[str, int], dict[str, int]] = {}
    for op, *args in ops:
        if op == "put":
            partition, start, counts = args
            buckets.put(partition, start, counts)
            held[partition, start] = counts
        elif op == "drop":
            buckets.drop_before(args[0])
            held = {key: counts for key, counts in held.items() if key[1] >= args[0]}
        else:
            windows[args[0]].at(args[1])
        for window, counters in zip(windows, (["a", "b"], ["a"]), strict=True):
            if window.end_ms is None:
                continue
            expected: dict[str, dict[str, int]] = {counter: {} for counter in counters}
            for (_, start), counts in held.items():
                if window.end_ms - window.window_s * S <= start < window.end_ms:
                    for series, n in counts.items():
                        counter, scope = series.split("|")
                        if counter in expected:
                            expected[counter][scope] = expected[counter].get(scope, 0) + n
            assert window.at(window.end_ms) == expected
