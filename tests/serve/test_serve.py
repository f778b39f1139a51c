"""`tidegate serve` in this process: its answers, its refusals, its faults, its document."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import aiohttp
import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.serve.conftest import ServeRig, Start, moderator
from tests.serve.slow import SlowScorer
from tests.support.scorers import RELEASE, ScriptedScorer
from tidegate.streams.errors import SettingsError
from tidegate.streams.moderation.moderator import Moderator
from tidegate.streams.serve.apis import ENDPOINTS
from tidegate.streams.serve.process import ServeOptions, ServeProcess
from tidegate.streams.serve.queue import QueueBounds
from tidegate.streams.settings.settings import Settings
from tidegate.streams.wire.http.perspective import SUGGEST_PATH

OPENAI, DECIDE, GUARD, PERSPECTIVE = "/v1/moderations", "/v1/decide", "/v1/guard", "/v1alpha1/comments:analyze"
LITELLM, FMS, AZURE = "/beta/litellm_basic_guardrail_api", "/api/v1/text/contents", "/contentsafety/text:analyze"
GET = {"/openapi.json", "/docs", "/$discovery/rest", "/health"}
BODIES: dict[str, Any] = {
    OPENAI: {"input": "toxicity=0.95"},
    DECIDE: {"id": "c1", "completion": "toxicity=0.95"},
    GUARD: {"prompt": "threat=0.95"},
    LITELLM: {"input_type": "response", "texts": ["toxicity=0.95", "fine"], "litellm_call_id": "c"},
    FMS: {"contents": ["toxicity=0.95", "fine"]},
    AZURE: {"text": "toxicity=0.95"},
    PERSPECTIVE: {"comment": {"text": "toxicity=0.95"}, "requestedAttributes": {"TOXICITY": {}}},
}


async def metric(rig: ServeRig, name: str, **labels: str) -> float:
    _, page, _ = await rig.get("/metrics", probes=True)
    values = [
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(values)


# --- answers


async def test_openais_moderation_is_answered(start: Start) -> None:
    rig = await start()
    status, body, headers = await rig.post(OPENAI, {"input": ["toxicity=0.95", "fine"]}, x_request_id="mine")
    assert status == 200
    assert [result["flagged"] for result in body["results"]] == [True, False]
    assert body["results"][0]["category_scores"]["harassment"] == 0.95
    assert (headers["x-request-id"], headers["x-tidegate-action"]) == ("mine", "block")
    assert await metric(rig, "tidegate_http_actions_total", action="block") == 1
    assert await metric(rig, "tidegate_http_requests_total", path=OPENAI, status="200") == 1


async def test_a_completion_is_decided(start: Start) -> None:
    rig = await start()
    status, body, headers = await rig.post(DECIDE, {"id": "c1", "completion": "so insult=0.75 there", "tenant": "acme"})
    assert (status, body["action"], body["request_id"]) == (200, "redact", "c1")
    assert body["redacted"] == "so █████ there"
    assert body["id"] == f"http-{headers['x-request-id']}"
    assert (body["policy_version"], body["model_version"]) == ("p-1", "scripted@1")


async def test_a_prompt_is_guarded(start: Start) -> None:
    rig = await start()
    answers = [(await rig.post(GUARD, {"prompt": f"threat={score}"}))[1] for score in (0.1, 0.7, 0.95)]
    assert [(body["action"], body["verdict"]) for body in answers] == [
        ("allow", "allow"),
        ("allow", "flag"),
        ("block", "block"),
    ]
    assert await metric(rig, "tidegate_guard_prompts_total", action="block") == 1
    assert await metric(rig, "tidegate_guard_prompts_total", action="allow") == 2


async def test_perspectives_clients_find_their_methods(start: Start) -> None:
    """Google's client makes itself from the discovery document, and sends the key as a query, which is ignored."""
    rig = await start()
    status, document, _ = await rig.get("/$discovery/rest?version=v1alpha1")
    assert (status, json.loads(document)["rootUrl"]) == (200, f"http://127.0.0.1:{rig.process.port}/")
    status, body, _ = await rig.post(f"{PERSPECTIVE}?key=secret&alt=json", BODIES[PERSPECTIVE])
    assert (status, body["attributeScores"]["TOXICITY"]["summaryScore"]["value"]) == (200, 0.95)
    rig = await start(url="https://moderation.example")
    assert json.loads((await rig.get("/$discovery/rest"))[1])["rootUrl"] == "https://moderation.example/"


