"""Events that follow from decisions: rates over windows, alerts of broken rules, enforcements of strikes."""

from __future__ import annotations

from typing import Literal

from tidegate.streams.core.alerts.facts import AlertFacts
from tidegate.streams.core.alerts.facts import AlertReason as AlertReason
from tidegate.streams.core.alerts.facts import AlertState as AlertState
from tidegate.streams.core.fields import Outgoing


class Rate(Outgoing):
    """A share or a count over a sliding window, for one scope, at one time."""

    scope: str
    """The scope: `all`, or one name of a kind, such as `tenant=acme`; `tenant:other` is the rest's."""
    measure: str
    """What is counted: `label.toxicity`, `action.block`, `fault`, `satisfaction` and so on."""
    window_s: int
    """How far back it looks, in seconds."""
    at_ms: int
    """When it was taken, in ms since 1970-01-01 UTC; the window ends with the bucket that was open then."""
    hits: int
    """Events in the window that carry the measure."""
    total: int
    """Events in the window that could have carried it."""
    share: float | None
    """Hits of the total, in [0, 1]. Null where the total is below `min_total`: too few to say."""
    incomplete: bool = False
    """Whether a partition is behind or has no owner: the window is still filling."""


class Alert(AlertFacts, Outgoing):
    """A rule broken by a rate or a count: one event a transition, and the state again while firing."""

    id: str
    """Fingerprint and sequence: the same transition published twice has one id."""
    fingerprint: str
    """One for each rule and scope: what belongs to one alert has the same."""
    previous: AlertState
    """The state that it was in before; of a state that is sent again the same as `state`."""
    resent: bool = False
    """Whether the state is sent again while firing, under the id of its transition: nothing changed."""
    silenced_by: str | None = None
    """The id of the silence that matches. Null: none matches."""
    shadow: bool = False
    """Whether the rule is the shadow policy's, on what that would have done: nobody was affected."""
    policy_version: str
    """The policy whose rule it is."""


class Enforcement(Outgoing):
    """A strike left a user at or above a threshold, or a person undid strikes. The last one of a user holds."""

    id: str
    """The completion's source position, or of an undo its partition and a name: the same where published twice."""
    tenant: str
    """The tenant whose user it is."""
    user: str
    """The user, as an HMAC: 32 hex digits."""
    action: Literal["throttle", "suspend", "lifted"]
    """The action of the highest threshold reached; `lifted`: none is reached any longer."""
    strikes: float
    """The user's strikes at `at_ms`, decayed and added up, to 4 decimals."""
    threshold: float | None = None
    """The one that they reach. Null where lifted."""
    at_ms: int
    """Event time of the user's latest strike, or when strikes were undone, in ms since 1970-01-01 UTC."""
    until_ms: int | None = None
    """When they will have decayed below the threshold, if no more come. Null where lifted."""
    throttled_until_ms: int | None = None
    """Of `suspend`: from `until_ms` to here the user is still at `throttle`. Null: not at all."""
    author: str | None = None
    """Who undid strikes. Null: a strike made this one."""
    reason: str
    """The label and action, as `toxicity.block` or `prompt.toxicity.block`; of an undo its author's reason."""
    policy_version: str
    """The policy that says what strikes weigh and where the thresholds are."""
