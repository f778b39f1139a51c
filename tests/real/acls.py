"""Grants and revokes the rights of `streams/settings/roles.py` on a running Kafka, in milliseconds, without a JVM."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

from tidegate.streams.settings.roles import Right

ANY, MATCH_ANY = 1, 1
ALLOW = 3
KINDS = {"topic": 2, "group": 3, "cluster": 4}
PATTERNS = {False: 3, True: 4}  # literal, prefixed
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8}

Entry = tuple[int, str, int, str, int]  # kind, name, pattern, principal, operation


def entries(user: str, rights: Iterable[Right]) -> set[Entry]:
    """The ACL entries of a user's rights: one entry for each name of a right."""
    return {
        (KINDS[r.kind], name, PATTERNS[r.prefixed], f"User:{user}", OPERATIONS[r.operation])
        for r in rights
        for name in r.names_in("tidegate")
    }


def grant(kafka: str, user: str, rights: Iterable[Right]) -> None:
    _each(kafka, entries(user, rights), CreateAclsRequest)


def revoke(kafka: str, user: str, rights: Iterable[Right]) -> None:
    """Raises AssertionError where an entry does not exist."""
    for answer in _each(kafka, entries(user, rights), DeleteAclsRequest):
        ((_, _, matching),) = answer.filter_responses
        assert len(matching) == 1


def entries_of(kafka: str, user: str) -> set[Entry]:
    """The ACL entries of a user on the broker."""
    describe = DescribeAclsRequest(ANY, None, ANY, f"User:{user}", None, ANY, ANY)  # type: ignore[arg-type]

    async def ask() -> Any:
        return await _ask(kafka, [describe])

    (answer,) = asyncio.run(ask())
    return {
        (kind, name, pattern, principal, operation)
        for kind, name, pattern, acls in answer.resources
        for principal, _, operation, _ in acls
    }


def _each(kafka: str, wanted: Iterable[Entry], request: Callable[..., Any]) -> list[Any]:
    return asyncio.run(_ask(kafka, [request(*who[:4], "*", who[4], ALLOW) for who in sorted(wanted)]))


async def _ask(kafka: str, requests: Iterable[Any]) -> list[Any]:
    host, _, port = kafka.rpartition(":")
    connection = await create_conn(host, int(port))
    try:
        return [await connection.send(request) for request in requests]
    finally:
        connection.close()
