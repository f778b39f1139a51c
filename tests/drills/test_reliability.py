"""docs/reliability.md and the drills: each drill has its row, each row its drill; a missing report is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.clients.environments import version_of
from tests.clients.report import clients_of
from tests.drills.fleet import ROOT
from tests.drills.reliability import FAULTS, PAGE, Drill, find_drills, keep_sections, render_page, rows_of

DESIGN = (ROOT / "docs" / "design.md").read_text("utf-8")
REPORT = {
    "drill": "killed", "title": "a kill", "servers": "real", "seed": 7, "did": "one of two | killed", "sent": 1200,
    "decided": 1198, "faults": 1, "dead_letters": 1, "duplicates": 40, "recovered_s": 9.25, "alert": "fired once",
    "took_s": 44.0,
}  # fmt: skip
SOAK = {
    **REPORT, "commit": "1a2b", "minutes": 20, "load_per_s": 1882, "wrong": [],
    "rss_mb": {"first": 212.1, "last": 254.6},
    "drills": [{"drill": "worker killed"}, {"drill": "burst"}, {"drill": "worker killed"}],
    "grew": {"worker w1": 0.0298, "redis per bucket": None},
}  # fmt: skip

CLIENTS = {
    "commit": "3c4d", "when": "2026-11-27", "machine": "a machine",
    "clients": [{"client": "openai", "npm": True, "version": "6.49.0", "what": "`POST /v1/moderations`",
                 "file": "tests/clients/test_openai.py", "passed": 6, "failed": 1}],
}  # fmt: skip


def test_every_fault_drill_has_its_row_and_every_row_its_drill() -> None:
    expected = {drill.name: f"../{drill.file.relative_to(ROOT).as_posix()}" for drill in find_drills()}
    assert rows_of(PAGE.read_text("utf-8")) == expected, "run `python -m tests.drills.reliability` and commit the page"


def test_no_two_drills_have_one_name() -> None:
    names = [drill.name for drill in find_drills()]
    assert len(names) == len(set(names))
    assert len(names) > 10


def test_every_drill_is_of_a_group() -> None:
    assert [drill.file.name for drill in find_drills() if drill.group == "Others"] == []


def test_a_report_is_a_row_and_a_missing_one_is_named(tmp_path: Path) -> None:
    found = [Drill("killed", FAULTS / "test_workers.py", None), Drill("gone", FAULTS / "test_brokers.py", "real")]
    for servers in ("real", "embedded"):
        (tmp_path / servers).mkdir()
        (tmp_path / servers / "killed.json").write_text(json.dumps({**REPORT, "servers": servers}))
    page, missing = render_page(found, tmp_path)
    row = "| [`killed`](../tests/drills/faults/test_workers.py) | one of two \\| killed | 1,200 | 1,198 | 1 | 1 | 40 |"
    assert f"{row} 9.2 s | fired once | 7 |" in page
    assert "| [`gone`](../tests/drills/faults/test_brokers.py) | **no report** |" in page
    assert rows_of(page) == {
        "killed": "../tests/drills/faults/test_workers.py", "gone": "../tests/drills/faults/test_brokers.py"
    }  # fmt: skip
    assert missing == [
        "gone: no report in build/drills",
        "mutations: no build/drills/mutations.json",
        "soak: no report of one that passed in build/drills; `make soak` makes it",
        "clients: no build/drills/clients.json; `make test-clients` makes it",
    ]
    (tmp_path / "embedded" / "killed.json").unlink()
    assert "killed: no report of the embedded stack" in render_page(found, tmp_path)[1]


def test_a_run_that_was_not_made_again_keeps_its_section(tmp_path: Path) -> None:
    """It says when it was measured; a section whose report is there is new."""
    before = "# R\n\nMeasured 2026-01-01 (UTC) at 1a.\n\n## Made to fail\n\nold rows\n\n## Others\n\nold\n"
    page, missing = render_page([], tmp_path)
    kept = keep_sections(page, before, missing)
    assert "## Made to fail\n\nMeasured 2026-01-01 (UTC) at 1a.\n\nold rows\n" in kept
    assert "## Others" not in kept
    again = keep_sections(page, kept, missing)
    assert "## Made to fail\n\nMeasured 2026-01-01 (UTC) at 1a.\n\nold rows\n" in again  # not dated twice
    (tmp_path / "mutations.json").write_text("[]")
    page, missing = render_page([], tmp_path)
    assert "old rows" not in keep_sections(page, kept, missing)


def test_a_mutation_is_a_row(tmp_path: Path) -> None:
    mutation = {
        "mutation": "checkpoint check removed",
        "changed": "a.lua:3",
        "drill": "killed",
        "caught": True,
        "message": "x|y",
    }
    (tmp_path / "mutations.json").write_text(json.dumps([mutation]))
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "soak.json").write_text(json.dumps(SOAK))
    (tmp_path / "clients.json").write_text(json.dumps(CLIENTS))
    page, missing = render_page([], tmp_path)
    assert "at 1a2b, on " in page
    assert "- 20 minutes at 1,882 completions a second, seed 7: 1,200 sent =\n  1,198 decided + 1 faults" in page
    assert (
        "- 3 troubles: worker killed (2), burst.\n  The longest was over after 9.2 s. The alert fired once.\n" in page
    )
    assert "took 212 MB at first and 255 MB at the end; in the second half\n  worker w1 +3.0%.\n" in page
    assert "| checkpoint check removed | `a.lua:3` | `killed` | yes | x\\|y |" in page
    assert "Run 2026-11-27 (UTC) at 3c4d, on a machine." in page
    assert "| [openai (npm)](../tests/clients/test_openai.py) | 6.49.0 | `POST /v1/moderations` | 6 of 7 |" in page
    assert missing == []


def test_every_client_has_its_row_with_the_locks_version() -> None:
    page = PAGE.read_text("utf-8")
    files = sorted((ROOT / "tests" / "clients").glob("test_*.py"))
    named = [(file.name, *client) for file in files for client in clients_of(file)]
    assert len(named) > 5
    for file, environment, package, what in named:
        name = f"{package} (npm)" if environment == "npm" else package
        row = f"| [{name}](../tests/clients/{file}) | {version_of(environment, package)} | {what} |"
        assert row in page, "run `make test-clients`, `python -m tests.clients.report`, and commit the page"


def test_a_drill_may_be_named_by_a_parameter(tmp_path: Path) -> None:
    (tmp_path / "test_new.py").write_text(
        '@pytest.mark.parametrize(("drill", "lose"), [("one", lose_one), ("other", lose_other)])\n'
        "async def test_it(own_real, drill, lose):\n    async with scene(own_real, path, drill, title): ...\n"
    )
    assert [(drill.name, drill.real_only) for drill in find_drills(tmp_path)] == [("one", True), ("other", True)]


@pytest.mark.parametrize(
    "call", ['scene(stack, path, name, "title")', 'Report(name, "title", "real", 1)', "scene(stack, path)", "account()"]
)
def test_a_drill_that_hides_its_name_is_refused(tmp_path: Path, call: str) -> None:
    (tmp_path / "test_new.py").write_text(f"async def test_it(own_stack):\n    {call}\n")
    with pytest.raises(ValueError, match="test_it: expected a literal drill name"):
        find_drills(tmp_path)


def test_every_guarantee_links_to_a_test() -> None:
    table = DESIGN.partition("| | guarantee | proved by |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("|") and "---" not in line and line.strip("| ")]
    assert len(rows) >= 10
    for row in rows:
        proofs = re.findall(r"\]\(\.\./(tests/[\w./]+)\)", row)
        assert proofs, f"no proof: {row}"
        assert [proof for proof in proofs if not (ROOT / proof).exists()] == []
