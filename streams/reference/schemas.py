"""The contracts as files for other programs: JSON Schemas and an AsyncAPI 3 document, generated from the models.

`tidegate schemas` writes them to schemas/; a test compares the committed files with these. Pure: returns text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from tidegate.streams.core.events import INCOMING, OUTGOING, PolicyChange, ShadowChange, Silence
from tidegate.streams.core.fields import Incoming
from tidegate.streams.core.policy.model import Policy
from tidegate.streams.core.policy.tables import Frozen
from tidegate.streams.reference.editor import editor_schema
from tidegate.streams.topics import TOPICS, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JSON = "application/json"

Contract = tuple[type[BaseModel], Literal["validation", "serialization"]]

_READ_AND_WRITTEN = (PolicyChange, ShadowChange, Silence)
# These are refused with an unknown key: it may change what the record means. All others allow unknown keys, so that a
# consumer that validates does not break with the next field.
_CLOSED = (*_READ_AND_WRITTEN, Frozen)


def generate() -> dict[str, str]:
    """Returns file name -> text: `<event>.schema.json` for every event, `policy.schema.json`, `asyncapi.json`.

    Input is described as it is validated (keys with defaults may be absent), output as it is written (every key is
    there).
    """
    files: dict[str, Mapping[str, Any]] = {
        f"{_dashed(model.__name__)}.schema.json": {
            "$schema": DIALECT,
            **model.model_json_schema(mode=mode, schema_generator=_Plain),
        }
        for model, mode in _events()
    }
    files["policy.schema.json"] = editor_schema(Policy.model_json_schema(schema_generator=_Plain))
    files["asyncapi.json"] = asyncapi()
    return {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in files.items()}


def asyncapi() -> dict[str, Any]:
    """Returns the AsyncAPI 3.0 document: a channel a topic of `streams/topics.py`, from Tidegate's side."""
    _, schemas = models_json_schema(_events(), schema_generator=_Plain, ref_template="#/components/schemas/{model}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tidegate",
            "version": "1.0.0",  # of these contracts: its first number is the events' schema_version
            "description": (
                "Streaming moderation for model outputs: completions in, decisions, rates and alerts out. Within one "
                "schema_version fields are only added, never taken away or changed in meaning: ignore those that you "
                "do not know, in nested objects too. An action, a state or a reason that you do not know is not to be "
                "ignored: it says what the event means."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON,
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(operation for topic in TOPICS for operation in _operations(topic)),
        "components": {
            "messages": {model.__name__: _message(model) for model, _ in _events()},
            "schemas": schemas["$defs"],
        },
    }


class _Plain(GenerateJsonSchema):
    """Generates schemas without a title for every field: it repeats the name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        generated = super().model_schema(schema)
        if not issubclass(schema["cls"], _CLOSED):
            generated.pop("additionalProperties", None)
        if issubclass(schema["cls"], Incoming):  # the decoders read null as a key that is not there
            for name, of in generated["properties"].items():
                if name not in generated.get("required", ()):
                    generated["properties"][name] = _or_null(of)
        return generated


def _or_null(of: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of a key that may be null as well."""
    annotations = {k: v for k, v in of.items() if k in ("default", "description")}
    branches = of["anyOf"] if "anyOf" in of else [{k: v for k, v in of.items() if k not in annotations}]
    if {"type": "null"} in branches:
        return of
    return {"anyOf": [*branches, {"type": "null"}], **annotations}


def _events() -> list[Contract]:
    incoming: list[Contract] = [(model, "validation") for model in INCOMING]
    return incoming + [(model, "serialization") for model in OUTGOING]


def _channel(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {"cleanup.policy": [topic.cleanup]}
    if topic.cleanup == "delete":
        configuration["retention.ms"] = -1 if topic.retention_ms is None else topic.retention_ms
    kafka: dict[str, Any] = {"topicConfiguration": configuration, "bindingVersion": "0.5.0"}
    if topic.partitions is not None:
        kafka["partitions"] = topic.partitions
    return {
        "address": topic.name,
        "description": f"{topic.about} Key: {topic.key}. {_retention(topic)}",
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"} for event in topic.events},
        "bindings": {"kafka": kafka},
    }


def _retention(topic: Topic) -> str:
    if topic.cleanup == "compact":
        return "Compacted: the last record of each key stays."
    return "Kept for ever." if topic.retention_ms is None else f"Kept for {topic.retention_ms // 86_400_000} d."


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    """Returns Tidegate's operations on a topic: it receives input, sends output, and does both on the policy log."""
    if not topic.events:
        return []
    receives = [event for event in topic.events if event in (*INCOMING, *_READ_AND_WRITTEN)]
    sends = [event for event in topic.events if event in OUTGOING]
    return [
        (
            f"{action}-{topic.name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{event.__name__}"} for event in events],
            },
        )
        for action, events in (("receive", receives), ("send", sends))
        if events
    ]


def _message(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "name": model.__name__,
        "summary": (model.__doc__ or "").strip().splitlines()[0],
        "contentType": JSON,
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
    }


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
