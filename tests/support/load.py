"""A constant load of predictions over HTTP and gRPC, on kept and on new connections, that counts what fails."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import grpc
import httpx
import numpy as np
import numpy.typing as npt
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.support.kubectl import eventually

TYPE = "L"
"""The product type of every request."""

Rows = npt.NDArray[np.float32]
Ask = Callable[[], str]

READY_SECONDS = 60.0


@dataclass
class Tally:
    """What came back to one client.

    Attributes
    ----------
    versions
        Answers by the version that gave them.
    """

    name: str
    answers: int = 0
    failures: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def answered(self, version: str) -> None:
        self.answers += 1
        self.versions[version] = self.versions.get(version, 0) + 1


@contextmanager
def load(host: str, model: str, row: Rows) -> Iterator[list[Tally]]:
    """Ask for predictions from four clients until the context ends.

    It begins once both ports have answered: a new Service is known to the API server before the node's proxy knows it.
    """
    clients = (_http_kept, _http_new, _grpc_kept, _grpc_new)
    for first in (_http_new(host, model, row), _grpc_new(host, model, row)):
        eventually(partial(_answered, first), READY_SECONDS, f"{host} answers")
    tallies = [Tally(client.__name__.strip("_")) for client in clients]
    stop = threading.Event()
    threads = [
        threading.Thread(target=_run, args=(client, tally, stop, host, model, row), daemon=True)
        for client, tally in zip(clients, tallies, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield tallies
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=30)


def _answered(ask: Ask) -> str:
    with suppress(httpx.ConnectError, grpc.RpcError):
        return ask()
    return ""


def _run(
    client: Callable[[str, str, Rows], Ask], tally: Tally, stop: threading.Event, host: str, model: str, row: Rows
) -> None:
    ask = client(host, model, row)
    began = time.monotonic()
    while not stop.is_set():
        try:
            tally.answered(ask())
        except (httpx.HTTPError, grpc.RpcError, AssertionError) as error:
            # When it was tells which write of the rollout it goes with.
            tally.failures.append(f"after {time.monotonic() - began:.1f} s: {type(error).__name__}: {error}")
        stop.wait(0.005)


def body(row: Rows) -> dict[str, object]:
    """Write the request of the Open Inference Protocol for one row."""
    numbers = {"name": "numeric", "shape": [1, row.size], "datatype": "FP32", "data": [float(value) for value in row]}
    texts = {"name": "categorical", "shape": [1, 1], "datatype": "BYTES", "data": [TYPE]}
    return {"inputs": [numbers, texts]}


def _checked(response: httpx.Response) -> str:
    response.raise_for_status()
    assert {output["name"] for output in response.json()["outputs"]} == {"score", "fault"}
    return str(response.json()["model_version"])


def _http_kept(host: str, model: str, row: Rows) -> Ask:
    client = httpx.Client(timeout=10)
    return lambda: _checked(client.post(f"http://{host}:8000/v2/models/{model}/infer", json=body(row)))


def _http_new(host: str, model: str, row: Rows) -> Ask:
    return lambda: _checked(httpx.post(f"http://{host}:8000/v2/models/{model}/infer", json=body(row), timeout=10))


def _request(model: str, row: Rows) -> service_pb2.ModelInferRequest:
    request = service_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name="numeric", datatype="FP32", shape=[1, row.size]).contents.fp32_contents.extend(row.tolist())
    request.inputs.add(name="categorical", datatype="BYTES", shape=[1, 1]).contents.bytes_contents.append(TYPE.encode())
    return request


def _grpc_kept(host: str, model: str, row: Rows) -> Ask:
    stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(f"{host}:8001"))
    return lambda: str(stub.ModelInfer(_request(model, row), timeout=10).model_version)


def _grpc_new(host: str, model: str, row: Rows) -> Ask:
    def ask() -> str:
        with grpc.insecure_channel(f"{host}:8001", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            return str(stub.ModelInfer(_request(model, row), timeout=10).model_version)

    return ask
