"""`python -m bench [NAME]`, all of them by default: prints the results and appends them to results.csv."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from bench.results import FOLDER, Results, machine

BY_NAME_ONLY = ("kafka", "profile")  # run only when named: one needs Java, the other is for a developer


def _benchmarks() -> dict[str, Callable[[Results], None]]:
    from bench import classifiers, kafka, latency, policy, profile, ruler, serve, taken, what_if, worker

    return {
        "classifiers": classifiers.run,
        "worker": worker.run,
        "latency": latency.run,
        "serve": serve.run,
        "ruler": ruler.run,
        "policy": policy.run,
        "what_if": what_if.run,
        "taken": taken.run,
        "kafka": kafka.run,
        "profile": profile.run,
    }


def main() -> None:
    benchmarks = _benchmarks()
    parser = argparse.ArgumentParser(prog="python -m bench", description="What an event costs (some minutes).")
    parser.add_argument(
        "what", nargs="?", default="all", choices=["all", *benchmarks], help="default: all but kafka and profile"
    )
    parser.add_argument("--results", type=Path, default=FOLDER / "results.csv", help="appended to")
    arguments = parser.parse_args()
    results = Results(arguments.results)
    print(f"{results.commit} on {machine()}")
    for name, run in benchmarks.items():
        if arguments.what == name or (arguments.what == "all" and name not in BY_NAME_ONLY):
            print(f"{name}: {(run.__doc__ or '').splitlines()[0]}")
            run(results)
    results.save()


if __name__ == "__main__":
    main()
