"""Perspective's messages and methods, once: as its discovery document, and as components of an OpenAPI document.

Google's clients build themselves from the discovery document, so `rootUrl` must be the address that they reach: a
configured one, never the Host header of a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VERSION = "v1alpha1"
_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
_TEXT: dict[str, Any] = {"type": "string"}
_BOOL: dict[str, Any] = {"type": "boolean"}
_FLOAT: dict[str, Any] = {"type": "number", "format": "float"}
_PLACE: dict[str, Any] = {"type": "integer", "format": "int32"}
_SCORE_TYPE: dict[str, Any] = {
    "type": "string",
    "enum": ["SCORE_TYPE_UNSPECIFIED", "PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW"],
}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": name}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _map(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


_COMMON = {
    "comment": _ref("TextEntry"),
    "context": _ref("Context"),
    "languages": _list(_TEXT),
    "clientToken": _TEXT,
    "communityId": _TEXT,
    "sessionId": _TEXT,
}
MESSAGES: Mapping[str, dict[str, dict[str, Any]]] = {
    "AnalyzeCommentRequest": {
        **_COMMON,
        "requestedAttributes": _map(_ref("AttributeParameters")),
        "spanAnnotations": _BOOL,
        "doNotStore": _BOOL,
        "dropUnsupportedAttributes": _BOOL,
    },
    "AnalyzeCommentResponse": {
        "attributeScores": _map(_ref("AttributeScores")),
        "languages": _list(_TEXT),
        "detectedLanguages": _list(_TEXT),
        "clientToken": _TEXT,
    },
    "SuggestCommentScoreRequest": {**_COMMON, "attributeScores": _map(_ref("AttributeScores"))},
    "SuggestCommentScoreResponse": {
        "clientToken": _TEXT,
        "detectedLanguages": _list(_TEXT),
        "requestedLanguages": _list(_TEXT),
    },
    "AttributeParameters": {"scoreType": _SCORE_TYPE, "scoreThreshold": _FLOAT},
    "AttributeScores": {"summaryScore": _ref("Score"), "spanScores": _list(_ref("SpanScore"))},
    "Score": {"value": _FLOAT, "type": _SCORE_TYPE},
    "SpanScore": {"begin": _PLACE, "end": _PLACE, "score": _ref("Score")},
    "TextEntry": {"text": _TEXT, "type": {"type": "string", "enum": ["TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML"]}},
    "Context": {
        "entries": _list(_ref("TextEntry")),
        "articleAndParentComment": _ref("ArticleAndParentComment"),
    },
    "ArticleAndParentComment": {"article": _ref("TextEntry"), "parentComment": _ref("TextEntry")},
}
# Fields without which we refuse a message; the discovery document names none.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "AnalyzeCommentRequest": ("comment", "requestedAttributes"),
    "SuggestCommentScoreRequest": ("comment", "attributeScores"),
    "AnalyzeCommentResponse": ("languages",),
}
_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "key": {"type": "string", "description": "API key."},
    "access_token": {"type": "string", "description": "OAuth access token."},
    "oauth_token": {"type": "string", "description": "OAuth 2.0 token."},
    "alt": {"type": "string", "enum": ["json"], "default": "json", "description": "Data format for response."},
    "prettyPrint": {"type": "boolean", "default": "true", "description": "Ignored."},
    "fields": {"type": "string", "description": "Ignored: the whole response is returned."},
    "quotaUser": {"type": "string", "description": "Ignored."},
    "callback": {"type": "string", "description": "Ignored."},
    "upload_protocol": {"type": "string", "description": "Ignored."},
    "uploadType": {"type": "string", "description": "Ignored."},
    "$.xgafv": {"type": "string", "enum": ["1", "2"], "description": "Ignored."},
}


def discovery(root_url: str) -> dict[str, Any]:
    """The discovery document. root_url: where clients reach this server, with or without a slash at its end."""
    schemas = {name: {"id": name, "type": "object", "properties": fields} for name, fields in MESSAGES.items()}
    root = root_url.rstrip("/") + "/"
    methods = {
        "analyze": _method("analyze", "AnalyzeComment", "Analyzes a text and returns scores of requested attributes."),
        "suggestscore": _method("suggestscore", "SuggestCommentScore", "Suggests scores of a text."),
    }
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": f"commentanalyzer:{VERSION}",
        "name": "commentanalyzer",
        "version": VERSION,
        "title": "Perspective Comment Analyzer API, answered by Tidegate",
        "description": "Scores are Tidegate's calibrated probabilities, not Perspective's scale.",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "",
        "baseUrl": root,
        "batchPath": "batch",
        "auth": {"oauth2": {"scopes": {_SCOPE: {"description": "See your email address"}}}},
        "parameters": {name: {**parameter, "location": "query"} for name, parameter in _PARAMETERS.items()},
        "schemas": schemas,
        "resources": {"comments": {"methods": methods}},
    }


def _method(name: str, message: str, description: str) -> dict[str, Any]:
    path = f"{VERSION}/comments:{name}"
    return {
        "id": f"commentanalyzer.comments.{name}",
        "description": description,
        "httpMethod": "POST",
        "path": path,
        "flatPath": path,
        "parameterOrder": [],
        "parameters": {},
        "request": _ref(message + "Request"),
        "response": _ref(message + "Response"),
        "scopes": [_SCOPE],
    }


def component(name: str) -> str:
    """The name of a message among an OpenAPI document's components."""
    return "Perspective" + name


def components() -> dict[str, dict[str, Any]]:
    """All messages as JSON Schemas; null stands for an absent field, as in Google's JSON."""
    return {
        component(name): {
            "type": "object",
            "properties": {field: _json_schema(schema) for field, schema in fields.items()},
            **({"required": list(_REQUIRED[name])} if name in _REQUIRED else {}),
        }
        for name, fields in MESSAGES.items()
    }


def _json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": f"#/components/schemas/{component(schema['$ref'])}"}
    return {
        key: _json_schema(value) if key in ("items", "additionalProperties") else value for key, value in schema.items()
    }
