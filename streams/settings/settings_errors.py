"""Error lines for the environment: the variable, what was found, what was expected. Never a secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

PREFIX = "TIDEGATE_"
SECRETS = ("user_key", "kafka_password", "redis_password", "http_token")  # each has a file beside it

# Kubernetes puts the addresses of a service named `tidegate…` into every pod under names like ours.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$")


def unknown_variables(environ: Mapping[str, str], names: set[str]) -> list[str]:
    """Returns a line for every variable of ours that is no setting."""
    lines = []
    for name in sorted(environ):
        upper = name.upper()
        if (
            not upper.startswith(PREFIX)
            or upper.removeprefix(PREFIX) in names
            or _is_service_link(upper, environ[name])
        ):
            continue
        near = difflib.get_close_matches(upper.removeprefix(PREFIX), names, n=1)
        hint = f"did you mean {PREFIX}{near[0]}?" if near else "see docs/reference/settings.md for all of them"
        lines.append(f"{name}: no such setting; {hint}")
    return lines


def _is_service_link(name: str, value: str) -> bool:
    return bool(_SERVICE_LINK.search(name)) or (name.endswith("_PORT") and value.startswith(("tcp://", "udp://")))


def error_line(loc: tuple[int | str, ...], kind: str, message: str, value: Any) -> str:
    """Returns one pydantic error as a line in our format."""
    if not loc:  # a rule over several variables names them itself
        return message.removeprefix("Value error, ")
    field = str(loc[0])
    name = PREFIX + field.upper()
    if kind == "extra_forbidden":
        return f"{name}: no such setting"
    expected = message.removeprefix("Value error, ").removeprefix("Input should be ").removeprefix("expected ")
    expected = expected.replace("String should match pattern", "text that matches")
    if field == "kafka":
        expected = "host:port[,host:port…]"
    elif field == "redis":
        expected = "redis://host:port/db (rediss:// with TLS, unix:// for a socket)"
    return f"{name}: found {_shown(field, value)}; expected {expected}"


def _shown(field: str, value: Any) -> str:
    if field in SECRETS:
        return "a secret (not shown)"
    if field == "redis" and {"@", "?"} & set(str(value)):
        return f"{urlsplit(str(value)).scheme or 'a'}://… (not shown: it may hold a password)"
    return repr(value)
