"""A loopback address for a port of a pod: what `kubectl port-forward` does, for as long as a command runs.

Every connection to the loopback listener gets a stream of its own to the pod, through the API server's websocket.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import websocket
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward
from kubernetes.stream.ws_client import PortForward

from andon.cli.errors import CliError, unreachable

CONNECT_SECONDS = 10.0
_POLL_SECONDS = 0.2
_JOIN_SECONDS = 5.0
_CHUNK = 1 << 16
_PROXY_THREAD = "Kubernetes port forward proxy"


class Stream(Protocol):
    """One connection to a port of a pod."""

    def recv(self, size: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...

    def shutdown(self, how: int, /) -> None: ...

    def close(self) -> None: ...

    def trouble(self) -> CliError | None:
        """Say what went wrong on the pod's side."""
        ...


class Bridge:
    """Accepts connections on an ephemeral loopback port and joins each with a stream of its own.

    Parameters
    ----------
    open_stream
        Opens a stream; may raise CliError.

    Attributes
    ----------
    address
        HOST:PORT to connect to.
    trouble
        Why the last stream failed; None as long as none did. The client at the loopback port only sees its connection
        closed.
    """

    def __init__(self, open_stream: Callable[[], Stream]) -> None:
        self._open_stream = open_stream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_POLL_SECONDS)
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[Stream | socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.trouble: CliError | None = None
        self._start(self._accept)

    def close(self) -> None:
        """Close the listener and all connections; waits a bounded time for the threads."""
        self._stopping.set()
        with self._lock:
            connections, threads = list(self._open), list(self._threads)
        for connection in connections:
            _close(connection)
        for thread in threads:
            thread.join(_JOIN_SECONDS)
        self._listener.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=f"andon bridge {target.__name__}", daemon=True)
        with self._lock:
            self._threads = [known for known in self._threads if known.is_alive()] + [thread]
            thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(None)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        """Join one connection with a stream, until either side ends."""
        with self._held(connection):
            try:
                stream = self._open_stream()
            except CliError as error:
                self.trouble = error
                return
            with self._held(stream):
                if self._stopping.is_set():
                    return  # close() has not seen these two
                back = threading.Thread(target=_pump, args=(stream, connection), name="andon bridge back", daemon=True)
                back.start()
                _pump(connection, stream)
                back.join(_JOIN_SECONDS)
                self.trouble = stream.trouble() or self.trouble

    @contextmanager
    def _held(self, connection: Stream | socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)
            _close(connection)


def _pump(source: Stream | socket.socket, sink: Stream | socket.socket) -> None:
    """Carry bytes until the source ends, then end both: HTTP and gRPC never close one direction only."""
    try:
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    except OSError:
        pass  # the other side is gone; what there is to say of it, the stream knows
    finally:
        _end(source)
        _end(sink)


def _end(connection: Stream | socket.socket) -> None:
    # Not close: another thread may be reading, and only this wakes it.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _close(connection: Stream | socket.socket) -> None:
    _end(connection)
    with contextlib.suppress(OSError):
        connection.close()


class _PodStream:
    """A stream of the official client's port forward."""

    def __init__(self, forward: PortForward, pod: str, port: int) -> None:
        self._forward = forward
        self._pod = pod
        self._port = port
        self._socket = forward.socket(port)

    def recv(self, size: int, /) -> bytes:
        return bytes(self._socket.recv(size))

    def sendall(self, data: bytes, /) -> None:
        self._socket.sendall(data)

    def shutdown(self, how: int, /) -> None:
        self._socket.shutdown(how)

    def close(self) -> None:
        self._socket.close()

    def trouble(self) -> CliError | None:
        said = " ".join(str(self._forward.error(self._port) or "").split())
        if not said:
            return None
        return unreachable(
            "PortForwardFailed",
            f"the connection to port {self._port} of the pod {self._pod} ended: {said.rstrip('.')}.",
            remedy="try again; another pod may have taken its place",
        )


def open_pod_stream(configuration: client.Configuration, namespace: str, pod: str, port: int) -> Stream:
    """Open a stream to a port of a pod.

    Raises
    ------
    CliError
        ``PortForwardFailed``: the API server or the kubelet refuses, or does not answer.
    """
    # A client of its own: while it opens a stream, the official one turns its calls into websocket calls.
    core = client.CoreV1Api(client.ApiClient(configuration))
    try:
        forward = portforward(core.connect_get_namespaced_pod_portforward, pod, namespace, ports=str(port))
    except ApiException as error:
        raise _not_forwarded(error, namespace, pod, port) from error
    forward.websocket.settimeout(None)
    return _PodStream(forward, pod, port)


def _not_forwarded(error: ApiException, namespace: str, pod: str, port: int) -> CliError:
    lines = str(error.reason or error).strip().splitlines()
    # What follows the mark are the answer's headers.
    found = lines[0].split(" -+-+- ")[0].rstrip(".") if lines else "no reason known"
    if "403" in found:
        return unreachable(
            "Forbidden",
            f"you may not forward ports of pods in the namespace {namespace} (create pods/portforward).",
            allowed="that right (the role edit has it, view has not), or --url where the Service can be reached",
            remedy=f"ask for the right; check with: kubectl auth can-i create pods/portforward -n {namespace}",
        )
    return unreachable(
        "PortForwardFailed",
        f"no connection to port {port} of the pod {pod} in the namespace {namespace}: {found}.",
        allowed="--url HOST:PORT where the Service can be reached, without the API server in between",
        remedy=f"compare with: kubectl port-forward -n {namespace} {pod} {port}",
    )


@contextmanager
def pod_bridge(
    configuration: client.Configuration, namespace: str, choose: Callable[[], str], port: int
) -> Iterator[Bridge]:
    """Give a loopback address for a port of a pod, and take it away again.

    Parameters
    ----------
    choose
        Names the pod, anew for every connection: pods come and go.
    """
    with _bounded_connects(), _quiet_proxies():
        bridge = Bridge(lambda: open_pod_stream(configuration, namespace, choose(), port))
        try:
            yield bridge
        finally:
            bridge.close()


@contextmanager
def _bounded_connects() -> Iterator[None]:
    """Bound how long a websocket may take to connect: the official client leaves that to this process-wide setting."""
    before = websocket.getdefaulttimeout()
    websocket.setdefaulttimeout(CONNECT_SECONDS)
    try:
        yield
    finally:
        websocket.setdefaulttimeout(before)


@contextmanager
def _quiet_proxies() -> Iterator[None]:
    """Keep the official client's proxy threads from printing a traceback when a connection is lost.

    Who uses the connection sees it closed and says so in words.
    """
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if arguments.thread is None or not arguments.thread.name.startswith(_PROXY_THREAD):
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
