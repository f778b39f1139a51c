"""The OpenAPI 3.1 document of a route table, and a page that shows it: no script, nothing from another server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tidegate.streams.http.authenticators import KEY_HEADERS, QUERY_KEY
from tidegate.streams.http.routes import JSON, ErrorForm, HttpRequest, Reply, Route

OPENAPI, DOCS = "/openapi.json", "/docs"
# What the server refuses before a handler sees the request (server.py), by status.
_REFUSALS: Mapping[str, str] = {
    "400": "The body is not a JSON object, is too deep, or is not a request of this API.",
    "422": "The body is not a request of this API.",
    "401": "The key is missing or wrong.",
    "403": "The key lacks the right, the header Origin is set, or Host names another server.",
    "408": "The body did not come in time.",
    "413": "The body is larger than this route takes.",
    "415": "Content-Type is not JSON, or the body is compressed.",
    "429": "The queue is full, or more than the key may send: retry-after-ms says when to try again.",
    "500": "A bug; the log has the place.",
    "503": "No answer in time, no scores, or the process is stopping: retry-after-ms says when to try again.",
}
_NO_BODY = ("401", "403", "429", "500", "503")  # of a route that takes no body
_SCHEMES: Mapping[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    **{name: {"type": "apiKey", "in": "header", "name": name} for name in KEY_HEADERS},
    QUERY_KEY: {"type": "apiKey", "in": "query", "name": QUERY_KEY},
}
_ID = {"description": "the request's x-request-id, else ours", "schema": {"type": "string"}}
_RETRY = {"description": "when to try again, in ms", "schema": {"type": "string"}}
_CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#8881;padding:1rem;overflow:auto}summary{cursor:pointer}code{font-size:.95em}"
)


def document(title: str, version: str, about: str, routes: Sequence[Route], *, keyed: bool) -> dict[str, Any]:
    """Returns the OpenAPI document. keyed: whether the routes ask for an API key."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, keyed=keyed)
        schemas |= route.schemas
        schemas |= route.errors.schemas
    components: dict[str, Any] = {"schemas": dict(sorted(schemas.items()))}
    if keyed:
        components["securitySchemes"] = _SCHEMES
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": about},
        "paths": paths,
        "components": components,
    }


def document_routes(
    title: str, version: str, about: str, routes: Sequence[Route], errors: ErrorForm, *, keyed: bool
) -> list[Route]:
    """Returns two more routes, which serve the document of all routes and its page. Both are made once, here."""
    made: dict[str, Reply] = {}

    async def openapi(_: HttpRequest) -> Reply:
        return made[OPENAPI]

    async def docs(_: HttpRequest) -> Reply:
        return made[DOCS]

    own = [
        Route("GET", OPENAPI, openapi, "This document.", errors=errors, during_drain=True),
        Route("GET", DOCS, docs, "This document as a page.", errors=errors, during_drain=True),
    ]
    described = document(title, version, about, [*routes, *own], keyed=keyed)
    made[OPENAPI] = Reply(json.dumps(described).encode())
    headers = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff"}
    made[DOCS] = Reply(_page(described).encode(), content_type="text/html; charset=utf-8", headers=headers)
    return own


def _operation(route: Route, *, keyed: bool) -> dict[str, Any]:
    ok: dict[str, Any] = {"description": "The answer.", "headers": {"x-request-id": _ID}}
    if route.response:
        ok["content"] = {JSON: {"schema": _reference(route.response)}}
    replies = {"200": ok}
    for status, why in {**_REFUSALS, **route.more}.items():
        if not route.request and status not in _NO_BODY:
            continue
        if status == "422" and route.invalid != 422:
            continue
        if status == "401" and (not keyed or route.open_to_all):
            continue
        replies[status] = {"description": why, "headers": {"x-request-id": _ID}}
        if status in ("429", "503"):
            replies[status]["headers"]["retry-after-ms"] = _RETRY
        if route.errors.schema:
            replies[status]["content"] = {JSON: {"schema": _reference(route.errors.schema)}}
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{route.path.replace('/', '_').replace('.', '_')}",
        "summary": route.summary,
        "responses": replies,
    }
    if keyed and not route.open_to_all:
        names = [name for name in _SCHEMES if name != QUERY_KEY or route.key_in_query]
        operation["security"] = [{name: list[str]()} for name in names]  # one of them
    if route.request:
        limits = f"At most {route.limits.body_bytes:,} bytes and {route.limits.depth} levels of nesting."
        content = {JSON: {"schema": _reference(route.request)}}
        operation["requestBody"] = {"required": True, "description": limits, "content": content}
    return operation


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _page(described: Mapping[str, Any]) -> str:
    """Returns the document as HTML: each route with its schemas, folded."""
    schemas, parts = described["components"]["schemas"], []
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            parts.append(
                f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2><p>{escape(operation['summary'])}"
            )
            body = operation.get("requestBody")
            if body:
                parts.append(f" {escape(body['description'])}")
                parts.append(_folded("Request", schemas, body["content"][JSON]["schema"]))
            for status, reply in operation["responses"].items():
                title = f"{status}: {reply['description']}"
                if status == "200" and "content" in reply:
                    parts.append(_folded(title, schemas, reply["content"][JSON]["schema"]))
                else:
                    parts.append(f"<p>{escape(title)}</p>")
    info = described["info"]
    parts.append("<h2>Schemas</h2>")
    parts += [_folded(name, schemas, {"$ref": f"#/components/schemas/{name}"}) for name in schemas]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>'
    intro = f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
    link = f'<p>The document as JSON: <a href="{OPENAPI}">{OPENAPI}</a></p>'
    return f"{head}<style>{_STYLE}</style><body>{intro}{link}{''.join(parts)}</body></html>\n"


def _folded(title: str, schemas: Mapping[str, Any], reference: Mapping[str, str]) -> str:
    schema = schemas[reference["$ref"].rpartition("/")[2]]
    return f"<details><summary>{escape(title)}</summary><pre>{escape(json.dumps(schema, indent=2))}</pre></details>"
