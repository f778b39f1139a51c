"""Whether every key in Redis has the time to live that `streams/store/keys.py` states for it."""

from __future__ import annotations

from redis import Redis

from tidegate.streams.core.policy.resolved import LivePolicy
from tidegate.streams.core.rates.rates import keep_ms
from tidegate.streams.core.strikes import negligible_in_ms, terms
from tidegate.streams.store.keys import LONGEST_KEPT_MS, LONGEST_STRIKES_MS, Keys, longest_ms, parse_strikes_key


def strange_ttls(redis: Redis, namespace: str, live: LivePolicy | None = None) -> list[str]:
    """A line for each key whose time to live is not the stated one; none is as it should be.

    live: the policy under which everything was counted; without it, what the widest policy could ask for is the bound.
    """
    keys, strange = Keys(namespace), []
    for raw_key in redis.scan_iter(match=f"{namespace}:*", count=1000):
        key = raw_key.decode()
        pttl = redis.pttl(raw_key)  # -1: never expires; -2: it is gone by now
        kept, strikes = LONGEST_KEPT_MS, LONGEST_STRIKES_MS
        if live is not None:
            kept = keep_ms(live, feedback="{feedback-" in key)
            if parse_strikes_key(key) is not None and (value := redis.get(raw_key)):
                strikes = negligible_in_ms(float(value.split()[0]), terms(live))
        try:
            most = longest_ms(keys, key, kept, strikes)
        except LookupError as error:
            strange.append(str(error))
            continue
        if pttl == -2 or (pttl == -1 if most is None else 0 <= pttl <= most):
            continue
        strange.append(
            f"{key}: expires in {pttl} ms (-1: never); expected {f'{most} ms at the most' if most else 'never'}"
        )
    return sorted(strange)
