"""Traffic by routes under a real Gateway: Traefik, as `python -m lab up --traefik` runs it beside the cluster."""

import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import httpx
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from andon.api.v1alpha1 import Manifest
from tests.support.installation import install_chart
from tests.support.kubectl import Kubectl, condition, eventually
from tests.support.load import TYPE, body
from tests.support.plants import Plant, fault_model

pytestmark = pytest.mark.gateway

ADDRESS = "198.18.0.2:8000"
"""Where the lab's Traefik listens."""
HOST = "mill.plant.example"
GRPC_HOST = "grpc.mill.plant.example"
ROW = np.array([298.9, 309.1, 2861, 4.6, 143], dtype=np.float32)
REQUESTS = 400
SIGMAS = 4.5


@pytest.fixture(scope="module")
def edge(plant: Plant, images: dict[str, str]) -> Iterator[Plant]:
    """A plant, an operator that may use the Gateway API, and a Gateway in a namespace of its own."""
    infra = Kubectl("edge-e2e")
    infra.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "edge-e2e"}})
    listener = {
        "name": "web",
        "protocol": "HTTP",
        "port": 8000,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "edge"},
        "spec": {"gatewayClassName": "traefik", "listeners": [listener]},
    }
    infra.apply(gateway)
    install_chart(images, gatewayAPI={"enabled": True})
    eventually(lambda: condition(infra.get("gateway", "edge"), "Programmed")[0] == "True", 60, "the Gateway")
    yield plant
    plant.kubectl.run("delete", "faultmodel", "mill", "--ignore-not-found")
    infra.run("delete", "namespace", "edge-e2e", "--wait=false")
    install_chart(images)


def _model(depth: int, **spec: dict[str, object]) -> Manifest:
    parents = [{"name": "edge", "namespace": "edge-e2e", "sectionName": "web"}]
    gateway = {"parentRefs": parents, "hostnames": [HOST], "grpcHostnames": [GRPC_HOST]}
    traffic = {"provider": "GatewayAPI", "gateway": gateway}
    rollout = {"traffic": traffic, "steps": [{"weight": 20}, {"approval": {}}]}
    model = fault_model("mill", "pvc://plant-data/machine.csv", rollout=rollout)
    model["spec"] |= spec
    model["spec"]["source"]["train"]["params"]["randomForest"]["max_depth"] = depth
    return model


def _http(client: httpx.Client) -> str:
    answer = client.post(f"http://{ADDRESS}/v2/models/mill/infer", json=body(ROW), headers={"Host": HOST})
    answer.raise_for_status()
    return str(answer.json()["model_version"])


def _grpc() -> str:
    request = service_pb2.ModelInferRequest(model_name="mill")
    numbers = request.inputs.add(name="numeric", datatype="FP32", shape=[1, ROW.size])
    numbers.contents.fp32_contents.extend(ROW.tolist())
    request.inputs.add(name="categorical", datatype="BYTES", shape=[1, 1]).contents.bytes_contents.append(TYPE.encode())
    with grpc.insecure_channel(ADDRESS, options=[("grpc.default_authority", GRPC_HOST)]) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        return str(stub.ModelInfer(request, timeout=10).model_version)


def _grpc_answers(version: str) -> bool:
    # A route is said to be accepted before it is at work.
    try:
        return _grpc() == version
    except grpc.RpcError:
        return False


def _envoy_answers(url: str) -> bool:
    # A Service that is new may refuse for a second: kube-proxy follows its endpoints.
    try:
        return httpx.post(url, json=body(ROW), timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def _constant_load() -> Iterator[tuple[Counter[str], list[str]]]:
    """Ask over HTTP on a kept connection until the context ends."""
    versions: Counter[str] = Counter()
    failures: list[str] = []
    stop = threading.Event()

    def run() -> None:
        with httpx.Client(timeout=10) as client:
            while not stop.wait(0.005):
                try:
                    versions[_http(client)] += 1
                except httpx.HTTPError as error:
                    failures.append(repr(error)[:300])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield versions, failures
    finally:
        stop.set()
        thread.join(30)


def test_a_canary_under_a_gateway(edge: Plant) -> None:
    edge.kubectl.apply(_model(6))
    edge.wait("mill", "Ready", "True")
    first = str(edge.model("mill")["status"]["stable"]["version"])
    with httpx.Client(timeout=10) as client:
        eventually(lambda: _http(client) == first, 30, "an answer by the Gateway")
    eventually(lambda: _grpc_answers(first), 30, "an answer by the Gateway over gRPC")
    assert edge.kubectl.get("service", "mill") is None, "clients call the Gateway"
    with _constant_load() as (versions, failures):
        edge.kubectl.apply(_model(8))
        held = edge.until("mill", lambda model: model["status"]["phase"] == "AwaitingApproval", "20%")
        assert held["status"]["candidate"]["weight"] == 20
        second = str(held["status"]["candidate"]["version"])
        eventually(lambda: versions[second] > 0, 60, "an answer by the new version")
        before, mine = versions.total(), versions[second]
        eventually(lambda: versions.total() - before >= REQUESTS, 120, f"{REQUESTS} answers")
        total, mine = versions.total() - before, versions[second] - mine
        assert abs(mine - total / 5) <= SIGMAS * math.sqrt(total * 0.2 * 0.8), f"{mine} of {total} at 20%"
        assert {_grpc() for _ in range(60)} == {first, second}
        digest = held["status"]["candidate"]["digest"]
        edge.kubectl.run("annotate", "faultmodel", "mill", "--overwrite", f"andon.dev/approve={digest}")
        edge.wait("mill", "Ready", "True")
        edge.until_gone("deployment", f"mill-v{first}")
        before = versions.total()
        eventually(lambda: versions.total() - before >= 50, 60, "answers after the old server went")
    assert failures == []
    assert _grpc() == second


def test_a_gateway_that_cannot_copy_is_not_asked_to(edge: Plant) -> None:
    serves = edge.model("mill")["status"]["stable"]
    edge.kubectl.apply(_model(8, monitoring={"enabled": True}))
    edge.wait("mill", "Stalled", "True", reason="MirrorUnsupported")
    told = condition(edge.model("mill"), "Stalled")[2]
    assert "GatewayClass traefik" in told
    assert "HTTPRouteRequestMirror" in told
    with httpx.Client(timeout=10) as client:
        assert _http(client) == str(serves["version"])
    edge.kubectl.apply(_model(8))
    edge.wait("mill", "Ready", "True")


def test_a_gateway_that_is_not_there_is_named(edge: Plant) -> None:
    model = _model(8)
    model["spec"]["rollout"]["traffic"]["gateway"]["parentRefs"] = [{"name": "nowhere"}]
    edge.kubectl.apply(model)
    edge.wait("mill", "Stalled", "True", reason="GatewayMissing")
    edge.kubectl.apply(_model(8))
    edge.wait("mill", "Ready", "True")


def test_from_the_gateway_to_a_router_of_its_own(edge: Plant) -> None:
    model = _model(8)
    del model["spec"]["rollout"]["traffic"]
    edge.kubectl.apply(model)
    edge.until_gone("httproute", "mill")
    edge.until_gone("grpcroute", "mill")
    edge.wait("mill", "Ready", "True")
    url = f"http://mill.{edge.namespace}.svc.cluster.local:8000/v2/models/mill/infer"
    eventually(lambda: _envoy_answers(url), 60, "an answer by Envoy")