async def test_the_forms_of_gateways_are_answered(start: Start) -> None:
    """LiteLLM's guardrail, FMS detectors (NeMo, TrustyAI), Azure: one verdict in each one's words."""
    rig = await start()
    status, body, _ = await rig.post(LITELLM, BODIES[LITELLM])
    assert (status, body["action"]) == (200, "BLOCKED")
    status, detections, _ = await rig.post(FMS, BODIES[FMS], detector_id="toxicity")
    assert (status, [[found["detection"] for found in one] for one in detections]) == (200, [["toxicity"], []])
    status, body, _ = await rig.post(f"{AZURE}?api-version=2024-09-01", BODIES[AZURE])
    severities = {one["category"]: one["severity"] for one in body["categoriesAnalysis"]}
    assert (status, severities) == (200, {"Hate": 6, "SelfHarm": 0, "Sexual": 0, "Violence": 0})


# --- refusals, each in its API's form


@pytest.mark.parametrize("path", BODIES)
async def test_a_page_on_the_web_cannot_call(start: Start, path: str) -> None:
    rig = await start()
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        status, body, _ = await rig.post(path, BODIES[path], **headers)
        assert (status, bool(body.get("error", body))) == (403, True)
    assert (await rig.post(path, BODIES[path], Content_Type="text/plain"))[0] == 415


async def test_a_key_is_ignored_where_none_is_asked_for(start: Start) -> None:
    """OpenAI's client cannot be made without one."""
    rig = await start()
    assert (await rig.post(OPENAI, BODIES[OPENAI], Authorization="Bearer sk-whatever"))[0] == 200


async def test_errors_are_in_openais_form(start: Start) -> None:
    rig = await start()
    for body, param in (({}, "input"), ({"input": []}, "input"), (b"{", None)):
        status, found, _ = await rig.post(OPENAI, body)
        assert status == 400
        assert set(found["error"]) == {"message", "type", "param", "code"}
        assert (found["error"]["type"], found["error"]["param"]) == ("invalid_request_error", param)


async def test_a_large_body_is_413(start: Start) -> None:
    rig = await start()
    status, body, _ = await rig.post(OPENAI, {"input": "x" * 2**20})
    assert (status, body["error"]["type"]) == (413, "invalid_request_error")
    rig = await start(bounds=QueueBounds(chars=100))
    assert (await rig.post(OPENAI, {"input": "x" * 101}))[0] == 413


async def test_a_full_queue_is_429_and_then_free(start: Start) -> None:
    """Every request is answered with 200 or 429; what is refused says when to try again."""
    rig = await start(SlowScorer(), bounds=QueueBounds(requests=4, batches=1))
    answers = await asyncio.gather(*(rig.post(OPENAI, BODIES[OPENAI]) for _ in range(40)))
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {200, 429}
    refused = next(answer for answer in answers if answer[0] == 429)
    assert refused[1]["error"]["code"] == "rate_limit_exceeded"
    assert (refused[2]["retry-after-ms"], refused[2]["retry-after"]) == ("500", "1")
    assert await metric(rig, "tidegate_http_queue_requests") == 0
    assert (await rig.post(OPENAI, BODIES[OPENAI]))[0] == 200


# --- faults


