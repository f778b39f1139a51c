"""The corrupting proxy: changes the responses with a marker, wherever it stands, and passes all others unchanged."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from tests.drills.fleet import make_topics
from tests.support.corrupting import Corrupting, recoded, spoilt
from tests.support.raw_batches import CODECS, Raw, batch, kept, produce, split
from tidegate.streams.embedded import EmbeddedStack

NOW_MS = int(time.time() * 1000)
Answering = Callable[[list[bytes]], Corrupting]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """`answering(pieces)` is a proxy before a server that says these to everybody, and closes; a pause between two."""
    running: list[socketserver.ThreadingTCPServer | Corrupting] = []

    def make(pieces: list[bytes]) -> Corrupting:
        class Says(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for piece in pieces:
                    self.request.sendall(piece)
                    time.sleep(0.02)
                self.request.recv(1)  # until the client goes

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Says)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        proxy = Corrupting(f"127.0.0.1:{server.server_address[1]}").__enter__()
        running.extend((proxy, server))
        return proxy

    yield make
    for each in running:
        if isinstance(each, Corrupting):
            each.__exit__(None, None, None)
        else:
            each.shutdown()
            each.server_close()


def receive(proxy: Corrupting, size: int) -> bytes:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        got = b""
        while len(got) < size:
            got += client.recv(4096)
    return got


def framed(answer: bytes) -> bytes:
    return struct.pack(">i", len(answer)) + answer


@pytest.mark.parametrize("cut", range(1, 24, 3))
def test_a_marker_is_found_wherever_the_network_cuts_it(answering: Answering, cut: int) -> None:
    response = framed(b"before MARKER after")
    proxy = answering([response[:cut], response[cut:]])
    proxy.corrupt = {b"MARKER": b"marker"}
    assert receive(proxy, len(response)) == framed(b"before marker after")
    proxy.corrupt = {}
    assert receive(proxy, len(response)) == response


def test_every_occurrence_is_corrupted_and_no_other_response(answering: Answering) -> None:
    response = framed(b"MARKER MARKER") + framed(b"another") + framed(b"") + framed(b"MARK")
    proxy = answering([response])
    proxy.corrupt = spoilt(b"MARKER")
    flipped = bytes(byte ^ 0xFF for byte in b"MARKER")
    assert receive(proxy, len(response)) == framed(flipped + b" " + flipped) + response[4 + 13 :]


def test_the_replacement_has_the_same_length() -> None:
    with Corrupting() as proxy:
        with pytest.raises(ValueError, match="2 bytes, what stands there instead 3"):
            proxy.corrupt = {b"ab": b"abc"}
        assert proxy.corrupt == {}


@pytest.mark.usefixtures("_wheels")
async def test_a_batch_is_bad_as_long_as_the_proxy_corrupts_it() -> None:
    made = {codec: batch([Raw(f"MARKER-{codec}".encode())], at_ms=NOW_MS, compression=codec) for codec in CODECS}
    with Corrupting() as proxy, EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        await make_topics(stack.kafka, 1)
        for each in made.values():
            await produce(stack.kafka, "completions", 0, each)

        async def read() -> list[tuple[bool, int]]:
            found = [DefaultRecordBatch(each) for each in split(await kept(stack.kafka, "completions", 0))]
            return [(each.validate_crc(), each.compression_type) for each in found]

        good = [(True, id_) for id_ in CODECS.values()]
        assert await read() == good
        proxy.corrupt = spoilt(b"MARKER-none")  # of the others it is compressed
        assert await read() == [(False, 0), *good[1:]]
        proxy.corrupt = recoded(made["lz4"], 6) | recoded(made["none"], 5)
        assert await read() == [(True, 5), *good[1:3], (True, 6), good[4]]
        proxy.corrupt = {}
        assert await read() == good
