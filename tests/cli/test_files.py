"""Commands about files and tables: schemas, models, topics; and how lines and times are read and shown."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.support.manifests import write_cascade
from tests.support.stacks import Stack
from tidegate.streams.cli.jsonl import chunks
from tidegate.streams.cli.render import clock, span
from tidegate.streams.reference.schemas import generate
from tidegate.streams.topics import TOPICS


def test_schemas_are_written_once_and_checked(offline: Cli, tmp_path: Path) -> None:
    out = tmp_path / "made"
    assert offline("schemas", "--out", str(out), "--check").code == 1
    assert f"{len(generate())} of {len(generate())} files written" in offline("schemas", "--out", str(out)).err
    assert {path.name: path.read_text("utf-8") for path in out.iterdir()} == generate()
    assert "all current" in offline("schemas", "--out", str(out), "--check").err
    (out / "rate.schema.json").write_text("{}")
    stale = offline("schemas", "--out", str(out), "--check")
    assert (stale.code, "rate.schema.json: not as the models are" in stale.err) == (1, True)
    file = tmp_path / "file"
    file.write_text("")
    assert offline("schemas", "--out", str(file)).code == 2


def test_models_shows_the_manifest(offline: Cli, tmp_path: Path) -> None:
    shown = offline("models")
    assert shown.code == 0
    assert "*  cascade-en" in shown.out
    entry = next(model for model in offline("models", "--json").jsonl if model["default"])
    assert {"toxicity", "stereotype"} <= set(entry["labels"])
    broken = offline("models", TIDEGATE_CLASSIFIER_MANIFEST=str(tmp_path / "none.toml"))
    assert (broken.code, "no such file; expected a model manifest" in broken.err) == (2, True)


def test_models_says_what_a_cascade_s_encoder_reads(offline: Cli, tmp_path: Path) -> None:
    manifest = write_cascade(tmp_path, {"toxicity": (0.1, 0.9), "threat": (0.05, 1.0)})
    shown = offline("models", TIDEGATE_CLASSIFIER_MANIFEST=str(manifest))
    assert "*  both" in shown.out
    assert "      again reads what screen-en scores in toxicity [0.1, 0.9), threat [0.05, 1); a test\n" in shown.out


def test_topics_creates_what_is_missing_and_says_so(own_stack: Stack) -> None:
    cli = Cli({**own_stack.env(), "TIDEGATE_PARTITIONS": "2"})
    assert cli("tail", "decisions").code == 3  # no topics yet: run `tidegate topics`
    first = cli("topics", "--json")
    assert (first.code, first.jsonl) == (0, [{"created": [topic.name for topic in TOPICS]}])
    assert cli("topics").out == "every topic exists; nothing created\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"a", [(1, b"a")]),
        (b"a\n", [(1, b"a")]),
        (b"a\r\n\n \nb", [(1, b"a"), (4, b"b")]),
        (b"\n\n", []),
    ],
)
def test_lines_are_numbered_and_blank_ones_left_out(text: bytes, lines: list[tuple[int, bytes]]) -> None:
    """Numbered as editors do."""
    assert [line for chunk in chunks(io.BytesIO(text), lambda n: None) for line in chunk] == lines


def test_a_line_may_span_many_reads() -> None:
    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return super().read1(3)

    text = b"first\nse\n\nthe third line\nlast"
    found = [line for chunk in chunks(Slow(text), lambda n: None) for line in chunk]
    assert found == [(1, b"first"), (2, b"se"), (4, b"the third line"), (5, b"last")]


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (12_000, "12s"), (200_000, "3m 20s"), (7_500_000, "2h 5m"), (90_000_000, "1d 1h"), (-5, "0s")],
)
def test_spans_show_their_two_largest_units(ms: int, text: str) -> None:
    assert span(ms) == text


def test_times_are_utc() -> None:
    assert (clock(1_800_000_000_000), clock(0), clock(None)) == ("2027-01-15 08:00:00Z", "-", "-")
    # a record's timestamp may be anything: none, microseconds, nanoseconds, no unit at all
    found = [clock(at) for at in (-1, -(2**63), 1_800_000_000_000_000, 1_800_000_000_000_000_000, 10**21)]
    assert found == ["-", "-", "2027-01-15 08:00:00Z", "2027-01-15 08:00:00Z", "-"]
