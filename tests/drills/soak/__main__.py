"""`python -m tests.drills.soak`: minutes of traffic at 70% of the capacity of two workers, a fault every minute.

Exit code: 0 memory is flat, no lag is left, the account is exact; 1 not so, and lines say what; 2 a server is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.drills.fleet import fleet, make_topics
from tests.drills.soak.report import SoakReport, say, write_report
from tests.drills.soak.run import POLICY, Soak
from tests.drills.soak.traffic import TrafficProducer
from tests.drills.soak.troubles import Networks, Troubles, networks
from tests.drills.soak.watch import Watch
from tests.real.needed import find_missing, format_missing
from tests.real.stack import Real
from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack

PARTITIONS = 6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="all in all, the first of which measures (20)")
    parser.add_argument("--servers", choices=["embedded", "real"], default="real", help="real: Apache Kafka and Redis")
    parser.add_argument("--seed", type=int, help="of the drills' order; printed")
    arguments = parser.parse_args()
    if arguments.servers == "real" and (missing := find_missing()):
        sys.stderr.write(format_missing(missing) + "\n")
        return 2
    seed = int(time.time()) if arguments.seed is None else arguments.seed
    report = SoakReport("soak", "a soak with a drill every minute", arguments.servers, seed, minutes=arguments.minutes)
    report.did = "two workers at 70% of what they can do; every minute one thing broken and mended"
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # errors that our producer retries are part of the drill
    say(f"soak: {arguments.minutes:g} minutes on {arguments.servers} servers, seed {seed}")
    with contextlib.ExitStack() as held:
        before_broker = held.enter_context(Proxy())
        stack: Stack
        if arguments.servers == "real":
            stack = held.enter_context(Real())
        else:
            stack = held.enter_context(EmbeddedStack(appendonly=True, advertised=before_broker.address))
        between = held.enter_context(networks(stack, before_broker))
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-soak-")))
        asyncio.run(_soak(stack, between, folder, report))
    say(f"report: {write_report(report)}")
    for wrong in report.wrong:
        say(f"WRONG: {wrong}")
    say("passed" if not report.wrong else "failed")
    return 1 if report.wrong else 0


async def _soak(stack: Stack, between: Networks, folder: Path, report: SoakReport) -> None:
    rng = random.Random(report.seed)
    await make_topics(stack.kafka, PARTITIONS)
    env = {**stack.env(), **between.env()}
    default_classifier = ""  # the classifier that Tidegate carries: the traffic has texts that it blocks
    with fleet(folder, env, policy=POLICY, score_timeout_s="30", classifier=default_classifier) as workers:
        workers.start()
        workers.start()
        await workers.joined(120)
        traffic = TrafficProducer(stack.kafka, rng)
        watch = Watch(stack, workers, PARTITIONS)
        troubles = Troubles(stack, workers, traffic, between, {**os.environ, **env}, rng)
        await Soak(workers, watch, traffic, troubles, report).run()
        if report.wrong:
            path = write_report(report).with_suffix(".log")
            path.write_text(workers.logs())
            say(f"the workers' logs: {path}")


if __name__ == "__main__":
    sys.exit(main())