async def test_a_classifier_that_raises_is_an_answer(start: Start) -> None:
    """OpenAI's form has no field for it: 503. Ours has: the action is what the policy's `faults` ask for."""
    rig = await start()
    (status, body, headers), (_, fine, _) = await asyncio.gather(
        rig.post(OPENAI, {"input": "RAISE"}), rig.post(OPENAI, {"input": "toxicity=0.95"})
    )
    assert (status, body["error"]["type"], headers["retry-after-ms"]) == (503, "server_error", "1000")
    assert fine["results"][0]["flagged"] is True
    _, body, _ = await rig.post(DECIDE, {"id": "c", "completion": "RAISE"})
    assert (body["fault"], body["action"]) == ("classifier_error", "block")
    _, body, _ = await rig.post(GUARD, {"prompt": "RAISE"})
    assert (body["fault"], body["action"]) == ("classifier_error", "block")
    assert await metric(rig, "tidegate_http_faults_total", reason="classifier_error") == 3


async def test_a_classifier_that_hangs_is_a_fault(start: Start) -> None:
    """Its neighbours of the same batch are answered."""
    rig = await start()
    (status, body, _), (_, fine, _) = await asyncio.gather(
        rig.post(DECIDE, {"id": "h", "completion": "HANG"}),
        rig.post(DECIDE, {"id": "f", "completion": "toxicity=0.95"}),
    )
    assert (status, body["fault"], fine["action"], fine["fault"]) == (200, "classifier_timeout", "block", None)
    RELEASE.set()


async def test_an_answer_that_takes_too_long_is_503(start: Start) -> None:
    rig = await start(SlowScorer(), timeout_s=0.02)
    status, body, headers = await rig.post(OPENAI, BODIES[OPENAI])
    assert (status, body["error"]["type"], headers["retry-after-ms"]) == (503, "server_error", "500")


# --- probes, start and stop


async def test_probes_are_on_a_port_of_their_own(start: Start) -> None:
    rig = await start()
    assert (await rig.get("/healthz", probes=True))[0] == 200
    assert (await rig.get("/readyz", probes=True))[0] == 200
    assert await metric(rig, "tidegate_ready") == 1
    assert await metric(rig, "tidegate_policy_info", version="p-1") == 1
    assert (await rig.get("/metrics"))[0] == 404  # neither serves the other's
    assert (await rig.get("/docs", probes=True))[0] == 404


async def test_it_is_not_ready_before_its_model_is_loaded() -> None:
    """Its probes answer meanwhile: a model takes a second or two, and an orchestrator asks."""
    loaded = threading.Event()

    def load() -> Moderator:
        loaded.wait(20)
        return moderator(ScriptedScorer())

    process = ServeProcess(ServeOptions(), load)
    opening = asyncio.create_task(process.open())
    async with aiohttp.ClientSession() as client, asyncio.timeout(20):
        while not process.probe_port:
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{process.probe_port}/readyz"
        async with client.get(url) as answer:
            assert (answer.status, (await answer.json())["waiting_for"]) == (503, {"model": "loading it"})
        loaded.set()
        await opening
        async with client.get(url) as answer:
            assert answer.status == 200
    await process.close()


async def test_a_port_in_use_is_an_error_of_its_setting(start: Start) -> None:
    rig = await start()
    process = ServeProcess(ServeOptions(port=rig.process.port), lambda: moderator(ScriptedScorer()))
    with pytest.raises(
        SettingsError, match=r"^TIDEGATE_SERVE_PORT: 127\.0\.0\.1:\d+: .*in use.*; expected a free port"
    ):
        await process.open()
    await process.close()


async def test_a_probe_port_in_use_is_an_error_of_its_setting(start: Start) -> None:
    """A worker's has another default: both run on one machine."""
    rig = await start()
    process = ServeProcess(ServeOptions(probe_port=rig.process.probe_port), lambda: moderator(ScriptedScorer()))
    with pytest.raises(SettingsError, match=r"^TIDEGATE_SERVE_PROBE_PORT: 127\.0\.0\.1:\d+: .*in use"):
        await process.open()
    await process.close()
    settings = Settings()
    assert len({settings.http_port, settings.serve_port, settings.serve_probe_port}) == 3


