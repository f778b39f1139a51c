"""Every row of every mapping table in docs/reference/input-forms.md, and every example there."""

from __future__ import annotations

import base64
import copy
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.wire.records import record
from tidegate.streams.core.events import Completion, DeadLetterReason, Feedback
from tidegate.streams.wire import Unreadable, decode_completion, decode_feedback, litellm, shapes

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "input-forms.md").read_text()
INVALID, VERSION, FORM = DeadLetterReason.INVALID, DeadLetterReason.UNKNOWN_VERSION, DeadLetterReason.UNKNOWN_FORM


class Refusal(NamedTuple):
    """What a row's "otherwise" may be: a dead letter that names this place."""

    where: str
    reason: DeadLetterReason = INVALID


class DocRow(NamedTuple):
    """`given` at `theirs` makes our `field` `found`; without it, `field` is `otherwise`."""

    theirs: str  # as the page has it; `[]` is the first element
    given: Any
    field: str
    found: Any
    otherwise: Any
    base: dict[str, Any] | None = None  # in place of the table's


HERE = "completions[3]@88214"  # where tests.wire.records puts a record
MESSAGE = {"role": "assistant", "content": "hello"}
CHAT = {"id": "x", "object": "chat.completion", "choices": [{"message": MESSAGE}]}
LITELLM = {
    "id": "x",
    "call_type": "acompletion",
    "status": "success",
    "response": {"choices": [{"message": MESSAGE}]},
    "metadata": {"requester_metadata": {}},
}
EMPTY: dict[str, Any] = {**LITELLM, "response": {}}
PART = {"type": "output_text", "text": "hello"}
ITEM = {"type": "message", "content": [PART]}
RESPONSE = {"id": "x", "object": "response", "output": [ITEM], "metadata": {}}
REFUSED = {**RESPONSE, "output": [{"type": "message", "content": [{"type": "refusal"}]}]}
ANTHROPIC = {"id": "x", "type": "message", "content": [{"type": "text", "text": "hello"}], "metadata": {}}
GEMINI = {"responseId": "x", "candidates": [{"content": {"parts": [{"text": "hello"}]}}], "metadata": {}}
REPLY = {"id": "x", "message": MESSAGE, "metadata": {}}
CONVERSE = {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn"}
UNNAMED = {"candidates": GEMINI["candidates"]}
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"completion": "hello"}}
NATIVE = {"id": "x", "completion": "hello"}
NOON = 1_767_268_800  # 2026-01-01T12:00:00Z, in seconds

