"""Whose a request is: its key's tenant, or the one that a gateway names; and how much of it they may send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.core.events import Completion
from tidegate.streams.core.fields import UNKNOWN
from tidegate.streams.http.routes import Caller, Refusal, over_rate
from tidegate.streams.wire.http.refused import is_unicode
from tidegate.streams.wire.repair import name_of

TENANT_HEADER = "tidegate-tenant"


def completions_of(
    completions: Sequence[Completion], caller: Caller | None, headers: Mapping[str, str]
) -> Sequence[Completion]:
    """Returns a request's completions under the tenant that they are moderated and counted as. Raises as tenant_of."""
    return [
        _under(one, tenant_of(caller, headers, None if one.tenant == UNKNOWN else one.tenant) or UNKNOWN)
        for one in completions
    ]


def tenant_of(caller: Caller | None, headers: Mapping[str, str], in_body: str | None) -> str | None:
    """Returns the tenant of what a caller sends; None: of nobody.

    The caller's own, whatever the body and the headers say. Of a caller with the right any_tenant it is the first
    that there is: the header `tidegate-tenant`'s, the body's, the caller's own. Raises Refusal: a header that cannot be
    read.
    """
    if caller is None or KeyRight.ANY_TENANT not in caller.rights:
        return None if caller is None else caller.tenant
    return _named(headers) or in_body or caller.tenant


def require_characters(caller: Caller | None, number: int) -> None:
    """Raises Refusal where that is more characters than the caller may send now."""
    if caller is not None and caller.rate is not None and (wait_ms := caller.rate.take_characters(number)):
        raise over_rate("characters", wait_ms)


def _under(completion: Completion, tenant: str) -> Completion:
    return completion if completion.tenant == tenant else completion.model_copy(update={"tenant": tenant})


def _named(headers: Mapping[str, str]) -> str | None:
    """Returns the header's tenant, None where there is none. The server decodes it with `surrogateescape`."""
    given = headers.get(TENANT_HEADER)
    if not given:
        return None
    if name_of(given) is None or not is_unicode(given):
        expected = "1 to 200 characters in UTF-8, without | and control characters"
        raise Refusal(400, "tenant", f"{TENANT_HEADER}: found another value; expected {expected}", param=TENANT_HEADER)
    return given
