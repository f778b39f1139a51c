"""Reads policy.toml, with errors that name the file and the key."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tidegate.streams.core.policy.model import Policy, PolicyError, parse


def read_policy(path: Path) -> Policy:
    """Returns the policy in a TOML file. Raises PolicyError."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}; expected a policy file") from None
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path}: not UTF-8 at byte {error.start}; expected a TOML file in UTF-8") from None
    except RecursionError:
        raise PolicyError(f"{path}: not TOML: tables or lists nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, or a number longer than Python reads
        raise PolicyError(f"{path}: not TOML: {error}") from None
    return parse(data, str(path))
