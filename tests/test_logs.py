"""Logs: one line a fact, as text or as one JSON object."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from tidegate.streams.logs import OTHERS, set_up


@pytest.fixture
def stderr() -> Iterator[io.TextIOWrapper]:
    """What `begin` sends the logs to: as the process's own stderr writes. Afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level, others = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in OTHERS}
    yield io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in others.items():
        logging.getLogger(name).setLevel(was)


def begin(stderr: io.TextIOWrapper, level: str, *, as_json: bool = True) -> None:
    with contextlib.redirect_stderr(stderr):
        set_up(level, as_json=as_json)


def text(stderr: io.TextIOWrapper) -> str:
    stderr.seek(0)
    return stderr.read()


def lines(stderr: io.TextIOWrapper) -> list[dict[str, str]]:
    *found, end = text(stderr).split("\n")
    assert end == ""
    return [json.loads(line) for line in found]


def test_a_json_line_is_one_object_with_a_fixed_set_of_keys(stderr: io.TextIOWrapper) -> None:
    begin(stderr, "info")
    logging.getLogger("tidegate.streams.ingest.takeover").warning("%s: taken over at %d", "completions[3]", 7)
    (line,) = lines(stderr)
    at = line.pop("at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
    assert line == {
        "level": "warning",
        "logger": "tidegate.streams.ingest.takeover",
        "message": "completions[3]: taken over at 7",
    }


def test_an_error_with_its_frames_is_still_one_line(stderr: io.TextIOWrapper) -> None:
    begin(stderr, "info")
    try:
        raise ValueError("what was wrong")
    except ValueError:
        logging.getLogger("tidegate.streams.worker.worker").exception("not\nstarted")
    (line,) = lines(stderr)
    assert line["message"] == "not\nstarted"
    assert line["error"].startswith("Traceback (most recent call last):")
    assert line["error"].endswith("ValueError: what was wrong")


@pytest.mark.parametrize("message", ["a\nb", "a\r\nb", "\x00\x1b[31m", '"}', "zürich 東京", "\ud800", "\u2028"])
def test_any_message_stays_on_its_line(stderr: io.TextIOWrapper, message: str) -> None:
    begin(stderr, "info")
    logging.getLogger("tidegate.streams").info("%s", message)
    logging.getLogger("tidegate.streams").info("next")
    assert [line["message"] for line in lines(stderr)] == [message, "next"]


def test_a_message_that_is_no_text_is_written_as_text(stderr: io.TextIOWrapper) -> None:
    begin(stderr, "info")
    logging.getLogger("tidegate.streams").info({"a": object})
    logging.getLogger("tidegate.streams").warning("%d of %d", 1, 2)
    assert [line["message"] for line in lines(stderr)] == ["{'a': <class 'object'>}", "1 of 2"]


def test_text_lines_name_the_level_and_the_logger(stderr: io.TextIOWrapper) -> None:
    begin(stderr, "info", as_json=False)
    logging.getLogger("tidegate.streams.ingest.takeover").info("taken over")
    assert re.fullmatch(r"[-\d]+ [:,\d]+ INFO    tidegate\.streams\.ingest\.takeover: taken over\n", text(stderr))


@pytest.mark.parametrize(("level", "expected"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_less_severe_facts_are_left_out(stderr: io.TextIOWrapper, level: str, expected: int) -> None:
    begin(stderr, level)
    log = logging.getLogger("tidegate.streams")
    for say in (log.debug, log.info, log.warning, log.error):
        say("message")
    assert len(lines(stderr)) == expected


@pytest.mark.parametrize("name", OTHERS)
def test_other_libraries_log_warnings_only(stderr: io.TextIOWrapper, name: str) -> None:
    begin(stderr, "debug")
    logging.getLogger(f"{name}.inner").info("news")
    logging.getLogger(f"{name}.inner").warning("trouble")
    assert [line["message"] for line in lines(stderr)] == ["trouble"]
    begin(stderr, "error")
    logging.getLogger(f"{name}.inner").warning("trouble")
    assert len(lines(stderr)) == 1
