"""`python -m tests.drills.soak`: minutes of traffic at 70% of what two workers can, something broken every minute.

Exit code: 0 memory flat, no lag left, the account exact; 1 not so: the lines say what, 2 no servers here.
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
from tests.drills.soak.report import SoakReport, keep, say
from tests.drills.soak.run import POLICY, Soak
from tests.drills.soak.traffic import Traffic
from tests.drills.soak.troubles import Networks, Troubles, networks
from tests.drills.soak.watch import Watch
from tests.real.needed import lacking, said
from tests.real.stack import Real
from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack

PARTITIONS = 6


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.drills.soak", description=__doc__)
    asked.add_argument("--minutes", type=float, default=20, help="all in all, the first of which measures (20)")
    asked.add_argument("--servers", choices=["embedded", "real"], default="real", help="real: Apache Kafka and Redis")
    asked.add_argument("--seed", type=int, help="of the drills' order; printed")
    given = asked.parse_args()
    if given.servers == "real" and (lacks := lacking()):
        sys.stderr.write(said(lacks) + "\n")
        return 2
    seed = int(time.time()) if given.seed is None else given.seed
    report = SoakReport("soak", "a soak with a drill every minute", given.servers, seed, minutes=given.minutes)
    report.did = "two workers at 70% of what they can do; every minute one thing broken and mended"
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what our producer meets and retries is the drill
    say(f"soak: {given.minutes:g} minutes on {given.servers} servers, seed {seed}")
    with contextlib.ExitStack() as held:
        before_broker = held.enter_context(Proxy())
        stack: Stack
        if given.servers == "real":
            stack = held.enter_context(Real())
        else:
            stack = held.enter_context(EmbeddedStack(appendonly=True, advertised=before_broker.address))
        between = held.enter_context(networks(stack, before_broker))
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-soak-")))
        asyncio.run(_soak(stack, between, folder, report))
    say(f"report: {keep(report)}")
    for wrong in report.wrong:
        say(f"WRONG: {wrong}")
    say("passed" if not report.wrong else "failed")
    return 1 if report.wrong else 0


async def _soak(stack: Stack, between: Networks, folder: Path, report: SoakReport) -> None:
    rng = random.Random(report.seed)
    await make_topics(stack.kafka, PARTITIONS)
    env = {**stack.env(), **between.env()}
    carried = ""  # the classifier that Tidegate carries: what a drill's own would block is another text
    with fleet(folder, env, policy=POLICY, score_timeout_s="30", classifier=carried) as workers:
        workers.start()
        workers.start()
        await workers.joined(120)
        traffic = Traffic(stack.kafka, rng)
        watch = Watch(stack, workers, PARTITIONS)
        troubles = Troubles(stack, workers, traffic, between, {**os.environ, **env}, rng)
        await Soak(workers, watch, traffic, troubles, report).run()
        if report.wrong:
            kept = keep(report).with_suffix(".log")
            kept.write_text(workers.logs())
            say(f"the workers' logs: {kept}")


if __name__ == "__main__":
    sys.exit(main())
