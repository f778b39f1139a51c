"""What is installed: its version, and the policy file in it."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import tidegate

DEFAULT_POLICY = Path(tidegate.__file__).with_name("policy.toml")


@cache
def release() -> str:
    """Tidegate's version, as 0.1.0."""
    return version("tidegate")


def python() -> str:
    """Python's version, as 3.12.4."""
    return sys.version.partition(" ")[0]


def describe_policy_file(policy: Path) -> str:
    """Returns the file's path, and says so where it is the one that Tidegate carries."""
    return f"{policy} (the one that Tidegate carries)" if policy == DEFAULT_POLICY else str(policy)