async def test_a_drain_answers_what_was_accepted(start: Start) -> None:
    rig = await start(SlowScorer())
    accepted = [asyncio.create_task(rig.post(OPENAI, BODIES[OPENAI])) for _ in range(5)]
    while rig.process.metrics.answered < 1 and not (rig.process._queue and rig.process._queue.requests == 5):
        await asyncio.sleep(0.005)
    closing = asyncio.create_task(rig.process.close())
    await asyncio.sleep(0)
    status, body, headers = await rig.post(OPENAI, BODIES[OPENAI])
    assert (status, body["error"]["type"], headers["Connection"]) == (503, "server_error", "close")
    assert [(await one)[0] for one in accepted] == [200] * 5
    assert await closing is True


# --- the document


async def test_the_document_has_every_route(start: Start) -> None:
    rig = await start()
    described = json.loads((await rig.get("/openapi.json"))[1])
    assert described["openapi"] == "3.1.0"
    assert set(described["paths"]) == {*(endpoint.path for endpoint in ENDPOINTS), SUGGEST_PATH, *GET}
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    schemas = described["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = {part.partition('"')[0] for part in json.dumps(described).split('"#/components/schemas/')[1:]}
    assert references <= set(schemas)
    for operation in operations:
        assert operation["summary"]
        assert all(reply["description"] for reply in operation["responses"].values())


@pytest.mark.parametrize("path", BODIES)
async def test_answers_are_as_the_document_says(start: Start, path: str) -> None:
    """Of status 200, and of every refusal that is easily made; the request, too."""
    rig = await start()
    described = json.loads((await rig.get("/openapi.json"))[1])
    operation = described["paths"][path]["post"]

    def check(schema: dict[str, Any], value: Any) -> None:
        jsonschema.validate(value, schema | {"components": described["components"]}, jsonschema.Draft202012Validator)

    check(operation["requestBody"]["content"]["application/json"]["schema"], BODIES[path])
    calls: list[tuple[Any, dict[str, str]]] = [
        (BODIES[path], {}), (b"{", {}), ({"input": 1, "prompt": 1}, {}), (b'{"comment": []}', {}),
        (BODIES[path], {"Origin": "x"}), (BODIES[path], {"Content_Type": "x"}), (b" " * (2**22 + 1), {}),
    ]  # fmt: skip
    seen = set()
    for body, headers in calls:
        status, answer, _ = await rig.post(path, body, **headers)
        seen.add(status)
        check(operation["responses"][str(status)]["content"]["application/json"]["schema"], answer)
    assert seen == {200, 400, 403, 413, 415} | ({422} if path == FMS else set())


async def test_the_page_needs_no_other_server(start: Start) -> None:
    rig = await start()
    status, page, headers = await rig.get("/docs")
    assert (status, "default-src 'none'" in headers["Content-Security-Policy"]) == (200, True)
    assert "//" not in page.replace("<!doctype", "").replace("https://json-schema.org", "")
    assert "<script" not in page
    assert all(endpoint.path in page for endpoint in ENDPOINTS)


# --- whatever is sent

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["RAISE", "NAN", "text", "image_url"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["input", "prompt", "completion", "id", "model", "type", "text", "comment", "requestedAttributes", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
fields = ("input", "prompt", "completion", "id", "status", "comment", "requestedAttributes", "languages",
          "input_type", "texts", "request_data", "contents", "detector_params", "text", "categories")  # fmt: skip
bodies = st.dictionaries(st.sampled_from(fields), values)


@hypothesis_settings(max_examples=30, deadline=None)
@given(
    sent=st.lists(
        st.tuples(st.sampled_from(sorted(BODIES)), bodies.map(json.dumps).map(str.encode) | st.binary(max_size=40)),
        min_size=1,
        max_size=6,
    )
)
def test_no_body_is_a_500(sent: list[tuple[str, bytes]]) -> None:
    async def statuses() -> set[int]:
        rig = ServeRig(ServeOptions(), moderator(ScriptedScorer()))
        await rig.process.open()
        try:
            answers = await asyncio.gather(*(rig.post(path, body) for path, body in sent))
        finally:
            await rig.close()
        return {status for status, _, _ in answers}

    assert asyncio.run(statuses()) <= {200, 400, 413, 422, 503}
