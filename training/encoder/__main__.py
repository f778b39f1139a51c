"""`python -m training.encoder FOLDER`: the part of a run that wants an accelerator, wherever that is.

FOLDER holds lessons.npz and courses.json, as `python -m training --until lessons` leaves them in OUT/encoder; it gets
the teacher, its word, and the encoders. Needs torch and numpy alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from training.encoder.teach import teach
from training.label_rows import LABELS


def main() -> int:
    """Exit status: 0 when all is taught."""
    parser = argparse.ArgumentParser(prog="python -m training.encoder", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--teacher", type=Path, required=True, help="all-mpnet-base-v2: a folder, or a packed file")
    parser.add_argument("--encoder", type=Path, required=True, help="all-MiniLM-L6-v2: likewise")
    options = parser.parse_args()
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {line}", file=sys.stderr, flush=True)

    starts = {"teacher": options.teacher, "encoder": options.encoder}
    took = teach(options.folder, starts, len(LABELS), tell)
    (options.folder / "took.json").write_text(json.dumps(took, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