BASES: dict[str, dict[str, Any]] = {
    "Native": NATIVE,
    "OpenAI `chat.completion` and `text_completion`": {**CHAT, "metadata": {}},
    "OpenAI `response`": RESPONSE,
    "Anthropic `message`": ANTHROPIC,
    "Gemini `generateContent`": GEMINI,
    "A message alone": REPLY,
    "LiteLLM `StandardLoggingPayload`": LITELLM,
    "Structured:": EVENT,
    "Feedback": {"id": "f", "completion_id": "x", "kind": "appeal"},
    "Binary:": {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s"},
    "Headers, in every form": {},
}

ENCODED_CHAT = base64.b64encode(json.dumps(CHAT).encode()).decode()
ROWS: dict[str, list[DocRow]] = {
    "Native": [
        DocRow("id", "a", "id", "a", HERE),
        DocRow("completion", ["a", "b"], "completion", ("a", "b"), Refusal("completion")),
        DocRow("prompt", "p", "prompt", "p", None),
        DocRow("status", "failed", "status", "failed", "ok"),
        DocRow("tenant", "a", "tenant", "a", "unknown"),
        DocRow("model", "a", "model", "a", "unknown"),
        DocRow("route", "a", "route", "a", "unknown"),
        DocRow("locale", "a", "locale", "a", "unknown"),
        DocRow("user", "a", "user", "a", None),
        DocRow("conversation", "a", "conversation", "a", None),
        DocRow("at_ms", NOON * 1000, "at_ms", NOON * 1000, None),
        DocRow("schema_version", 1, "schema_version", 1, 1),
    ],
    "OpenAI `chat.completion` and `text_completion`": [
        DocRow("id", "a", "id", "a", HERE),
        DocRow("choices[].message.content", [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}],
            "completion", "ab", ""),
        DocRow("choices[].message.refusal", "no", "completion", "hello\nno", "hello"),
        DocRow("choices[].message.audio.transcript", "said", "completion", "hello\nsaid", "hello"),
        DocRow("choices[].text", "older", "completion", "older", "hello"),
        DocRow("model", "m", "model", "m", "unknown"),
        DocRow("created", NOON, "at_ms", NOON * 1000, None),
        DocRow("metadata.tenant", "a", "tenant", "a", "unknown"),
        DocRow("metadata.route", "a", "route", "a", "unknown"),
        DocRow("metadata.locale", "a", "locale", "a", "unknown"),
        DocRow("metadata.conversation", "a", "conversation", "a", None),
        DocRow("metadata.user", "a", "user", "a", None),
        DocRow("user", "a", "user", "a", None),
    ],
    "OpenAI `response`": [
        DocRow("id", "a", "id", "a", HERE),
        DocRow("output[].content[].text", "a", "completion", "a", ""),
        DocRow("output[].content[].refusal", "no", "completion", "no", "", REFUSED),
        DocRow("output_text", "a", "completion", "a", "", {**RESPONSE, "output": []}),
        DocRow("status", "cancelled", "status", "failed", "ok"),
        DocRow("model", "m", "model", "m", "unknown"),
        DocRow("created_at", NOON, "at_ms", NOON * 1000, None),
        DocRow("metadata.tenant", "a", "tenant", "a", "unknown"),
        DocRow("metadata.route", "a", "route", "a", "unknown"),
        DocRow("metadata.locale", "a", "locale", "a", "unknown"),
        DocRow("metadata.conversation", "a", "conversation", "a", None),
        DocRow("conversation.id", "a", "conversation", "a", None),
        DocRow("conversation", "a", "conversation", "a", None),
        DocRow("metadata.user", "a", "user", "a", None),
        DocRow("user", "a", "user", "a", None),
        DocRow("safety_identifier", "a", "user", "a", None),
    ],
    "Anthropic `message`": [
        DocRow("id", "a", "id", "a", HERE),
        DocRow("content[].text", "a", "completion", "a", ""),
        DocRow("model", "m", "model", "m", "unknown"),
        DocRow("metadata.tenant", "a", "tenant", "a", "unknown"),
        DocRow("metadata.route", "a", "route", "a", "unknown"),
        DocRow("metadata.locale", "a", "locale", "a", "unknown"),
        DocRow("metadata.conversation", "a", "conversation", "a", None),
        DocRow("metadata.user", "a", "user", "a", None),
        DocRow("metadata.user_id", "a", "user", "a", None),
    ],
    "Gemini `generateContent`": [
        DocRow("responseId", "a", "id", "a", HERE),
        DocRow("response_id", "a", "id", "a", HERE, UNNAMED),
        DocRow("candidates[].content.parts[].text", "a", "completion", "a", ""),
        DocRow("modelVersion", "m", "model", "m", "unknown"),
        DocRow("model_version", "m", "model", "m", "unknown"),
        DocRow("createTime", "2026-01-01T12:00:00Z", "at_ms", NOON * 1000, None),
        DocRow("create_time", "2026-01-01T12:00:00Z", "at_ms", NOON * 1000, None),
        DocRow("metadata.tenant", "a", "tenant", "a", "unknown"),
        DocRow("metadata.route", "a", "route", "a", "unknown"),
        DocRow("metadata.locale", "a", "locale", "a", "unknown"),
        DocRow("metadata.conversation", "a", "conversation", "a", None),
        DocRow("metadata.user", "a", "user", "a", None),
    ],
    "A message alone": [
        DocRow("id", "a", "id", "a", HERE),
        DocRow("message.content", [{"text": "a"}], "completion", "a", "", {**REPLY, "done": True}),
        DocRow("output.message.content", [{"text": "a"}], "completion", "a", Refusal("value", FORM), CONVERSE),
        DocRow("response", "a", "completion", "a", Refusal("value", FORM), {"done": True}),
        DocRow("model", "m", "model", "m", "unknown"),
        DocRow("created_at", "2026-01-01T12:00:00.000000001Z", "at_ms", NOON * 1000, None),
        DocRow("metadata.tenant", "a", "tenant", "a", "unknown"),
        DocRow("metadata.route", "a", "route", "a", "unknown"),
        DocRow("metadata.locale", "a", "locale", "a", "unknown"),
        DocRow("metadata.conversation", "a", "conversation", "a", None),
        DocRow("metadata.user", "a", "user", "a", None),
    ],
    "LiteLLM `StandardLoggingPayload`": [
        DocRow("id", "a", "id", "a", HERE),
        DocRow("status", "failure", "status", "failed", "ok"),
        DocRow("response", "a", "completion", "a", Refusal("response")),
        DocRow("response.choices", [{"message": MESSAGE}, {"text": "b"}],
            "completion", ("hello", "b"), Refusal("response"), EMPTY),
        DocRow("response.output", [ITEM], "completion", "hello", Refusal("response"), EMPTY),
        DocRow("response.content", ANTHROPIC["content"],
            "completion", "hello", Refusal("response"), {**EMPTY, "response": {"role": "assistant"}}),
        DocRow("response.candidates", GEMINI["candidates"], "completion", "hello", Refusal("response"), EMPTY),
        DocRow("response.response", json.dumps(CHAT), "completion", "hello", Refusal("response"), EMPTY),
        DocRow("messages", [{"role": "user", "content": "1"}, {"role": "user", "content": "2"}, MESSAGE],
            "prompt", "2", None),
        DocRow("model", "m", "model", "m", "unknown"),
        DocRow("endTime", NOON + 0.25, "at_ms", NOON * 1000 + 250, None),
        DocRow("startTime", NOON + 0.5, "at_ms", NOON * 1000 + 500, None),
        DocRow("metadata.user_api_key_team_id", "a", "tenant", "a", "unknown"),
        DocRow("metadata.user_api_key_org_id", "a", "tenant", "a", "unknown"),
        DocRow("metadata.requester_metadata.tenant", "a", "tenant", "a", "unknown"),
        DocRow("metadata.requester_metadata.route", "a", "route", "a", "unknown"),
        DocRow("metadata.requester_metadata.locale", "a", "locale", "a", "unknown"),
        DocRow("metadata.requester_metadata.conversation", "a", "conversation", "a", None),
        DocRow("trace_id", "a", "conversation", "a", None),
        DocRow("end_user", "a", "user", "a", None),
        DocRow("metadata.user_api_key_end_user_id", "a", "user", "a", None),
        DocRow("metadata.user_api_key_user_id", "a", "user", "a", None),
    ],
    "Structured:": [
        DocRow("specversion", "1.0", "id", "/s#1", Refusal("value", FORM)),
        DocRow("id", "2", "id", "/s#2", HERE),
        DocRow("source", "//other", "id", "//other#1", HERE),
        DocRow("time", "2026-01-01T13:00:00.5+01:00", "at_ms", NOON * 1000 + 500, None),
        DocRow("data", CHAT, "completion", "hello", Refusal("data")),
        DocRow("data_base64", ENCODED_CHAT, "completion", "hello", Refusal("data")),
    ],
    "Binary:": [
        DocRow("ce_specversion", "1.0", "id", "/s#1", Refusal("header ce_specversion", VERSION)),
        DocRow("ce_id", "2", "id", "/s#2", HERE),
        DocRow("ce_source", "//other", "id", "//other#1", HERE),
        DocRow("ce_time", "2026-01-01T12:00:00Z", "at_ms", NOON * 1000, None),
    ],
    "Feedback": [
        DocRow("id", "a", "id", "a", HERE),
        DocRow("completion_id", "a", "completion_id", "a", Refusal("completion_id")),
        DocRow("kind", "upheld", "kind", "upheld", Refusal("kind")),
        DocRow("tenant", "a", "tenant", "a", None),
        DocRow("model", "a", "model", "a", None),
        DocRow("route", "a", "route", "a", None),
        DocRow("user", "a", "user", "a", None),
        DocRow("at_ms", NOON * 1000, "at_ms", NOON * 1000, None),
        DocRow("schema_version", 1, "schema_version", 1, 1),
    ],
    "Headers, in every form": [
        DocRow("tidegate-tenant", "a", "tenant", "a", "said"),
        DocRow("tidegate-model", "a", "model", "a", "said"),
        DocRow("tidegate-route", "a", "route", "a", "said"),
        DocRow("tidegate-locale", "a", "locale", "a", "said"),
        DocRow("tidegate-user", "a", "user", "a", "said"),
        DocRow("tidegate-conversation", "a", "conversation", "a", "said"),
    ],
}  # fmt: skip

