"""docs/how-to/switch.md: its tables are the code's, its snippets are the examples', and each example is named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clients.environments import version_of
from tests.serve.conftest import Start
from tests.serve.test_keys import add
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.wire.http import label_names

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "switch.md").read_text("utf-8")


def table(heading: str) -> dict[str, list[str]]:
    """The first table after a heading: what each row's first cell is, and the names in its second."""
    after = PAGE.partition(f"\n## {heading}")[2]
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", after.partition("\n## ")[0], re.MULTILINE)
    return {name: re.findall(r"`([^`]+)`", labels) for name, labels in rows}


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Perspective", label_names.PERSPECTIVE),
        ("OpenAI's moderations", label_names.OPENAI),
        ("Azure AI Content Safety", label_names.AZURE),
    ],
)
def test_the_tables_are_the_codes(heading: str, names: Mapping[str, tuple[str, ...]]) -> None:
    assert table(heading) == {name: list(labels) for name, labels in names.items()}


def test_every_example_is_named_and_takes_the_url(root: Path) -> None:
    examples = [file for file in (root / "examples").iterdir() if file.is_file()]
    assert len(examples) > 5
    for file in examples:
        assert f"(../../examples/{file.name})" in PAGE
        assert "TIDEGATE_URL" in file.read_text("utf-8")


def test_the_yaml_can_be_read() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) > 4
    assert [block for block in blocks if not isinstance(yaml.safe_load(block), dict)] == []


def test_the_version_that_runs_instead_is_the_locks() -> None:
    assert f"| {version_of('litellm', 'litellm')} |" in PAGE
    assert version_of("npm", "openai").startswith("6.")


async def test_ogxs_request_is_answered_as_it_reads_it(start: Start) -> None:
    """No model, and of each result a boolean `flagged` and an object `categories`: else it fails closed."""
    rig = await start()
    status, body, _ = await rig.post("/v1/moderations", {"input": "toxicity=0.95"})
    assert status == 200
    results: list[dict[str, Any]] = body["results"]
    assert [(type(one["flagged"]), type(one["categories"])) for one in results] == [(bool, dict)]
    assert results[0]["flagged"] is True
    assert json.dumps(results[0]["categories"])


async def test_the_orchestrator_finds_the_detector_healthy(start: Start, tmp_path: Path) -> None:
    """Its probe has no credential; 404 would be `unknown` to it, and a drain's 503 is `not ready`."""
    add(tmp_path / "keys.json", "web", "acme", KeyRight.MODERATE)
    rig = await start(keys_file=tmp_path / "keys.json")
    assert (await rig.get("/docs"))[0] == 401
    status, body, headers = await rig.get("/health")
    assert (status, json.loads(body)) == (200, {"health_status": "READY"})
    assert headers["content-type"] == "application/json"
