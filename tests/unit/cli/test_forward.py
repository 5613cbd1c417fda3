"""The bridge between loopback and a pod, with a stream to an echo server in the pod's place."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from andon.cli.errors import CliError, unreachable
from andon.cli.forward import Bridge, Stream

SECONDS = 10.0


class SocketStream:
    """A plain socket as a stream."""

    def __init__(self, connection: socket.socket, trouble: CliError | None = None) -> None:
        self._connection = connection
        self._trouble = trouble
        self.recv = connection.recv
        self.sendall = connection.sendall
        self.shutdown = connection.shutdown
        self.close = connection.close

    def trouble(self) -> CliError | None:
        return self._trouble


@contextmanager
def echo_server() -> Iterator[tuple[str, int]]:
    """Send back what comes, and end when the client says ``bye``."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(1 << 16):
                if data == b"bye":
                    return
                connection.sendall(data)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(SECONDS)


@contextmanager
def bridged(trouble: CliError | None = None) -> Iterator[Bridge]:
    with echo_server() as address:
        bridge = Bridge(lambda: SocketStream(socket.create_connection(address, SECONDS), trouble))
        try:
            yield bridge
        finally:
            bridge.close()


def connect(bridge: Bridge) -> socket.socket:
    host, port = bridge.address.split(":")
    return socket.create_connection((host, int(port)), SECONDS)


def receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (chunk := connection.recv(1 << 16)):
        data += chunk
    return data


def test_much_data_comes_back_whole() -> None:
    data = bytes(range(256)) * 20_000
    with bridged() as bridge, connect(bridge) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,), daemon=True)
        sender.start()
        assert receive(connection, len(data)) == data
        sender.join(SECONDS)


def test_connections_do_not_disturb_one_another() -> None:
    with bridged() as bridge:
        connections = [connect(bridge) for _ in range(8)]
        for number, connection in enumerate(connections):
            connection.sendall(b"%d" % number)
        for number, connection in reversed(list(enumerate(connections))):
            assert receive(connection, 1) == b"%d" % number
            connection.close()


def test_the_pods_end_ends_the_client() -> None:
    trouble = unreachable("PortForwardFailed", "the port is closed.")
    with bridged(trouble) as bridge, connect(bridge) as connection:
        connection.sendall(b"bye")
        assert connection.recv(1) == b""
        bridge.close()
        assert bridge.trouble is trouble


def test_closing_ends_open_connections_and_all_threads() -> None:
    before = threading.active_count()
    with bridged() as bridge, connect(bridge) as connection:
        connection.sendall(b"x")
        assert receive(connection, 1) == b"x"
        bridge.close()
        assert connection.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(bridge)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("andon bridge")]
    assert threading.active_count() <= before + 1  # the echo server's own thread may still end


def test_a_stream_that_cannot_be_opened_is_told() -> None:
    def refuse() -> Stream:
        raise unreachable("PortForwardFailed", "no right to create pods/portforward.")

    bridge = Bridge(refuse)
    try:
        with connect(bridge) as connection:
            assert connection.recv(1) == b""
        assert "no right to create pods/portforward." in str(bridge.trouble)
    finally:
        bridge.close()
