"""`python -m training.evaluate --data DIR`: measures the default model of a manifest and writes its card."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tidegate.classifiers import DEFAULT_MANIFEST
from training.evaluate.account import evaluate
from training.evaluate.board import load_models
from training.evaluate.card import render
from training.evaluate.compare import differences
from training.evaluate.material import gather
from training.evaluate.plots import draw
from training.recipe import read_recipe

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "training" / "recipes" / "cascade-en.toml"
ROWS = 600  # of a set; about ten minutes on two cores


def main() -> int:
    """Exit status: 0 when all is written, or under --check when nothing differs; 1 when something does."""
    parser = _parser()
    options = parser.parse_args()
    if not (options.data or options.render):
        parser.error("--data is needed, but with --render")
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {line}", file=sys.stderr, flush=True)

    if options.render:
        _write(json.loads(options.results.read_text("utf-8")), options.out, tell)
        return 0
    old = json.loads(options.results.read_text("utf-8")) if options.check else None
    rows = options.rows or (old["settings"]["rows"] if old else ROWS)
    models = load_models(options.manifest, options.fp32)
    recipe = read_recipe(options.recipe)
    account = evaluate(gather(options.data, recipe, rows), recipe, models, rows, tell)
    if old is not None:
        return _check(old, account, options.out, tell)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(account, indent=1) + "\n", "utf-8")
    _write(account, options.out, tell)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, help="directory of <set>.jsonl.gz (training/label_map.py)")
    parser.add_argument("--manifest", type=Path, default=DEFAULT_MANIFEST, help="default: the package's own")
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="how the models were trained: its seed and caps")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "models.md", help="default: docs/models.md")
    parser.add_argument(
        "--results",
        type=Path,
        default=ROOT / "training" / "results" / "evaluation.json",
        help="all the numbers (default: training/results/evaluation.json)",
    )
    parser.add_argument("--rows", type=int, metavar="N", help=f"at most N texts of a set (default: {ROWS})")
    parser.add_argument("--fp32", type=Path, help="the encoder before quantisation, an .onnx with the same inputs")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="write nothing; compare with the numbers there are")
    what.add_argument("--render", action="store_true", help="measure nothing; write the card of the numbers there are")
    return parser


def _write(account: dict[str, Any], out: Path, tell: Any) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render(account), "utf-8")
    drawn = draw(account, out.parent / "models")
    tell(f"wrote {out} and {', '.join(file.name for file in drawn)}")


def _check(old: dict[str, Any], new: dict[str, Any], out: Path, tell: Any) -> int:
    found = differences(old, new)
    if render(old) != (out.read_text("utf-8") if out.is_file() else None):
        found.append(f"{out}: not what the numbers give; run with --render")
    for line in found:
        tell(line)
    tell(f"{len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