SAID = {**NATIVE, **dict.fromkeys(("tenant", "model", "route", "locale", "user", "conversation"), "said")}


def read(table: str, found: dict[str, Any]) -> Completion | Feedback | Unreadable:
    if table == "Headers, in every form":
        return decode_completion(record(SAID, found))
    if table == "Binary:":
        return decode_completion(record({"completion": "hello"}, found))
    return decode_feedback(record(found)) if table == "Feedback" else decode_completion(record(found))


def put(found: dict[str, Any], path: str, given: Any = None) -> dict[str, Any]:
    """A copy with `given` at the path, or without that key where None is given."""
    copied = node = copy.deepcopy(found)
    *parents, last = re.sub(r"\[\]", ".0", path).split(".")
    for key in parents:
        node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
    if given is None:
        node.pop(last, None)
    else:
        node[last] = given
    return copied


def cases() -> list[Any]:
    return [
        pytest.param(table, row, id=f"{table.split()[0]}-{row.theirs}") for table, rows in ROWS.items() for row in rows
    ]


def base_of(table: str, row: DocRow) -> dict[str, Any]:
    base = BASES[table] if row.base is None else row.base
    return put(base, "data") if row.theirs == "data_base64" else base


@pytest.mark.parametrize(("table", "row"), cases())
def test_a_row_gives_its_field(table: str, row: DocRow) -> None:
    event = read(table, put(base_of(table, row), row.theirs, row.given))
    assert getattr(event, row.field) == row.found


