"""The rights of each role on Kafka and on Redis: one table behind docs/reference/rights.md, its commands, the tests.

Each role has the least rights that it works with: tests/real/test_security.py runs each role with its rights only,
and without each of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

NAMESPACE = "tidegate"  # the default of TIDEGATE_NAMESPACE

# Named one by one, never "all topics": a topic of a later release opens no right by being in the table of topics.
_INPUT = ("completions", "feedback")
_OUTPUT = ("decisions", "dead-letters", "alerts", "rates", "enforcements")
_OTHERS = ("moderations", "moderated-texts", "policies", "replays", "tidegate-control")
_GROUPS = tuple(f"{{namespace}}-ingest-{topic}" for topic in (*_INPUT, "moderations"))


@dataclass(frozen=True, slots=True)
class Right:
    """One operation on some topics or groups. `{namespace}` in a name is the setting."""

    operation: Literal["Read", "Write", "Describe", "Create"]
    kind: Literal["topic", "group"]
    names: tuple[str, ...]
    why: str
    prefixed: bool = False  # every name with this prefix

    def names_in(self, namespace: str) -> tuple[str, ...]:
        return tuple(name.format(namespace=namespace) for name in self.names)


# Write implies Describe, and so does Read. From Kafka 2.8 on a user with Write may write idempotently; an
# older one asks for IdempotentWrite on the cluster.
ROLES: Mapping[str, tuple[Right, ...]] = {
    "producer": (Right("Write", "topic", _INPUT, "to send completions, and the feedback on them"),),
    "worker": (
        Right("Read", "topic", _INPUT, "its input"),
        Right("Read", "topic", ("moderations",), "what `serve` answered; without it a worker goes on"),
        Right(
            "Read", "topic", ("policies",), "the policy that it decides under; it has no Write: ops seed an empty log"
        ),
        Right("Read", "topic", ("decisions", "dead-letters", "alerts", "enforcements"), "to rebuild what Redis lost"),
        Right("Read", "topic", ("tidegate-control",), "Faust does not start without a topic"),
        Right("Write", "topic", _OUTPUT, "its output"),
        Right("Read", "group", _GROUPS, "to share the input"),
        Right("Read", "group", ("{namespace}-control-",), "Faust's: a group of its own for each process", True),
    ),
    "serve": (
        Right("Read", "topic", ("policies",), "the policy that it moderates under"),
        Right("Write", "topic", ("moderations",), "what it answered, to be counted"),
        Right("Write", "topic", ("feedback",), "Perspective's `comments:suggestscore`"),
        Right("Write", "topic", ("moderated-texts",), "where `TIDEGATE_SERVE_KEEP_TEXT` is on: else leave it out"),
    ),
    "dashboard": (
        Right(
            "Read",
            "topic",
            ("decisions", "alerts", "rates", "enforcements", "policies"),
            "all that holds no text and no bytes of input; `feedback` holds comments",
        ),
    ),
    "ops": (
        Right("Create", "topic", (*_INPUT, *_OUTPUT, *_OTHERS), "`tidegate topics`"),
        Right("Read", "topic", (*_INPUT, *_OUTPUT, *_OTHERS), "`tail`, `dead-letters`, `replay`, `policy what-if`"),
        Right("Write", "topic", ("policies",), "`policy`, `silence`: nobody else has it"),
        Right("Write", "topic", _INPUT, "`dead-letters redrive`"),
        Right("Write", "topic", ("replays",), "`replay`"),
        Right("Describe", "group", _GROUPS, "`checkpoint reset --to committed`"),
    ),
}


def kafka_acls(role: str, user: str, namespace: str = NAMESPACE) -> Iterator[list[str]]:
    """Yields the arguments of `kafka-acls.sh`, after its --bootstrap-server, that give a user a role's rights."""
    for right in ROLES[role]:
        yield kafka_acl(right, user, namespace)


def kafka_acl(right: Right, user: str, namespace: str = NAMESPACE, how: str = "--add") -> list[str]:
    """Returns the arguments for one right. how: --add, or --remove."""
    names = [argument for name in right.names_in(namespace) for argument in (f"--{right.kind}", name)]
    prefixed = ["--resource-pattern-type", "prefixed"] if right.prefixed else []
    return [how, "--allow-principal", f"User:{user}", "--operation", right.operation, *names, *prefixed]


# What `streams/store/` runs, in scripts too: a script may do no more than its caller. HELLO and AUTH need no right.
_READS = ("evalsha", "hget", "hgetall", "script|load", "time")  # of `alerts`, `policy show` and `policy status`
_ALL = (
    *("del", "evalsha", "exists", "get", "hdel", "hexists", "hget", "hgetall", "hincrby", "hkeys", "hlen", "hmget"),
    *("hset", "hsetnx", "info", "llen", "lrange", "lrem", "pexpireat", "pfadd", "pfcount", "pfmerge", "rpush", "scan"),
    *("script|load", "set", "time"),
)
REDIS: Mapping[str, tuple[str, ...]] = {
    "worker": _ALL,
    "dashboard": _READS,
    "ops": tuple(command for command in _ALL if command != "info"),  # who move checkpoints and undo strikes
}


def redis_acl(role: str, user: str, namespace: str = NAMESPACE) -> list[str]:
    """Returns the arguments of `ACL SETUSER`, without the password: a `>…`, which is not for a command line.

    Keys are readable and writable to all: Redis wants both for EVALSHA. A dashboard has no command that writes.
    """
    return [user, "reset", "on", f"~{namespace}:*", *(f"+{command}" for command in REDIS[role])]


def shell_line(arguments: list[str]) -> str:
    """Returns the arguments as a shell reads them."""
    return shlex.join(arguments)
