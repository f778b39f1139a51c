"""`serve`: moderation over HTTP, in the foreground until it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address, instead of TIDEGATE_SERVE_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port, instead of TIDEGATE_SERVE_PORT; 0: any free one.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="Policy file, instead of TIDEGATE_POLICY_FILE.")] = None,
) -> None:
    """Moderate over HTTP: texts in, verdicts out.

    By the policy file and the classifier that come with Tidegate, or yours; neither Kafka nor Redis is needed. Where
    TIDEGATE_KAFKA is set, by the live policy, and what is answered is counted, as the stream is. Answers OpenAI's
    POST /v1/moderations and others' APIs, and our own /v1/decide and /v1/guard; /docs describes them. On loopback
    anybody on this machine may call; elsewhere callers need an API key (`tidegate keys`).

    \b
    tidegate serve
    curl -s 127.0.0.1:8080/v1/moderations -H 'content-type: application/json' -d '{"input": "Have a nice day."}'

    Exit code: 0 stopped and every request answered, 1 some were not, 2 wrong settings, policy or model.
    """
    from tidegate.streams.serve.parent import run
    from tidegate.streams.settings.settings import Settings

    run(Settings.load(serve_host=host, serve_port=port, policy_file=policy))
