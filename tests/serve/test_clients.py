"""The examples of docs/how-to/serve.md, by the real client where it is installed, else by a stand-in."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sys
import urllib.request
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.serve.conftest import Start


class WireClient:
    """OpenAI's client as it is seen on the wire: path, headers and body as openai-python 3.57.0 sends them."""

    def __init__(self, *, base_url: str, api_key: str) -> None:
        self._url, self._key = f"{base_url}/moderations", api_key
        self.moderations = SimpleNamespace(create=self._create)

    def _create(self, **body: Any) -> Any:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self._key}",
            "User-Agent": "OpenAI/Python 3.57.0",
            "x-stainless-lang": "python",
            "x-stainless-retry-count": "0",
        }
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.loads(answer.read(), object_hook=lambda found: SimpleNamespace(**found))


async def test_openais_example_flags_the_text(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text's score stands in it, since no model runs here."""
    if importlib.util.find_spec("openai") is None:
        stand_in = ModuleType("openai")
        stand_in.OpenAI = WireClient  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "openai", stand_in)
    rig = await start()
    (program,) = re.findall(r"```python\n(.*?)```", (root / "docs/how-to/serve.md").read_text(), re.DOTALL)
    program = program.replace(":8080", f":{rig.process.port}").replace("worthless idiot", "toxicity=0.95")
    await asyncio.to_thread(exec, program, {})
    assert capsys.readouterr().out == "True\n"
