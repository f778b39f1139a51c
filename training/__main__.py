"""`python -m training --data DIR --out DIR [--recipe FILE]`: train, export, measure, register."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from training.recipe import read_recipe
from training.run import Sources, train

RECIPE = Path(__file__).parent / "recipes" / "cascade-en.toml"


def main() -> int:
    """Exit status: 0 when the model is written and measured."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of <set>.jsonl.gz (training/label_map.py)")
    parser.add_argument("--out", type=Path, required=True, help="gets models.toml and models/<name>/")
    parser.add_argument("--results", type=Path, help="gets <name>.json, all figures (default: OUT/results)")
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="default: %(default)s")
    parser.add_argument("--slice", type=int, metavar="N", help="at most N texts of a set and split: a quick run")
    parser.add_argument("--until", choices=["lessons"], help="stop there: an accelerator elsewhere does the teaching")
    parser.add_argument("--taught", type=Path, metavar="DIR", help="lessons and what `python -m training.encoder` made")
    parser.add_argument("--teacher", type=Path, metavar="DIR", help="all-mpnet-base-v2: config.json, model.safetensors")
    parser.add_argument("--encoder-from", type=Path, metavar="MANIFEST", help="take its encoder as it is: no torch")
    parser.add_argument(
        "--parts-from", type=Path, metavar="MANIFEST", help="take its screen as well: bands and figures"
    )
    options = parser.parse_args()
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {line}", file=sys.stderr, flush=True)

    train(
        data=options.data,
        out=options.out,
        results=options.results or options.out / "results",
        recipe=read_recipe(options.recipe),
        slice_rows=options.slice,
        sources=Sources(
            only_lessons=options.until == "lessons",
            taught=options.taught,
            teacher=options.teacher,
            encoder=options.encoder_from,
            parts=options.parts_from,
        ),
        tell=tell,
    )
    tell("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
