"""API keys added, found and revoked in their file, as values."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.streams.api_keys.key import digest_of
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.errors import RequestInvalid, RequestRefused
from tidegate.streams.operations.api_keys import add_key, find_key, key_as_json, list_keys, revoke_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_key_is_kept_as_the_hash_of_its_secret(file: Path) -> None:
    added = add_key(file, "web", "acme", 7, rights=[KeyRight.FEEDBACK], requests_per_s=2, characters_per_s=1e4)
    (kept,) = list_keys(file)
    assert kept == added.key
    assert (kept.name, kept.tenant, kept.rights, kept.created_ms) == ("web", "acme", frozenset({KeyRight.FEEDBACK}), 7)
    assert kept.digest == digest_of(added.secret)
    assert added.secret not in file.read_text() + repr(added)
    assert "sha256" not in key_as_json(kept)


def test_a_name_that_is_taken_is_refused(file: Path) -> None:
    add_key(file, "web", "acme", 1)
    before = file.read_bytes()
    with pytest.raises(RequestRefused, match="web: there is a key of this name"):
        add_key(file, "web", "beta", 2)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["", "Web", "a b", "0a1b2c3d", "x" * 65, "é"])
def test_a_name_that_is_none_is_refused(file: Path, name: str) -> None:
    with pytest.raises(RequestInvalid, match=r"^NAME: "):
        add_key(file, name, "acme", 1)
    assert not file.exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"tenant": "a|b"}, "tenant"), ({"tenant": ""}, "tenant"), ({"requests_per_s": 0}, "requests_per_s"),
        ({"characters_per_s": -1}, "characters_per_s"), ({"requests_per_s": float("nan")}, "requests_per_s"),
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_named(file: Path, fields: dict[str, object], says: str) -> None:
    with pytest.raises(RequestInvalid, match=f"^{says}: found another value; expected .*; nothing added"):
        add_key(file, "web", **{"tenant": "acme", "now_ms": 1, **fields})  # type: ignore[arg-type]
    assert not file.exists()


def test_a_key_is_found_by_name_or_id_and_revoked(file: Path) -> None:
    web, app = add_key(file, "web", "acme", 1).key, add_key(file, "app", "acme", 2).key
    assert find_key(file, "web") == find_key(file, web.id) == web
    revoke_key(file, web.id)
    assert list_keys(file) == (app,)
    for again in (lambda: revoke_key(file, web.id), lambda: find_key(file, "web")):
        with pytest.raises(RequestRefused, match="nothing revoked"):
            again()
