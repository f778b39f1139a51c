"""The way of a change of the policy through the rooms: short, and downwards."""

from __future__ import annotations

from tests.cli.conftest import WHY, Cli
from tests.support.walk import walking
from tests.test_arrows import ROOMS


def test_policy_set_crosses_few_rooms_and_never_climbs(ruled: Cli) -> None:
    """At most 8, from the command down. What is called upwards is what the command hands down: its progress bar."""
    cli = ruled.unpinned
    cli("policy", "set", "resend_s", "31", *WHY)  # imports are done once
    with walking(tuple(ROOMS)) as walk:
        assert cli("policy", "set", "labels.toxicity.block", "0.99", *WHY).code == 0
    assert len(walk.calls) <= 8, walk.calls
    assert walk.climbs == {("operations", "cli"): {"progress"}}
