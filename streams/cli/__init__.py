"""The command line: `tidegate …`, or `python -m streams …`.

Every command is a thin hand onto `streams/`: it reads settings, calls, and shows. Whatever is heavy (Faust, Kafka,
ONNX) is imported by the command that needs it, so that `tidegate --help` answers at once.
"""

from __future__ import annotations

from streams.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """The entry point. Ends the process: 0 done, 1 some refused, 2 wrong settings or usage, 3 a dependency is away."""
    app(prog_name="tidegate")
