"""Files of any bytes to the command line: the exit codes of its help, lines on standard error, never a traceback."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import TWIN, Cli, cli, lives, module_stack, offline, stack  # noqa: F401
from tests.fuzz.forms import COMPLETIONS, FEEDBACKS, KEYS
from tests.fuzz.hostile import as_json, mutated
from tests.fuzz.profile import fuzzed
from tests.fuzz.test_policy import toml

lines = st.lists(
    st.one_of(st.binary(max_size=40), as_json(mutated(COMPLETIONS, KEYS)), as_json(mutated(FEEDBACKS, KEYS))),
    max_size=5,
).flatmap(lambda found: st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\r"]).map(lambda end: end.join(found)))


@fuzzed(15)
@given(toml())
def test_policy_check_reads_any_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "p.toml"
        file.write_bytes(content)
        ran = Cli(TWIN, golden=False)("policy", "check", str(file))  # raises what is no exit
    assert ran.code in (0, 2), ran
    assert (ran.code == 0) == (not ran.err.startswith(str(file))), ran


@fuzzed(15)
@given(lines)
def test_score_reads_any_bytes(content: bytes) -> None:
    ran = Cli(TWIN, golden=False)("score", "-", stdin=content)
    assert ran.code in (0, 1), ran
    assert (ran.code == 0) == ("not scored" not in ran.err), ran
    assert all(found["action"] for found in ran.jsonl)


@fuzzed(5)
@given(lines, st.sampled_from(["completions", "feedback"]))
def test_send_sends_any_bytes(module_stack: object, content: bytes, topic: str) -> None:  # noqa: F811
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines"
        file.write_bytes(content)
        ran = Cli({**module_stack.env(), **TWIN}, golden=False)("send", str(file), "--topic", topic)  # type: ignore[attr-defined]
    assert ran.code == 0, ran
    assert "sent to" in ran.err, ran


@pytest.mark.parametrize("args", [("score", "{}"), ("send", "{}"), ("policy", "check", "{}")])
def test_a_folder_is_no_file(args: tuple[str, ...], tmp_path: Path) -> None:
    assert Cli(TWIN, golden=False)(*(arg.format(tmp_path) for arg in args)).code == 2
