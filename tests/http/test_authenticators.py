"""Who sent a request: keys in every header that clients use, and what is nobody's."""

from __future__ import annotations

import pytest

from tests.api_keys.test_file import key
from tidegate.streams.api_keys.key import digest_of, new_secret
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.http.authenticators import KEY_HEADERS, BearerToken, KeyAccess, OpenAccess

WEB, APP = new_secret("0a1b2c3d"), new_secret("11111111")
KEYS = [
    key(sha256=digest_of(WEB).hex()),
    key("11111111", "app", tenant="beta", rights=[KeyRight.FEEDBACK], sha256=digest_of(APP).hex(), requests_per_s=1),
]


@pytest.mark.parametrize("name", KEY_HEADERS)
def test_a_key_is_known_in_every_clients_header(name: str) -> None:
    caller = KeyAccess(KEYS).authenticate({name: WEB})
    assert caller is not None
    assert (caller.name, caller.tenant, caller.rights, caller.key_id) == (
        "web",
        "acme",
        frozenset({KeyRight.MODERATE}),
        "0a1b2c3d",
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_key_is_known_as_a_bearer_token_and_in_a_query(scheme: str) -> None:
    access = KeyAccess(KEYS)
    for caller in (access.authenticate({"Authorization": f"{scheme} {APP}"}), access.authenticate({}, APP)):
        assert caller is not None
        assert (caller.tenant, caller.rights) == ("beta", frozenset({KeyRight.FEEDBACK}))


def test_of_several_credentials_a_valid_one_counts() -> None:
    """OpenAI's client always sends its own api_key, LiteLLM a second one."""
    caller = KeyAccess(KEYS).authenticate({"Authorization": "Bearer unused", "x-api-key": WEB})
    assert caller is not None
    assert caller.name == "web"


WRONG = (
    *("", "unused", WEB[:-1], WEB[:-1] + ("0" if WEB[-1] != "0" else "1"), WEB.upper(), f"{WEB}x"),
    *(WEB.replace("0a1b2c3d", "11111111"), new_secret("0a1b2c3d"), new_secret("22222222"), "tdg_\udcff", "é" * 9000),
)


@pytest.mark.parametrize("place", range(len(WRONG)))  # not by the keys themselves: each process makes others
def test_a_wrong_key_is_nobodys(place: int) -> None:
    sent = WRONG[place]
    access = KeyAccess(KEYS)
    assert access.authenticate({"Authorization": f"Bearer {sent}", "x-api-key": sent}, sent) is None
    assert access.authenticate({"Authorization": f"Basic {WEB}"}) is None
    assert access.authenticate({"x-other": WEB}) is None


def test_a_key_without_a_hash_of_its_own_opens_nothing() -> None:
    """Where an id is unknown the hash is compared with zeros: nobody is let in by that."""
    assert KeyAccess([]).authenticate({"x-api-key": new_secret("0a1b2c3d")}) is None


def test_replaced_keys_are_in_force_and_others_gone() -> None:
    access = KeyAccess(KEYS)
    app = access.authenticate({"x-api-key": APP})
    access.replace(KEYS[1:])
    assert access.authenticate({"x-api-key": WEB}) is None
    again = access.authenticate({"x-api-key": APP})
    assert app is not None
    assert again is not None
    assert again.rate is app.rate  # what it has used stays used
    access.replace([KEYS[1].model_copy(update={"requests_per_s": 2.0})])
    changed = access.authenticate({"x-api-key": APP})
    assert changed is not None
    assert changed.rate is not app.rate


def test_without_keys_everybody_may_do_all() -> None:
    caller = OpenAccess().authenticate({"Authorization": "Bearer whatever"})
    assert caller is not None
    assert (caller.tenant, caller.rights) == (None, frozenset(KeyRight))


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer wrong", "Basic right", "right"])
def test_a_wrong_token_is_nobody(sent: str) -> None:
    token = BearerToken("right", "SETTING")
    assert token.authenticate({"Authorization": sent}) is None
    assert token.authenticate({"Authorization": "Bearer right"}) is not None
