"""What an alert says of its rule: from the policy, through its stored state, to its event and back."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate.streams.core.alerts import status as statuses
from tidegate.streams.core.alerts.facts import AlertFacts, Annotations, alert_facts
from tidegate.streams.core.alerts.lifecycle import Observation, end_removed, step, with_annotations
from tidegate.streams.core.alerts.status import AlertStatus, Transition, parse_statuses
from tidegate.streams.core.events import Alert, AlertState
from tidegate.streams.core.fields import Severity
from tidegate.streams.core.policy.tables import RESERVED_LABELS, AlertRule
from tidegate.streams.core.series import KINDS, other, scope_labels, scoped

S = 1000
T0 = 1_700_000_000 * S
ANNOTATIONS: dict[str, Any] = {
    "severity": "critical",
    "labels": {"team": "safety", "page": "yes"},
    "summary": "over 10% of completions are toxic",
    "runbook": "https://wiki.example.org/toxicity",
    "owner": "trust and safety",
}


def _rule(**fields: object) -> AlertRule:
    facts = {"of": "label.toxicity", "above": 0.1, "resolve_below": 0.05, "window_s": 30, "for_s": 0, "min_total": 10}
    return AlertRule.model_validate(facts | fields)


def _fired(rule: AlertRule) -> tuple[AlertStatus, Transition]:
    """An alert that fires at T0 for 5 of 10."""
    status, transition = step(None, Observation("tenant=acme", T0, 5, 10), "toxic", rule)
    assert status is not None
    assert transition is not None
    return status, transition


def _without(event: AlertFacts, names: set[str]) -> str:
    """As a Tidegate wrote it that did not know those fields."""
    return json.dumps({name: value for name, value in event.model_dump(mode="json").items() if name not in names})


def test_a_rules_annotations_are_keys_of_the_policy() -> None:
    """Each under the same name, and with the same default."""
    for name, field in Annotations.model_fields.items():
        assert AlertRule.model_fields[name].get_default() == field.get_default()
    assert set(ANNOTATIONS) == set(Annotations.model_fields)


def test_state_and_event_both_hold_every_fact() -> None:
    """rule -> state -> Redis -> event -> topic -> state: the same facts everywhere."""
    status, transition = _fired(_rule(**ANNOTATIONS))
    event = statuses.alert_event(status, transition, "7-abc", None)
    assert {name: getattr(status, name) for name in ANNOTATIONS} == ANNOTATIONS
    stored = parse_statuses({status.fingerprint: statuses.with_unpublished(status, event).model_dump_json()})
    assert stored[status.fingerprint].unpublished == (event,)
    read = Alert.read(event.model_dump_json().encode())
    restored = statuses.published_status(read, 77)
    assert restored == status.model_copy(update={"last_sent_ms": 77})
    assert alert_facts(status) == alert_facts(event) == alert_facts(restored)


def test_what_an_older_tidegate_wrote_is_read() -> None:
    """Without the annotations, in Redis and on the topic, they are the defaults; all else is as it was."""
    status, transition = _fired(_rule())
    event = statuses.alert_event(status, transition, "7-abc", None)
    names = set(Annotations.model_fields)
    assert parse_statuses({"f": _without(status, names)}) == {"f": status}
    assert Alert.read(_without(event, names).encode()) == event
    assert (event.severity, event.labels, event.summary, event.runbook, event.owner) == (
        "warning",
        {},
        None,
        None,
        None,
    )


def test_an_event_with_an_unknown_severity_is_no_event() -> None:
    status, transition = _fired(_rule(severity="info"))
    event = statuses.alert_event(status, transition, "7-abc", None).model_dump_json()
    with pytest.raises(ValidationError):
        Alert.read(event.replace('"severity":"info"', '"severity":"page"').encode())


def test_new_annotations_are_the_same_alert() -> None:
    """They change neither fingerprint, id, state, value nor what is queued."""
    status, _ = _fired(_rule())
    changed = with_annotations(status, _rule(**ANNOTATIONS, above=0.9))
    before, after = (statuses.alert_event(s, None, "7-abc", None) for s in (status, changed))
    assert (before.id, before.fingerprint, before.state) == (after.id, after.fingerprint, after.state)
    assert alert_facts(changed) == alert_facts(status) | ANNOTATIONS  # `above` belongs to the value beside it


SEEN = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda seen: (min(seen), max(seen)))


@given(st.lists(st.tuples(SEEN, st.sampled_from(get_args(Severity))), max_size=60), st.sampled_from([0, 10, 20]))
def test_a_change_of_annotations_is_never_a_transition(seen: list[tuple[tuple[int, int], Any]], for_s: int) -> None:
    """The same observations give the same ids and states, however often severity and labels change between them."""
    plain: AlertStatus | None = None
    changing: AlertStatus | None = None
    for n, ((hits, total), severity) in enumerate(seen):
        observed = Observation("all", T0 + n * 10 * S, hits, total)
        rule = _rule(for_s=for_s, severity=severity, labels={"n": str(n)})
        plain, expected = step(plain, observed, "toxic", _rule(for_s=for_s))
        changing, transition = step(changing, observed, "toxic", rule)
        assert transition == expected
        if plain is None or changing is None:
            assert plain is changing
            continue
        assert _plainly(changing) == plain
        if transition is not None:
            event = statuses.alert_event(changing, transition, "7-abc", None)
            assert event.id == f"{plain.fingerprint}-{plain.sequence}"
            assert (event.severity, event.labels) == (severity, {"n": str(n)})


def _plainly(status: AlertStatus) -> AlertStatus:
    return with_annotations(status, _rule())


def test_a_removed_rules_alert_ends_as_it_was_annotated() -> None:
    """A sink must be able to route the end to where it sent the beginning."""
    status, _ = _fired(_rule(**ANNOTATIONS))
    ended, transition = end_removed(status, T0 + 10 * S)
    assert ended is not None
    assert ended.state is AlertState.RESOLVED
    event = statuses.alert_event(ended, transition, "8-def", None)
    assert {name: getattr(event, name) for name in ANNOTATIONS} == ANNOTATIONS


@pytest.mark.parametrize(
    ("scope", "labels"),
    [
        ("all", {}),
        ("tenant=acme", {"tenant": "acme"}),
        ("model=a=b:c", {"model": "a=b:c"}),
        ("route=all", {"route": "all"}),
        ("tenant=other", {"tenant": "other"}),  # a tenant of that name
        ("tenant:other", {"other": "tenant"}),  # those beyond the limit
        ("locale=de", {"scope": "locale=de"}),  # a later Tidegate's
    ],
)
def test_a_scope_as_labels(scope: str, labels: dict[str, str]) -> None:
    assert scope_labels(scope) == labels
    assert set(labels) <= set(RESERVED_LABELS)  # no rule's label takes their place


NAMES = st.text(min_size=1, max_size=5) | st.sampled_from([*KINDS, "all", "other", "tenant=a", "tenant:other"])
SCOPES = st.one_of(
    st.just("all"), st.sampled_from(KINDS).map(other), st.builds(scoped, st.sampled_from(KINDS), NAMES), NAMES
)


@given(SCOPES, SCOPES)
def test_two_scopes_never_have_the_same_labels(one: str, another: str) -> None:
    assert (scope_labels(one) == scope_labels(another)) is (one == another)
