"""Which commit a run was made at."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit_of(checkout: Path) -> str:
    """The checkout's commit, with "+" where its code differs from it; "unknown" outside a checkout."""
    try:
        head = _git(checkout, "rev-parse", "--short=12", "HEAD")
        changed = _git(checkout, "status", "--porcelain", "--", "*.py", "*.toml")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(checkout: Path, *words: str) -> str:
    told = subprocess.run(["git", *words], cwd=checkout, capture_output=True, text=True, check=True)  # noqa: S603, S607
    return told.stdout.strip()
