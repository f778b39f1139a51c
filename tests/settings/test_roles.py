"""The rights of each role, held against the topics' own table of who reads and writes them."""

from __future__ import annotations

import inspect
from typing import get_args

import pytest

from tidegate.streams.settings import roles
from tidegate.streams.settings.roles import ROLES
from tidegate.streams.topics import TOPICS, Role, used_by


def rights(role: str, operation: str) -> set[str]:
    return {
        name for right in ROLES[role] if (right.kind, right.operation) == ("topic", operation) for name in right.names
    }


def test_every_role_of_the_topics_has_rights() -> None:
    assert set(ROLES) == set(get_args(Role))


@pytest.mark.parametrize("role", get_args(Role))
def test_a_role_reads_and_writes_the_topics_that_name_it(role: Role) -> None:
    """A right without a use is one too many; a use without a right is a worker that waits for ever."""
    assert rights(role, "Read") == {topic.name for topic in TOPICS if role in topic.read_by}
    assert rights(role, "Write") == {topic.name for topic in TOPICS if role in topic.written_by}


def test_ops_may_create_every_topic() -> None:
    assert rights("ops", "Create") == {topic.name for topic in TOPICS}


def test_roles_name_their_topics_one_by_one() -> None:
    """A topic of a later release must not open a right by being in the table of topics."""
    assert "TOPICS" not in inspect.getsource(roles)


def test_a_worker_waits_for_its_topics_alone() -> None:
    """`replays` and `moderated-texts` are not its; without `moderations`, which came later, it goes on."""
    assert {topic.name for topic in TOPICS} - set(used_by("worker")) == {"replays", "moderations", "moderated-texts"}
