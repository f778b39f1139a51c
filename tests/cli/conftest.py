"""The command line in this process, on a stack of each module's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.cli import golden_messages
from tests.cli.goldens import commands
from tests.support.stacks import Stack
from tidegate.streams.cli import app
from tidegate.streams.embedded import EmbeddedStack
from tidegate.streams.kafka.admin import ensure_topics
from tidegate.streams.kafka.writing import producer
from tidegate.streams.settings.settings import Settings
from tidegate.streams.store.redis import RedisStore

POLICY = Path(__file__).with_name("policy.toml")
TWIN = {
    "TIDEGATE_CLASSIFIER": "tests.cli.twin:make",
    "TIDEGATE_SCORE_THREADS": "1",
    "TIDEGATE_POLICY_FILE": str(POLICY),
}
PARTITIONS = 2
COMMANDS = commands()
WHY = ("--reason", "a test", "--author", "ada", "--yes")  # of a change of the policy

Record = tuple[str, bytes | None, bytes | None]  # topic, key, value


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def jsonl(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Cli:
    """`cli("rates", "--json")` runs that command with these variables."""

    env: dict[str, str]
    golden: bool = True  # what it says is compared with its command's golden file

    def __call__(self, *args: str, stdin: str | bytes | None = None, **env: str) -> Ran:
        result = CliRunner().invoke(app, list(args), input=stdin, env={**self.env, **env}, prog_name="tidegate")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception  # a traceback for the operator: never expected
        if self.golden:
            found = golden_messages.case(args, env, result.exit_code, result.stdout, result.stderr)
            golden_messages.compare(golden_messages.file_of(args, COMMANDS), found)
        return Ran(result.exit_code, result.stdout, result.stderr)

    @property
    def unpinned(self) -> Cli:
        """The same commands, where what they say hangs on the tests before: no golden file holds it."""
        return replace(self, golden=False)

    @property
    def settings(self) -> Settings:
        return Settings(**{name.removeprefix("TIDEGATE_").lower(): value for name, value in self.env.items()})  # type: ignore[arg-type]

    def write(self, records: Sequence[Record]) -> None:
        """Records onto topics, as somebody else would put them there."""

        async def work() -> None:
            async with producer(self.settings) as out:
                for topic, key, value in records:
                    await out.send_and_wait(topic, value, key=key)

        asyncio.run(work())


def stored(cli: Cli, work: Any) -> Any:
    """What `work(store)` returns."""

    async def run() -> Any:
        store = RedisStore(cli.settings.redis, cli.settings.namespace)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _golden_messages_of_the_embedded_stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden_messages, "enabled", request.config.getoption("--servers") == "embedded")


@pytest.fixture
def offline() -> Cli:
    """No Kafka and no Redis."""
    return Cli(TWIN)


def lives(fixture_name: str, config: pytest.Config) -> str:
    """The embedded stack is this module's; of real servers there is one for all, which others wipe."""
    return "module" if config.getoption("--servers") == "embedded" else "function"


@contextlib.contextmanager
def with_topics(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A pair with every topic and nothing else on it."""
    with contextlib.ExitStack() as running:
        if request.config.getoption("--servers") == "embedded":
            request.getfixturevalue("_wheels")
            stack: Stack = running.enter_context(EmbeddedStack())
        else:
            stack = request.getfixturevalue("real")
            stack.wipe()
        asyncio.run(ensure_topics(stack.kafka, PARTITIONS, stack.replication))
        yield stack


@pytest.fixture(scope=lives)
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with with_topics(request) as stack:
        yield stack


@pytest.fixture(scope="module")
def module_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """One for a whole module, of which no test asks for a stack of its own: real servers would be the same ones."""
    with with_topics(request) as stack:
        yield stack


@pytest.fixture
def cli(stack: Stack) -> Cli:
    """Commands on this module's pair."""
    return Cli({**stack.env(), **TWIN})


@pytest.fixture
def ruled(own_stack: Stack) -> Cli:
    """Commands on a stack of this test's own, with tests/cli/policy.toml live."""
    asyncio.run(ensure_topics(own_stack.kafka, 1, own_stack.replication))
    cli = Cli({**own_stack.env(), **TWIN})
    assert cli("policy", "apply", str(POLICY), *WHY).code == 0
    return cli


def live(cli: Cli) -> dict[str, Any]:
    """The live policy, as `policy show --json` has it."""
    found: dict[str, Any] = cli("policy", "show", "--json").jsonl[0]
    return found


def pytest_sessionfinish() -> None:
    """Saves what commands said where `tests/cli/goldens.py` makes golden files of it."""
    if golden_messages.COLLECT in os.environ:
        golden_messages.save_collected(Path(os.environ[golden_messages.COLLECT]))
