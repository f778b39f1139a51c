"""Policies of any content: as the schema allows, or refused with a place for every problem; and the log's fold."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tests.fuzz.hostile import as_json, mutated, values
from tests.fuzz.policies import FULL, FULL_TOML, KEYS, changes
from tests.fuzz.profile import fuzzed
from tidegate.streams.core.policy.log import WHY_LENGTH, ChangeVerdict, Folded, PolicyLog, fold
from tidegate.streams.core.policy.model import Policy, PolicyError, digest, parse
from tidegate.streams.core.policy.snapshot import PolicySnapshot, from_json, to_json
from tidegate.streams.policy_log.file import read_policy

ROOT = Path(__file__).parents[2]
SCHEMA = Draft7Validator(json.loads((ROOT / "schemas" / "policy.schema.json").read_text()))
MINIMAL = {"labels": {}}

PIECES = (  # of TOML
    *("[", "]", "[[", "=", ".", "{", ",", "#", "inf", "nan", "1979-05-27", "07:32:00", '"', '"""', "\n", "\x00"),
    *("9" * 5000, "0x", "0x" + "f" * 5000, "1e400", "\\ud800", "[a]\n" * 3, "[" * 2000),
)
documents = mutated([FULL, MINIMAL], KEYS)


def assert_located(where: str, error: PolicyError) -> None:
    """Fails unless each line of the error has a place and a problem."""
    lines = str(error).split("\n")
    assert lines
    for line in lines:
        assert line.startswith(f"{where}: "), error
        assert re.search(r": \S", line), error


def test_the_full_one_is_valid() -> None:
    assert SCHEMA.is_valid(FULL)
    parse(FULL, "p")


@fuzzed(300)
@given(st.one_of(documents, values))
def test_a_policy_is_valid_by_its_schema_or_refused(found: Any) -> None:
    """Every problem has a place."""
    try:
        policy = parse(found, "p")
    except PolicyError as error:
        assert_located("p", error)
        return
    # TOML and the log omit what is not set.
    SCHEMA.validate(_without_null(found))
    again = policy.model_dump(mode="json", exclude_none=True)
    SCHEMA.validate(again)
    assert digest(parse(again, "p")) == digest(policy)


def _without_null(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _without_null(value) for key, value in found.items() if value is not None}
    return [_without_null(value) for value in found] if isinstance(found, list) else found


@st.composite
def toml(draw: st.DrawFn) -> bytes:
    """A file: any bytes, or a policy's text with random pieces of TOML inserted."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=80))
    if draw(st.booleans()):
        document = _writable(draw(documents))
        text = tomlkit.dumps(document) if isinstance(document, dict) else str(document)
    else:
        text = FULL_TOML
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        inserted = draw(st.sampled_from(PIECES))
        text = text[:at] + inserted + text[at + draw(st.integers(0, 6)) :]
    return text.encode("utf-8", "surrogatepass")


def _writable(found: Any) -> Any:
    """The document without what TOML cannot express."""
    if isinstance(found, dict):
        return {key.encode("utf-8", "replace").decode(): _writable(v) for key, v in found.items() if v is not None}
    if isinstance(found, list):
        return [_writable(v) for v in found if v is not None]
    return found.encode("utf-8", "replace").decode() if isinstance(found, str) else found


@fuzzed(200)
@given(toml())
def test_a_file_is_a_policy_or_refused(content: bytes) -> None:
    """Every problem has a place."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "p.toml"
        file.write_bytes(content)
        try:
            assert isinstance(read_policy(file), Policy)
        except PolicyError as error:
            assert_located(str(file), error)


# --- the log


@st.composite
def logs(draw: st.DrawFn) -> list[bytes | None]:
    """Records as a log may hold them: valid ones whose parents fit, corrupted ones, and bytes that are no record."""
    log, found = PolicyLog(), list[bytes | None]()
    for offset in range(draw(st.integers(1, 8))):
        kind = draw(st.integers(0, 5))
        if kind == 0:
            value = draw(st.one_of(st.none(), st.binary(max_size=40)))
        else:
            change = draw(mutated(changes(), KEYS)) if kind < 3 else dict(draw(st.sampled_from(changes())))
            if isinstance(change, dict) and draw(st.integers(0, 3)):
                parent = log.shadow if change.get("kind") == "shadow" else log.live
                change["parent"] = parent.version if parent else None
            if kind > 3 and isinstance(change.get("policy"), dict):
                change["policy"] = change["policy"] | {"resend_s": 1 + draw(st.integers(0, 50))}
            value = draw(as_json(st.just(change))) if kind < 3 else json.dumps(change).encode()
        found.append(value)
        log = fold(log, offset, value).log
    return found


@fuzzed(200)
@given(logs(), st.lists(st.integers(0, 8), max_size=3))
def test_the_fold_of_a_log_is_the_same_however_it_is_cut(records: Sequence[bytes | None], cuts: Sequence[int]) -> None:
    """It never raises."""
    folded_at_once = PolicyLog()
    for offset, value in enumerate(records):
        folded = fold(folded_at_once, offset, value)
        assert_fold(folded_at_once, folded)
        folded_at_once = folded.log
    # Stored as text at each cut and folded on from there, as a restarted reader does.
    snapshot = PolicySnapshot()
    for start, end in pairwise(sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})):
        for offset in range(start, end):
            snapshot = snapshot.with_record(fold(snapshot.log, offset, records[offset]).log, records[offset])
        snapshot = from_json(to_json(snapshot))
    assert snapshot.log == folded_at_once


def assert_fold(before: PolicyLog, folded: Folded) -> None:
    """Fails unless a refused record changes only the next offset, and its reason is one line."""
    log, verdict, why = folded
    assert log.next == before.next + 1
    if verdict in (ChangeVerdict.LOST, ChangeVerdict.INVALID):
        assert why.startswith(f"policies@{before.next}: ")
        assert "\n" not in why
        assert len(why) <= WHY_LENGTH
        assert (log.live, log.silences) == (before.live, before.silences)
    else:
        assert not why
    if log.live is not None:
        SCHEMA.validate(log.live.policy.model_dump(mode="json", exclude_none=True))
