"""`keys`: what is printed once, what is listed, and what is refused. No server."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.conftest import Cli
from tidegate.streams.api_keys.key import digest_of
from tidegate.streams.operations.api_keys import list_keys


def test_a_key_is_added_listed_and_revoked(offline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    where = {"TIDEGATE_SERVE_KEYS_FILE": str(file)}
    added = offline("keys", "add", "web", "--tenant", "acme", "--right", "moderate", "--right", "feedback", **where)
    assert added.code == 0, added.err
    secret = added.out.strip()
    assert re.fullmatch(r"tdg_[0-9a-f]{8}_[0-9a-f]{64}", secret)
    assert secret not in added.err
    (key,) = list_keys(file)
    assert key.digest == digest_of(secret)
    listed = offline("keys", "list", **where)
    assert all(shown in listed.out for shown in ("web", key.id, "acme", "feedback, moderate", "no limit"))
    assert not {secret, key.sha256} & set(listed.out.split())
    assert offline("keys", "revoke", "web", "--yes", **where).code == 0
    assert offline("keys", "list", **where).err == "there are no keys: nobody may call\n"


def test_keys_are_json_lines_for_programs(offline: Cli, tmp_path: Path) -> None:
    file = str(tmp_path / "keys.json")
    (added,) = offline(
        "keys", "add", "gw", "--tenant", "t", "--requests-per-s", "5", "--characters-per-s", "1e4", "--right",
        "any_tenant", "--file", file, "--json",
    ).jsonl  # fmt: skip
    (listed,) = offline("keys", "list", "--file", file, "--json").jsonl
    assert added.pop("secret").startswith(f"tdg_{added['id']}_")
    assert added == listed
    assert (listed["requests_per_s"], listed["characters_per_s"], listed["rights"]) == (5, 1e4, ["any_tenant"])


def test_what_cannot_be_is_refused(offline: Cli, tmp_path: Path) -> None:
    file = str(tmp_path / "keys.json")
    assert offline("keys", "list").code == 2  # no file is named
    assert offline("keys", "list", "--file", file).code == 2  # it is not there
    assert offline("keys", "add", "A b", "--tenant", "t", "--file", file).code == 2
    assert offline("keys", "add", "web", "--tenant", "t", "--file", file).code == 0
    assert offline("keys", "add", "web", "--tenant", "t", "--file", file).code == 1
    assert offline("keys", "revoke", "other", "--yes", "--file", file).code == 1
    assert offline("keys", "revoke", "web", "--file", file).code == 2  # nobody to ask
    Path(file).write_text("{")
    assert offline("keys", "add", "app", "--tenant", "t", "--file", file).code == 2
    assert Path(file).read_text() == "{"
