"""What the server refuses, in the form of the API whose path it was."""

from __future__ import annotations

from pydantic_core import to_json

from tidegate.streams.http.routes import BAD_KEY, ErrorForm, Refusal, Reply, Schemas
from tidegate.streams.serve.apis import Error
from tidegate.streams.wire.http import decide
from tidegate.streams.wire.http.refused import Failure, FailureKind

_KINDS = {kind.status: kind for kind in reversed(FailureKind)}  # the first of a status


def error_form(error: Error, schema: str, schemas: Schemas) -> ErrorForm:
    """Returns an API's form for what the server refuses: its body and type by the API, status and headers by us."""

    def render(refusal: Refusal, _: str) -> Reply:
        bad_key = refusal.code == BAD_KEY
        kind = FailureKind.BAD_KEY if bad_key else _KINDS.get(refusal.status, FailureKind.UNREADABLE)
        status, body, headers = error(Failure(kind, refusal.message))
        ours = {name.lower() for name in refusal.headers}
        added = {name: value for name, value in headers.items() if name.lower() not in ours}
        return Reply(
            to_json(body),
            status if kind.status == refusal.status else refusal.status,
            headers={**added, **refusal.headers},
        )

    return ErrorForm(render, schema, {schema: schemas[schema]})


OWN_ERRORS = error_form(decide.error, decide.ERROR, decide.SCHEMAS)
