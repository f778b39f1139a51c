"""Which record batches can be decoded, and the bad batch of those that cannot. No broker."""

from __future__ import annotations

import gzip
import struct
import time
import tracemalloc
from collections.abc import Sequence

import cramjam
import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.raw_batches import CODECS, Header, Raw, batch, right_crc
from tidegate.streams.kafka import batches
from tidegate.streams.kafka.batches import BadBatch, decodable_batches, record_count

AT_MS = 1_800_000_000_000
END = 1_000_000  # a high-water mark beyond everything here


def at(offset: int, made: bytes) -> bytes:
    """As a broker stores it: at that offset, which no CRC covers."""
    return struct.pack(">q", offset) + made[8:]


def some(n: int, name: str = "v") -> list[Raw]:
    return [Raw(f"{name}{i}".encode() * 20, key=b"k", headers=[(b"h", b"1")], after_ms=i) for i in range(n)]


def shown(data: bytes) -> list[tuple[int, int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]]:
    """The records as aiokafka decodes them: it skips control batches."""
    found, records = [], MemoryRecords(data)
    while records.has_next():
        one = records.next_batch()
        if not one.is_control_batch:
            found += [(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in one]
    return found


def values(data: bytes) -> Sequence[bytes | None]:
    return [value for _, _, _, value, _ in shown(data)]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_decompressed_for_aiokafka(codec: str) -> None:
    made = batch(some(5), at_ms=AT_MS, compression=codec)
    found, bad = decodable_batches(made, 0, END)
    assert bad is None
    assert shown(found) == shown(batch(some(5), at_ms=AT_MS))


#  good good BAD good, asked for at 0, then at the bad one
#  [0,2) [2,5) [5,8) [8,9)
def four(spoilt: bytes) -> bytes:
    plain = [batch(some(n), at_ms=AT_MS, compression=c) for n, c in ((2, "none"), (3, "lz4"), (1, "zstd"))]
    return at(0, plain[0]) + at(2, plain[1]) + at(5, spoilt) + at(8, plain[2])


def flipped(made: bytes, place: int) -> bytes:
    return made[:place] + bytes([made[place] ^ 0xFF]) + made[place + 1 :]


SOUND = batch(some(3), at_ms=AT_MS)
LZ4 = batch(some(3), at_ms=AT_MS, compression="lz4")


@pytest.mark.parametrize(
    ("spoilt", "end", "why"),
    [
        # what the CRC does not confirm is not believed: no end
        (flipped(SOUND, 70), None, "its CRC is wrong"),
        (flipped(SOUND, 60), None, "its CRC is wrong"),  # the count
        (flipped(SOUND, 16), None, "its format is 253, which is none that Kafka has"),
        # the length, which makes it longer than all that is there
        (flipped(SOUND, 8), None, "it is longer than what the broker sent of it"),
        # the CRC is right, so the end is as the header says: 5 + 3
        (batch(some(3), at_ms=AT_MS, compression=6), 8, "its codec is 6, which is none that Kafka has"),
        (batch([], at_ms=AT_MS, compression="lz4", payload=b"no", count=3), 8,
         "its lz4 payload cannot be decompressed"),
        (batch([], at_ms=AT_MS, compression="zstd", payload=b"", count=3), 8,
         "its zstd payload cannot be decompressed"),
        (batch([], at_ms=AT_MS, compression="gzip", payload=gzip.compress(b"x", mtime=0)[:-3], count=3), 8,
         "its gzip payload cannot be decompressed"),
        (batch([], at_ms=AT_MS, compression="snappy", payload=b"\x82SNAPPY\0\0\0\0\1\0\0\0\1\0\0\xff\xff", count=3), 8,
         "its snappy payload cannot be decompressed"),
        (batch(some(2), at_ms=AT_MS, count=3), 8, "its records cannot be told apart"),
        (batch(some(4), at_ms=AT_MS, count=3), 8, "it holds more bytes than its records have"),
        (batch([], at_ms=AT_MS, payload=b"\x02\xff", count=3), 8, "its records cannot be told apart"),
    ],
    ids=[
        "payload", "count", "format", "length", "codec", "lz4", "zstd", "gzip", "snappy", "too few records",
        "too many records", "no record",
    ],
)  # fmt: skip
def test_good_batches_come_first_then_the_bad_one_s_range(spoilt: bytes, end: int | None, why: str) -> None:
    data = four(spoilt)
    before, bad = decodable_batches(data, 0, END)
    assert bad is None
    assert [offset for offset, *_ in shown(before)] == [0, 1, 2, 3, 4]
    rest = data[data.index(at(5, spoilt)) :]
    nothing, bad = decodable_batches(rest, 5, END)
    assert nothing == b""
    assert bad == BadBatch(5, end, why, rest[:61])


def test_a_bad_range_starts_at_the_requested_offset() -> None:
    """Half of it was read before it was corrupted: that half was counted."""
    spoilt = at(5, batch(some(3), at_ms=AT_MS, compression=6))
    _, bad = decodable_batches(spoilt, 7, END)
    assert bad is not None
    assert (bad.start, bad.end) == (7, 8)


@pytest.mark.parametrize(
    ("offset", "position", "high_water"),
    [
        (0, 5, END),  # offsets 0 to 2 do not hold 5
        (9, 5, 10),  # 9 to 11 reach beyond the high-water mark
        (-3, 0, END),
    ],
)
def test_a_batch_with_a_wrong_base_offset_is_bad(offset: int, position: int, high_water: int) -> None:
    """The CRC does not cover the base offset: trusted, it would lose or double records."""
    nothing, bad = decodable_batches(at(offset, SOUND), position, high_water)
    assert (nothing, bad and bad.end) == (b"", None)
    assert bad is not None
    assert "and stands at" in bad.why


def test_a_batch_that_overlaps_the_next_one_is_bad() -> None:
    """It is at 5 and says 8, which is the next one's: read so, the next one would be skipped."""
    nothing, bad = decodable_batches(at(8, SOUND) + at(8, LZ4), 5, END)
    assert (nothing, bad and bad.end) == (b"", None)
    assert decodable_batches(at(8, SOUND) + at(11, LZ4), 5, END)[1] is None


def test_a_requested_batch_may_pass_the_high_water_mark() -> None:
    """A broker takes its mark before it reads: what was written between the two is answered too."""
    assert decodable_batches(at(5, SOUND), 5, 5) == (at(5, SOUND), None)
    assert decodable_batches(at(2, SOUND) + at(5, LZ4), 2, 5)[1] is None
    assert len(shown(decodable_batches(at(2, SOUND) + at(5, LZ4), 2, 5)[0])) == 6


def test_a_gap_before_a_batch_is_not_bad() -> None:
    """Compaction and transactions leave holes."""
    assert decodable_batches(at(50, SOUND), 5, END) == (at(50, SOUND), None)


def test_a_batch_cut_off_by_the_response_is_not_bad() -> None:
    whole = at(0, SOUND) + at(3, LZ4)
    for cut in range(len(SOUND) + 1, len(whole)):
        found, bad = decodable_batches(whole[:cut], 0, END)
        assert (len(shown(found)), bad) == (3, None)


def deltas(*of: int) -> bytes:
    """A batch of two offsets, whose records say that they are at these."""
    payload = b"".join(Raw(b"v").bytes(delta) for delta in of)
    return batch([], at_ms=AT_MS, payload=payload, count=len(of), offsets=2)


@pytest.mark.parametrize(
    ("spoilt", "sound"),
    [
        (deltas(0, 1), True),
        (deltas(1), True),  # compacted
        (deltas(), True),  # likewise
        (deltas(-1, 1), False),
        (deltas(0, 2), False),
        (deltas(1, 0), False),
        (deltas(0, 0), False),
    ],
)
def test_records_at_other_offsets_make_a_batch_bad(spoilt: bytes, sound: bool) -> None:
    """The CRC is right, so the range is as the header says."""
    found, bad = decodable_batches(at(5, spoilt), 5, END)
    why = "its records are at other offsets than 5 to 6, or not in order"
    assert (found, bad) == ((at(5, spoilt), None) if sound else (b"", BadBatch(5, 7, why, at(5, spoilt)[:61])))


def test_a_hostile_last_offset_costs_no_memory() -> None:
    """Two records that say that their batch takes two billion offsets."""
    made = batch(some(2), at_ms=AT_MS, offsets=1 << 31)
    tracemalloc.start()
    try:
        assert decodable_batches(made, 0, END) == (made, None)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("codec", CODECS)
def test_header_names_that_are_not_utf8_are_replaced(codec: str) -> None:
    names: list[Header] = [(b"trac\xff", b"1"), (b"", None), (b"\xc3\xa9", b"\xff"), (b"\xf0\x28", b"")]
    long: list[Header] = [(b"\x80" * 300, b"z")]
    records = [Raw(b"one", key=b"\xff", headers=names, after_ms=-5), Raw(b"two"), Raw(None, headers=long)]
    found, bad = decodable_batches(batch(records, at_ms=AT_MS, compression=codec), 0, END)
    assert bad is None
    assert shown(found) == [
        (0, AT_MS - 5, b"\xff", b"one", (("trac�", b"1"), ("", None), ("é", b"\xff"), ("�(", b""))),
        (1, AT_MS, None, b"two", ()),
        (2, AT_MS, None, None, (("�" * 300, b"z"),)),
    ]  # fmt: skip


def test_a_control_batch_is_not_changed() -> None:
    made = bytearray(SOUND)
    struct.pack_into(">h", made, 21, 0x20)
    struct.pack_into(">I", made, 17, right_crc(made))
    assert decodable_batches(bytes(made), 0, END) == (bytes(made), None)


# --- bounded


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_decompression_bomb_is_not_filled_into_memory(monkeypatch: pytest.MonkeyPatch, codec: str) -> None:
    monkeypatch.setattr(batches, "MAX_BYTES", 1 << 20)
    fits, over = (batch([Raw(b"a" * size)], at_ms=AT_MS, compression=codec) for size in (1_000_000, 1_100_000))
    assert [len(v or b"") for v in values(decodable_batches(fits, 0, END)[0])] == [1_000_000]
    _, bad = decodable_batches(over, 0, END)
    assert bad is not None
    assert (bad.end, bad.why) == (1, "it holds over 1 MB decompressed")


def test_large_batches_come_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_BYTES", 1 << 20)
    made = batch([Raw(b"a" * 600_000)], at_ms=AT_MS, compression="zstd")
    data = b"".join(at(n, made) for n in range(3))
    assert [offset for offset, *_ in shown(decodable_batches(data, 0, END)[0])] == [0]
    assert [offset for offset, *_ in shown(decodable_batches(data[len(made) :], 1, END)[0])] == [1]


def test_snappy_is_read_with_and_without_java_s_blocks() -> None:
    payload = b"".join(record.bytes(n) for n, record in enumerate(some(3)))
    raw = batch([], at_ms=AT_MS, compression="snappy", payload=bytes(cramjam.snappy.compress_raw(payload)), count=3)
    assert values(decodable_batches(raw, 0, END)[0]) == values(SOUND)


def test_gzip_is_read_with_several_members_and_trailing_bytes() -> None:
    payload = b"".join(record.bytes(n) for n, record in enumerate(some(3)))
    packed = gzip.compress(payload[:50]) + gzip.compress(payload[50:]) + b"\0\0\0"
    assert values(
        decodable_batches(batch([], at_ms=AT_MS, compression="gzip", payload=packed, count=3), 0, END)[0]
    ) == values(SOUND)


def test_many_gzip_members_cost_as_much_as_their_bytes() -> None:
    """Each copied what was left: 1 MB of empty ones took a second, and blocked the event loop."""
    payload = b"".join(record.bytes(n) for n, record in enumerate(some(3)))
    packed = gzip.compress(b"", mtime=0) * 50_000 + gzip.compress(payload)
    began = time.process_time()
    found, bad = decodable_batches(batch([], at_ms=AT_MS, compression="gzip", payload=packed, count=3), 0, END)
    assert (values(found), bad) == (values(SOUND), None)
    assert time.process_time() - began < 0.5  # it takes 0.1 s


def test_record_count_sums_what_the_headers_say() -> None:
    """A legacy message is one record, and a batch that is cut off none."""
    data = at(0, SOUND) + at(3, batch([], at_ms=AT_MS, compression="zstd", payload=b"", count=2_000_000))
    assert record_count(data) == 2_000_003
    assert record_count(data[:-1]) == 3
    assert record_count(b"") == record_count(data[:5]) == 0


# --- whatever the bytes


def spoil(n: int, codec: str, flips: list[tuple[int, int]], cut: int | None, mended: bool) -> tuple[bytes, bool]:
    made = bytearray(batch(some(n), at_ms=AT_MS, compression=codec))
    for place, byte in flips:
        made[place % len(made)] = byte
    if mended:
        struct.pack_into(">I", made, 17, right_crc(made))
    return bytes(made[:cut]), not flips and cut is None


def spoilt_batches() -> st.SearchStrategy[tuple[bytes, bool]]:
    flips = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4)
    return st.builds(
        spoil, st.integers(1, 4), st.sampled_from(list(CODECS)), flips, st.none() | st.integers(0, 200), st.booleans()
    )


@given(spoilt_batches())
@example(spoil(3, "zstd", [(775, 1)], None, True))  # a right CRC, and its first record one offset before the batch
def test_every_batch_passed_on_can_be_decoded(made: tuple[bytes, bool]) -> None:
    data, sound = made
    found, bad = decodable_batches(data, 0, 100)
    shown(found)  # raises nothing
    assert found == b"" or bad is None
    assert not (sound and bad)
    assert all(0 <= offset < 100 for offset, *_ in shown(found))
