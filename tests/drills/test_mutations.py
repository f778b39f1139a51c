"""Every mutation fits the code as it is. Whether drills catch them: `python -m tests.drills.mutations`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.mutations import MUTATIONS, ROOT, Mutation, TextChange, TextNotFound, apply, read_result

PASSED, ERROR = "<testsuite><testcase/></testsuite>", "<testsuite><testcase><error message='x'/></testcase></testsuite>"
FAILED = '<testsuite><testcase><failure message="{}"/></testcase></testsuite>'


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.partition(":")[0])
def test_its_text_is_in_the_code_once_and_its_drill_exists(mutation: Mutation) -> None:
    for change in mutation.changes:
        assert (ROOT / change.file).read_text().count(change.old) == 1, change
    file, _, drill = mutation.drill.partition("::")
    assert f"async def {drill}(" in (ROOT / file).read_text()


def test_a_change_is_written_to_the_copy_and_returns_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\nthree\n")
    assert apply(TextChange("a.py", "two\n", ""), tmp_path) == "a.py:2"
    assert (tmp_path / "a.py").read_text() == "one\nthree\n"


@pytest.mark.parametrize("text", ["", "two two"])
def test_a_text_that_is_not_there_once_raises(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_text(text)
    with pytest.raises(TextNotFound, match=r"a\.py: \d times 'two'; expected once; the mutation was not run"):
        apply(TextChange("a.py", "two", ""), tmp_path)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (FAILED.format("AssertionError: lost 4, unknown 0&#10;assert 1"), (True, "lost 4, unknown 0")),
        (FAILED.format("Failed: Timeout"), (False, "Failed: Timeout")),  # it hung: no assertion failed
        (FAILED.format("AssertionError: the drill proved nothing"), (False, "the drill proved nothing")),
        (PASSED, (False, "passed")),
        (ERROR, (False, "the drill could not begin")),
    ],
)  # fmt: skip
def test_only_an_account_that_does_not_close_catches(tmp_path: Path, results: str, expected: tuple[bool, str]) -> None:
    (tmp_path / "results.xml").write_text(results)
    assert read_result(tmp_path / "results.xml", "") == expected


def test_a_drill_that_did_not_run_catches_nothing(tmp_path: Path) -> None:
    assert read_result(tmp_path / "results.xml", "no such test") == (False, "the drill did not run: no such test")
