"""A TCP proxy that a drill can cut, heal, stall and slow down: the network between a worker and a dependency.

It runs in a thread of its own, so that a test that blocks does not stop the traffic.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from tidegate.streams.embedded import free_port

HOST = "127.0.0.1"
SETTLED_S = 0.02  # for a connection that was accepted just before the end: it is aborted
CHUNK_BYTES = 65_536
RESET = struct.pack("ii", 1, 0)  # linger for 0 s: the peer gets a reset, not an orderly end
T = TypeVar("T")


class Proxy:
    """Forwards its own port to `target`, "host:port", which may be set after the start.

    A broker before which it stands has to advertise the proxy's address: `EmbeddedStack(advertised=proxy.address)`,
    then `proxy.target = stack.kafka_listens`.
    """

    def __init__(self, target: str | None = None, port: int = 0) -> None:
        """port: 0 is one that is free."""
        self.target = target
        self.port = port or free_port()
        self.delay_s = 0.0  # added to every chunk, each way; 0 adds nothing
        self.stalled = False  # connections stay open and nothing passes
        self.mute = False  # what the target answers is lost; such a connection is of no more use: cut() afterwards
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._links)

    def cut(self) -> None:
        """Open connections are aborted and new ones refused, until heal()."""
        self._call(self._cut())

    def heal(self) -> None:
        self.stalled = self.mute = False
        self._call(self._listen())

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._cut())
        self._call(asyncio.sleep(SETTLED_S))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # came in while it was cut
            writer.transport.abort()
            return
        link = self._loop.create_task(self._link(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)
        link.add_done_callback(lambda _: writer.transport.abort())  # also where it was cut before it began

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            if self.target is not None:
                host, port = self.target.rsplit(":", 1)
                target_reader, target_writer = await asyncio.open_connection(host, int(port))
                writers.append(target_writer)
                ways = [
                    asyncio.ensure_future(self._copy(reader, target_writer)),
                    asyncio.ensure_future(self._copy(target_reader, writer, answers=True)),
                ]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass  # the target is unavailable: the client's connection closes
        finally:
            for each in writers:
                with contextlib.suppress(OSError):  # closed already
                    each.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                each.transport.abort()
                with contextlib.suppress(OSError):
                    await each.wait_closed()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False) -> None:
        while chunk := await self._next(reader, answers=answers):
            if answers and self.mute:
                continue
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            while self.stalled:
                await asyncio.sleep(0.02)
            writer.write(chunk)
            await writer.drain()

    async def _next(self, reader: asyncio.StreamReader, *, answers: bool) -> bytes:
        """What is passed on next; nothing at the end. answers: whether it comes from the target."""
        del answers
        return await reader.read(CHUNK_BYTES)
