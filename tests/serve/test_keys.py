"""Keys of `tidegate serve`: asked for on every path, followed while it runs, each with its tenant, rights and rate."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.serve.conftest import ServeRig, Start
from tests.serve.test_serve import AZURE, BODIES, DECIDE, FMS, GET, GUARD, LITELLM, OPENAI, PERSPECTIVE, metric
from tests.support.scorers import ScriptedScorer
from tidegate.streams.api_keys.key import new_secret
from tidegate.streams.api_keys.rights import KeyRight
from tidegate.streams.errors import SettingsError
from tidegate.streams.operations.api_keys import add_key, find_key, revoke_key
from tidegate.streams.serve import access
from tidegate.streams.wire.http.perspective import SUGGEST_PATH

TENANTS = """
[labels.toxicity]
flag = 0.3
block = 0.9
[[scopes]]
tenant = "kids"
labels.toxicity.block = 0.5
[faults]
fail = "closed"
"""
STRICT = "toxicity=0.6"  # blocked for the tenant kids, flagged for the others
HEADERS = {
    OPENAI: "Authorization", DECIDE: "x-api-key", GUARD: "api-key", LITELLM: "x-api-key", FMS: "Authorization",
    AZURE: "Ocp-Apim-Subscription-Key", PERSPECTIVE: "x-goog-api-key",
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(access, "POLL_S", 0.02)
    return tmp_path / "keys.json"


def add(file: Path, name: str = "web", tenant: str = "acme", *rights: KeyRight, **limits: float) -> str:
    return add_key(file, name, tenant, 1, rights=rights or (KeyRight.MODERATE,), **limits).secret


def put(file: Path, content: bytes | None, mode: int = 0o600) -> bytes:
    """Returns what the file held, b"" where it was not there. content: what it holds now; None removes it."""
    before = file.read_bytes() if file.exists() else b""
    if content is None:
        file.unlink(missing_ok=True)
    else:
        file.write_bytes(content)
        file.chmod(mode)
    return before


async def answered(rig: ServeRig, status: int, secret: str) -> None:
    """Returns once that key is answered so."""
    async with asyncio.timeout(20):
        while (await rig.post(OPENAI, BODIES[OPENAI], x_api_key=secret))[0] != status:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("path", BODIES)
async def test_each_api_takes_a_key_where_its_clients_send_it(start: Start, file: Path, path: str) -> None:
    secret = add(file)
    rig = await start(keys_file=file)
    name = HEADERS[path]
    sent = {name.replace("-", "_"): f"Bearer {secret}" if name == "Authorization" else secret}
    assert (await rig.post(path, BODIES[path], Host="tidegate.internal:8080", **sent))[0] == 200
    status, body, _ = await rig.post(path, BODIES[path])
    assert (status, bool(body)) == (401, True)
    for text in map(json.dumps, (body, (await rig.post(path, BODIES[path], x_api_key=new_secret("00000000")))[1])):
        assert secret not in text
        assert "tdg_" not in text


async def test_every_page_needs_a_key_too(start: Start, file: Path) -> None:
    secret = add(file, "web", "acme", KeyRight.FEEDBACK)
    rig = await start(keys_file=file)
    for path in GET - {"/health"}:
        assert (await rig.get(path))[0] == 401
        async with rig.client.get(f"http://127.0.0.1:{rig.process.port}{path}", headers={"api-key": secret}) as answer:
            assert answer.status == 200


async def test_an_unknown_key_is_refused_in_each_apis_form(start: Start, file: Path) -> None:
    add(file)
    rig = await start(keys_file=file)
    wrong = new_secret("0a1b2c3d")
    status, body, headers = await rig.post(OPENAI, BODIES[OPENAI], Authorization=f"Bearer {wrong}")
    assert (status, body["error"]["code"], headers["WWW-Authenticate"]) == (401, "invalid_api_key", "Bearer")
    status, body, _ = await rig.post(f"{PERSPECTIVE}?key={wrong}", BODIES[PERSPECTIVE])
    assert (status, body["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert body["error"]["message"].startswith("API key not valid")
    status, body, _ = await rig.post(AZURE, BODIES[AZURE], Ocp_Apim_Subscription_Key=wrong)
    assert (status, body["error"]["code"]) == (401, "401")


async def test_perspectives_key_in_the_query_leaves_no_trace(
    start: Start, file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In no log, metric, answer or error: also where a bug meets it. Other APIs take no key there."""
    caplog.set_level(0)
    secret = add(file)
    rig = await start(keys_file=file)
    query = f"?key={secret}&alt=json"
    status, document, _ = await rig.get(f"/$discovery/rest{query}")
    assert status == 200
    seen = [document, json.dumps((await rig.post(PERSPECTIVE + query, BODIES[PERSPECTIVE]))[1])]
    status, body, _ = await rig.post(OPENAI + query, BODIES[OPENAI])
    assert status == 401
    seen.append(json.dumps(body))

    async def bug(*_: Any) -> Any:
        raise KeyError(secret)

    assert rig.process._queue is not None
    monkeypatch.setattr(rig.process._queue, "moderate", bug)
    status, body, headers = await rig.post(PERSPECTIVE + query, BODIES[PERSPECTIVE])
    assert status == 500
    seen += [json.dumps(body), str(dict(headers)), (await rig.get("/metrics", probes=True))[1], caplog.text]
    assert "bug: KeyError" in caplog.text
    assert not any(secret in text or "tdg_" in text for text in seen)


