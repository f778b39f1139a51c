"""Series: the names that counts are stored under, `<counter>|<scope>`. The one place that writes and splits them.

A scope is `all`, `tenant=<name>`, `model=<name>` or `route=<name>`. Names beyond the limit of live scopes count
in `tenant:other`: another separator, so that a tenant called "other" stays itself. No name contains `|`.
"""

from __future__ import annotations

from collections.abc import Iterable

ALL = "all"
KINDS = ("tenant", "model", "route")  # kinds of scope that have names
OTHER = "other"


def scoped(kind: str, name: str) -> str:
    return f"{kind}={name}"


def other(kind: str) -> str:
    """Returns the scope in which a kind's names beyond the limit count."""
    return f"{kind}:{OTHER}"


def series(counter: str, scope: str) -> str:
    return f"{counter}|{scope}"


def split(series: str) -> tuple[str, str]:
    """Returns the counter and the scope of a series."""
    counter, _, scope = series.rpartition("|")
    return counter, scope


def names(kind: str, scopes: Iterable[str]) -> set[str]:
    """Returns the names of one kind among the scopes; `other` is no name."""
    prefix = f"{kind}="
    return {scope[len(prefix) :] for scope in scopes if scope.startswith(prefix)}


def prefixes(kinds: Iterable[str]) -> tuple[str, ...]:
    """Returns what the scopes of those kinds begin with, for `str.startswith`."""
    return tuple(p for kind in kinds for p in ((ALL,) if kind == ALL else (f"{kind}=", f"{kind}:")))


def scope_labels(scope: str) -> dict[str, str]:
    """Returns the scope as labels, which sinks route alerts by. Two scopes never have the same labels.

    `all` has none; `tenant=acme` is {"tenant": "acme"}; `tenant:other`, which is no tenant, is {"other": "tenant"}.
    A scope of an unknown form, which a later Tidegate may have written, is {"scope": <the scope>}.
    """
    if scope == ALL:
        return {}
    for kind in KINDS:
        if scope.startswith(f"{kind}="):
            return {kind: scope.removeprefix(f"{kind}=")}
        if scope == other(kind):
            return {OTHER: kind}
    return {"scope": scope}
