"""Whose a request is: its key's tenant, or the one that a gateway names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.core.events import Completion
from tidegate.streams.core.fields import UNKNOWN
from tidegate.streams.http.routes import Caller, Refusal
from tidegate.streams.wire.http.refused import is_unicode
from tidegate.streams.wire.repair import name_of

TENANT_HEADER = "tidegate-tenant"


def completions_of(
    completions: Sequence[Completion], caller: Caller | None, headers: Mapping[str, str]
) -> Sequence[Completion]:
    """Returns a request's completions under the tenant that they are moderated and counted as.

    The caller's own, whatever the body and the headers say. Of a caller with the right any_tenant it is the first
    that there is: the header `tidegate-tenant`'s, the body's, the caller's own. Raises Refusal: a header that cannot be
    read.
    """
    if caller is None or KeyRight.ANY_TENANT not in caller.rights:
        tenant = UNKNOWN if caller is None or caller.tenant is None else caller.tenant
        return [_under(one, tenant) for one in completions]
    named = _named(headers)
    own = caller.tenant or UNKNOWN
    return [_under(one, named or (own if one.tenant == UNKNOWN else one.tenant)) for one in completions]


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
