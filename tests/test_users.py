"""Who a user is, and which record it was, to those without the key: hashes that tell nothing."""

from __future__ import annotations

import hashlib
import hmac
import re

from hypothesis import given
from hypothesis import strategies as st

from tidegate.streams.moderation.pseudonyms import UserKey

KEY = UserKey(b"0123456789abcdef")
VALUE = b'{"id": "c1", "completion": "what was said"}'
NAME = st.text(st.characters(exclude_categories=["Cc"]), min_size=1)  # of a tenant: no control characters


def test_a_records_hmac_differs_by_byte_and_by_key() -> None:
    found = KEY.record(VALUE)
    assert re.fullmatch(r"[0-9a-f]{32}", found or "")
    assert KEY.record(VALUE) == found
    assert len({found, KEY.record(VALUE + b" "), KEY.record(b""), UserKey(b"another 16 bytes").record(VALUE)}) == 4


def test_a_records_hmac_cannot_be_guessed_without_the_key() -> None:
    """Of a short text anybody could try all; so without a key there is none at all."""
    bare = {hashlib.sha256(VALUE).hexdigest()[:32], hmac.digest(b"", VALUE, "sha256").hex()[:32]}
    assert KEY.record(VALUE) not in bare
    assert UserKey(b"").record(VALUE) is None


@given(tenant=NAME, name=st.text())
def test_a_records_hmac_is_never_a_users_or_the_fingerprint(tenant: str, name: str) -> None:
    user = KEY.hash(tenant, name)
    for value in (f"{tenant}\0{name}", name, f"record\0{name}", "tidegate fingerprint"):
        said = KEY.record(value.encode("utf-8", "surrogatepass"))
        assert said != user
        assert said is not None
        assert not said.startswith(KEY.fingerprint)
    assert KEY.hash("record", "n") != KEY.record(b"n")  # what begins with NUL is no tenant
