"""The drills' proxy: cut, stalled, delayed, healed."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.proxy import Proxy
from tidegate.streams.embedded import EmbeddedStack

ProxyTo = Callable[[str | None], Proxy]


@pytest.fixture
def echo() -> Iterator[str]:
    """The address of a server that echoes what it receives."""

    class Echo(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                while data := self.request.recv(1024):
                    self.request.sendall(data)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_what_is_sent_arrives_both_ways(proxy_to: ProxyTo, echo: str) -> None:
    with connect(proxy_to(echo)) as client:
        client.sendall(b"hello")
        assert client.recv(1024) == b"hello"


def test_cut_closes_and_refuses_connections_until_healed(proxy_to: ProxyTo, echo: str) -> None:
    proxy = proxy_to(echo)
    with connect(proxy) as client:
        client.sendall(b"a")
        assert client.recv(1024) == b"a"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1024)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.heal()
    with connect(proxy) as client:
        client.sendall(b"b")
        assert client.recv(1024) == b"b"


def test_stalled_keeps_connections_and_passes_no_bytes(proxy_to: ProxyTo, echo: str) -> None:
    proxy = proxy_to(echo)
    with connect(proxy) as client:
        proxy.stalled = True
        client.sendall(b"a")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1024)
        proxy.heal()
        client.settimeout(5)
        assert client.recv(1024) == b"a"


def test_delay_is_added_each_way(proxy_to: ProxyTo, echo: str) -> None:
    proxy = proxy_to(echo)
    proxy.delay_s = 0.1
    with connect(proxy) as client:
        began = time.monotonic()
        client.sendall(b"a")
        client.recv(1024)
        assert time.monotonic() - began >= 0.2


def test_without_a_target_connections_close(proxy_to: ProxyTo) -> None:
    proxy = proxy_to(None)
    with pytest.raises(ConnectionResetError), connect(proxy) as client:  # at once, or at the first read
        client.recv(1024)


@pytest.mark.usefixtures("_wheels")
async def test_an_advertised_proxy_is_the_only_way_to_the_broker(proxy_to: ProxyTo, namespace: str) -> None:
    proxy = proxy_to(None)
    with EmbeddedStack(advertised=proxy.address) as stack:
        proxy.target = stack.kafka_listens
        assert stack.kafka == proxy.address
        async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
            await producer.send_and_wait(namespace, b"value", partition=0)
            assert proxy.connections > 0
