"""The number of examples: `ci` runs seconds a property with the same examples, `long` minutes with new ones.

`HYPOTHESIS_PROFILE=long` chooses the long one (`make fuzz`); what it finds becomes a test by its side.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("HYPOTHESIS_PROFILE", "ci") == "long"
TIMES = 40  # as many examples in the long profile


def fuzzed(examples: int, *, steps: int | None = None) -> settings:
    """examples: in `ci`. steps: of one example, where it is a sequence of calls."""
    return settings(
        max_examples=examples * (TIMES if LONG else 1),
        stateful_step_count=steps or settings.default.stateful_step_count,
        deadline=None,  # the machine may be busy
        derandomize=not LONG,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )
