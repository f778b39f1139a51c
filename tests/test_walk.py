"""How many rooms the two main walks cross, held against the arrow table of tests/test_arrows.py."""

from __future__ import annotations

from tests.support.scorers import scripted
from tests.support.walk import walking
from tests.test_arrows import ROOMS
from tests.worker.test_pipeline import P, PipelineRig, record_range
from tidegate.streams.core.policy.model import parse
from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.moderation.scoring import Scoring

ORDER = tuple(ROOMS)
LIVE = LivePolicy("1-a", parse({"labels": {"toxicity": {"block": 0.9}}}, "here"))


async def test_a_text_is_judged_in_three_rooms_without_a_climb() -> None:
    scoring = Scoring(1, 5)
    try:
        with walking(ORDER) as walk:
            (found,) = await Moderator(scoring, lambda _: scripted(), live=LIVE).moderate(["toxicity=0.95"])
    finally:
        scoring.close()
    assert found.verdict.action == "block"
    assert set(walk.calls) <= {"moderation", "core", "errors"}
    assert walk.climbs == {}


async def test_a_completion_on_the_worker_crosses_no_more_rooms() -> None:
    """From a batch to its effects: 7 rooms and 3 climbs, as before a text could be judged alone.

    The climbs are small callbacks: the names of scopes, asked of the results one by one, and what metrics are made of.
    Beside them stands one loose file: the retry of `tasks`, which calls what it is given.
    """
    rig = PipelineRig()
    try:
        owned = await rig.own(P)
        with walking(ORDER) as walk:
            await rig.pipeline.process(rig.batch(record_range(owned, 0, 2)))
    finally:
        rig.scoring.close()
    assert await rig.total() == 2
    assert set(walk.calls) - {"tasks"} <= {"core", "ingest", "metrics", "moderation", "store", "wire", "worker"}
    assert len(walk.climbs.keys() - {("tasks", "worker")}) <= 3
