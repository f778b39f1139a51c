"""The file of API keys: whole before and after each change, readable by its owner alone, and refused where broken."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

from tidegate.streams.api_keys.file import change_keys, is_writable_by_others, parse_keys, read_keys
from tidegate.streams.api_keys.key import ApiKey, digest_of, id_in, new_secret
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.errors import KeysUnusable

SECRET = new_secret("0a1b2c3d")


def key(id: str = "0a1b2c3d", name: str = "web", **more: object) -> ApiKey:
    fields = {"id": id, "name": name, "tenant": "acme", "rights": [KeyRight.MODERATE], "created_ms": 1}
    return ApiKey.model_validate({**fields, "sha256": digest_of(SECRET).hex(), **more})


def test_a_secret_has_256_bits_a_prefix_and_its_id() -> None:
    other = new_secret("0a1b2c3d")
    assert re.fullmatch(r"tdg_0a1b2c3d_[0-9a-f]{64}", SECRET)
    assert other != SECRET
    assert id_in(SECRET) == "0a1b2c3d"
    assert [id_in(bad) for bad in ("", "sk-1", SECRET[:-1], SECRET + "0", f" {SECRET}")] == [""] * 5


def test_a_changed_file_is_read_back_and_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    change_keys(file, lambda keys: [*keys, key()])
    change_keys(file, lambda keys: [*keys, key("11111111", "app", requests_per_s=2.5)])
    assert [(one.name, one.requests_per_s) for one in read_keys(file)] == [("web", None), ("app", 2.5)]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]  # nothing half written beside it
    assert SECRET not in file.read_text()
    assert not is_writable_by_others(file)
    file.chmod(0o620)
    assert is_writable_by_others(file)


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    change_keys(file, lambda keys: [key()])
    before = file.read_bytes()
    with pytest.raises(ZeroDivisionError):
        change_keys(file, lambda keys: [key(created_ms=1 // 0)])
    file.write_bytes(b"{")
    with pytest.raises(KeysUnusable):  # a broken file is not taken for an empty one
        change_keys(file, lambda keys: [key()])
    assert file.read_bytes() == b"{"
    assert before != b"{"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, file = tmp_path / "keys.json", tmp_path / "there" / "keys.json"
    link.symlink_to(file)
    change_keys(link, lambda keys: [key()])
    assert link.is_symlink()
    assert len(read_keys(file)) == 1


def test_of_changes_at_the_same_time_none_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    threads = [
        threading.Thread(
            target=change_keys,
            args=(file, lambda keys, i=i: [*keys, key(f"{i:08x}", f"k{i}")]),  # type: ignore[misc]
        )
        for i in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {one.name for one in read_keys(file)} == {f"k{i}" for i in range(16)}


GOOD = json.loads(key().model_dump_json())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "value: Invalid JSON"),
        (b"{", "value: Invalid JSON"),
        (b"[]", "value: "),
        ({"keys": [{**GOOD, "rights": ["hunter2"]}]}, "keys.0.rights.0: "),
        ({"keys": [{**GOOD, "sha256": "hunter2"}]}, "keys.0.sha256: "),
        ({"keys": [{**GOOD, "tenant": "hunter2|"}]}, "keys.0.tenant: "),
        ({"keys": [{**GOOD, "requests_per_s": 0}]}, "keys.0.requests_per_s: "),
        ({"keys": [{**GOOD, "hunter2": 1}]}, "Extra inputs"),
        ({"keys": [GOOD, {**GOOD, "name": "b"}]}, "two keys have one id"),
        ({"keys": [GOOD, {**GOOD, "id": "22222222"}]}, "two keys have one name"),
        ({"schema_version": 2, "keys": []}, "schema_version: "),
    ],
)
def test_a_broken_file_is_refused_and_not_quoted(content: object, says: str) -> None:
    found = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(KeysUnusable) as caught:
        parse_keys(found, Path("k.json"))
    assert str(caught.value).startswith("k.json: ")
    assert says in str(caught.value)
    if says != "Extra inputs":  # a key's own name in JSON is no value
        assert "hunter2" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert GOOD["sha256"] not in str(caught.value)


@pytest.mark.parametrize("path", ["no/such/folder/keys.json", "."])
def test_a_file_that_is_no_file_is_named(tmp_path: Path, path: str) -> None:
    for use in (lambda file: read_keys(file), lambda file: change_keys(file, lambda keys: keys)):
        with pytest.raises(KeysUnusable, match=re.escape(str(tmp_path))):
            use(tmp_path / path)