@pytest.mark.parametrize(("table", "row"), cases())
def test_a_row_without_its_field_is_as_documented(table: str, row: DocRow) -> None:
    event = read(table, put(base_of(table, row), row.theirs))
    if isinstance(row.otherwise, Refusal):
        assert isinstance(event, Unreadable)
        assert (event.reason, event.where) == (row.otherwise.reason, row.otherwise.where)
    else:
        assert getattr(event, row.field) == row.otherwise


# --- the page


def tables() -> dict[str, list[str]]:
    """The first column of each mapping table on the page, under the heading or line that stands over it."""
    found: dict[str, list[str]] = {}
    over = ""
    for line in PAGE.splitlines():
        if line.startswith("## ") or line in ("Structured:", "Binary:"):
            over = line.removeprefix("## ")
        elif line.startswith("| `") and over in ROWS:
            found.setdefault(over, []).append(line.split("`")[1])
    return found


def test_the_page_has_the_rows_tested_here() -> None:
    assert tables() == {table: [row.theirs for row in rows] for table, rows in ROWS.items()}


PATHS = {
    "OpenAI `chat.completion` and `text_completion`": shapes.CHAT.paths,
    "OpenAI `response`": shapes.RESPONSE.paths,
    "Anthropic `message`": shapes.ANTHROPIC.paths,
    "Gemini `generateContent`": shapes.GEMINI.paths,
    "A message alone": shapes.REPLY.paths,
    "LiteLLM `StandardLoggingPayload`": litellm.PATHS,
}


@pytest.mark.parametrize("table", PATHS)
def test_the_page_has_the_rows_of_the_code(table: str) -> None:
    for field, candidates in PATHS[table].items():
        rows = [row.theirs for row in ROWS[table] if row.theirs in candidates]
        assert rows == list(candidates), field  # in this order: the first that is there wins


@pytest.mark.parametrize("table", PATHS)
def test_of_several_places_the_first_row_wins(table: str) -> None:
    for field, candidates in PATHS[table].items():
        for first, second in pairwise(candidates):
            if first.startswith(second):
                continue  # one key, as an object or as a string
            values: tuple[Any, Any] = (NOON, NOON + 1) if field == "at_ms" else ("first", "second")
            given = ("2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z") if first == "createTime" else values
            found = put(put(BASES[table], first, given[0]), second, given[1])
            assert getattr(read(table, found), field) == (NOON * 1000 if field == "at_ms" else "first")
            empty = put(found, first, "")  # an empty string is not there
            assert getattr(read(table, empty), field) == (NOON * 1000 + 1000 if field == "at_ms" else "second")


EXAMPLES = re.findall(r"```json\n(.*?)```\n\nreads as\n\n```json\n(.*?)```", PAGE, re.S)


def test_every_form_has_an_example() -> None:
    assert len(EXAMPLES) == len(ROWS)
    assert PAGE.count("```json") == 2 * len(EXAMPLES)


@pytest.mark.parametrize(("given", "reads"), EXAMPLES)
def test_an_example_reads_as_documented(given: str, reads: str) -> None:
    value, headers = json.loads(given), None
    if "headers" in value:
        value, headers = value["value"], value["headers"]
    expected = json.loads(reads)
    if "kind" in expected:
        assert decode_feedback(record(value, headers)) == Feedback(**expected)
    else:
        assert decode_completion(record(value, headers)) == Completion(**expected)


def test_the_page_explains_every_reason() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.split("## What becomes a dead letter")[1], re.M)
    assert rows == [reason.value for reason in DeadLetterReason]
