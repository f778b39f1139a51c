"""The rights of API keys."""

from __future__ import annotations

from enum import StrEnum


class KeyRight(StrEnum):
    """What a key may do. None includes another."""

    MODERATE = "moderate"  # ask for verdicts
    FEEDBACK = "feedback"  # say that one was wrong
    ADMIN = "admin"  # change what all tenants see
    ANY_TENANT = "any_tenant"  # name the tenant of each request: a gateway's
