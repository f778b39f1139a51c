"""Log lines on stderr, one a fact, as text or as JSON. Never a text, never a raw user: nothing here is given one."""

from __future__ import annotations

import json
import logging
import time

OTHERS = ("faust", "mode", "aiokafka", "asyncio")  # logged from WARNING up


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, and the frames of an error."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up(level: str, *, as_json: bool) -> None:
    """Sends the process's logs to stderr. Call it once, where the process starts."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in OTHERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