async def test_a_missing_right_is_403(start: Start, file: Path) -> None:
    secret = add(file, "web", "acme", KeyRight.FEEDBACK, KeyRight.ADMIN)  # none includes another
    rig = await start(keys_file=file)
    status, body, _ = await rig.post(OPENAI, BODIES[OPENAI], x_api_key=secret)
    assert (status, "right moderate" in body["error"]["message"]) == (403, True)
    status, body, _ = await rig.post(PERSPECTIVE, BODIES[PERSPECTIVE], x_api_key=secret)
    assert (status, body["error"]["status"]) == (403, "PERMISSION_DENIED")


# --- tenants


async def action(rig: ServeRig, secret: str, tenant: str | None = None, **headers: str) -> str:
    body = {"id": "1", "completion": STRICT} | ({} if tenant is None else {"tenant": tenant})
    status, answer, _ = await rig.post(DECIDE, body, x_api_key=secret, **headers)
    assert status == 200
    return str(answer["action"])


async def test_the_keys_tenant_wins_over_body_and_headers(start: Start, file: Path) -> None:
    kids, acme = add(file, "kids", "kids"), add(file, "acme", "acme")
    rig = await start(policy=TENANTS, keys_file=file)
    assert [await action(rig, kids), await action(rig, acme)] == ["block", "flag"]
    assert await action(rig, kids, "acme", tidegate_tenant="acme") == "block"
    assert await action(rig, acme, "kids", tidegate_tenant="kids") == "flag"
    _, body, headers = await rig.post(OPENAI, {"input": STRICT}, x_api_key=kids)  # whose form has no tenant
    assert (body["results"][0]["flagged"], headers["x-tidegate-action"]) == (True, "block")


async def test_a_gateway_names_the_tenant(start: Start, file: Path) -> None:
    gateway = add(file, "gw", "acme", KeyRight.MODERATE, KeyRight.ANY_TENANT)
    rig = await start(policy=TENANTS, keys_file=file)
    assert await action(rig, gateway) == "flag"  # its own, where none is named
    assert await action(rig, gateway, "kids") == "block"
    assert await action(rig, gateway, "acme", tidegate_tenant="kids") == "block"
    of = {"input_type": "response", "texts": [STRICT], "request_data": {"user_api_key_team_id": "kids"}}
    assert (await rig.post(LITELLM, of, x_api_key=gateway))[1]["action"] == "BLOCKED"
    _, _, headers = await rig.post(OPENAI, {"input": STRICT}, x_api_key=gateway, tidegate_tenant="kids")
    assert headers["x-tidegate-action"] == "block"
    status, body, _ = await rig.post(OPENAI, {"input": STRICT}, x_api_key=gateway, tidegate_tenant="a|hunter2")
    assert (status, "hunter2" in json.dumps(body)) == (400, False)


# --- rates


async def test_more_requests_than_the_key_may_send_are_429(start: Start, file: Path) -> None:
    slow, free = add(file, "slow", requests_per_s=0.01), add(file, "free")
    rig = await start(keys_file=file)
    assert (await rig.post(PERSPECTIVE, BODIES[PERSPECTIVE], x_api_key=slow))[0] == 200
    status, body, headers = await rig.post(PERSPECTIVE, BODIES[PERSPECTIVE], x_api_key=slow)
    assert (status, body["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert 90_000 < int(headers["retry-after-ms"]) <= 100_000
    status, body, _ = await rig.post(OPENAI, BODIES[OPENAI], x_api_key=slow)
    assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
    assert (await rig.post(OPENAI, BODIES[OPENAI], x_api_key=free))[0] == 200  # nobody else waits


async def test_more_characters_than_the_key_may_send_are_429(start: Start, file: Path) -> None:
    secret = add(file, characters_per_s=1)
    rig = await start(keys_file=file)
    assert (await rig.post(OPENAI, {"input": ["x" * 500, "y" * 500]}, x_api_key=secret))[0] == 200
    status, body, headers = await rig.post(OPENAI, {"input": "x"}, x_api_key=secret)
    assert (status, body["error"]["type"]) == (429, "requests")
    assert 900_000 < int(headers["retry-after-ms"]) <= 1_000_000


# --- the file, while it runs


async def test_keys_are_in_force_without_a_restart(start: Start, file: Path) -> None:
    first = add(file)
    rig = await start(keys_file=file)
    second = add(file, "app")
    await answered(rig, 200, second)
    revoke_key(file, find_key(file, "web").id)
    await answered(rig, 401, first)
    assert await metric(rig, "tidegate_api_keys") == 1


@pytest.mark.parametrize("broken", [b'{"keys": [', b"", None])
async def test_of_a_broken_file_the_last_good_keys_stay(
    start: Start, file: Path, broken: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    secret = add(file)
    rig = await start(keys_file=file)
    good = put(file, broken)
    async with asyncio.timeout(20):
        while await metric(rig, "tidegate_api_keys_unusable") != 1:
            await asyncio.sleep(0.01)
    assert (await rig.post(OPENAI, BODIES[OPENAI], x_api_key=secret))[0] == 200
    assert caplog.text.count("the last good keys stay in force") == 1  # once, not once a look
    put(file, good)
    async with asyncio.timeout(20):
        while await metric(rig, "tidegate_api_keys_unusable") != 0:
            await asyncio.sleep(0.01)
    revoke_key(file, find_key(file, "web").id)
    await answered(rig, 401, secret)


async def test_a_start_without_good_keys_is_refused(start: Start, file: Path) -> None:
    for content in (None, b"{"):
        put(file, content)
        with pytest.raises(SettingsError, match=r"^TIDEGATE_SERVE_KEYS_FILE: .*keys\.json: "):
            await start(ScriptedScorer(), keys_file=file)


async def test_a_file_that_others_may_write_is_said(start: Start, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    add(file)
    put(file, put(file, None), 0o666)
    await start(keys_file=file)
    assert "can be written by others" in caplog.text


async def test_the_token_of_the_probes_is_no_key(start: Start, file: Path) -> None:
    """One is the scraper's, the others are the callers'."""
    token = "0123456789abcdef-of-the-probes"  # noqa: S105 - of this test
    secret = add(file)
    rig = await start(keys_file=file, token=token)
    assert (await rig.post(OPENAI, BODIES[OPENAI], Authorization=f"Bearer {token}"))[0] == 401
    url = f"http://127.0.0.1:{rig.process.probe_port}/metrics"
    for sent, status in ((token, 200), (secret, 401)):
        async with rig.client.get(url, headers={"Authorization": f"Bearer {sent}"}) as answer:
            assert answer.status == status


async def test_the_document_says_where_a_key_goes(start: Start, file: Path) -> None:
    secret = add(file)
    rig = await start(keys_file=file)
    async with rig.client.get(
        f"http://127.0.0.1:{rig.process.port}/openapi.json", headers={"x-api-key": secret}
    ) as answer:
        described = await answer.json()
    assert set(described["components"]["securitySchemes"]) == {
        "bearer", "x-api-key", "api-key", "Ocp-Apim-Subscription-Key", "x-goog-api-key", "key",
    }  # fmt: skip
    ways = {path: len(one["post"]["security"]) for path, one in described["paths"].items() if "post" in one}
    assert ways == dict.fromkeys(ways, 5) | {PERSPECTIVE: 6, SUGGEST_PATH: 6}
    assert {"401", "403", "429"} <= set(described["paths"][OPENAI]["post"]["responses"])
