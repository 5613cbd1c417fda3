"""Reads of the cluster, with an HTTP server of ours in the API server's place."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes import client

from andon.cli.cluster import Cluster
from andon.cli.errors import CliError, ExitCode

API = "/apis/andon.dev/v1alpha1"
SPINDLE = f"{API}/namespaces/press-shop/faultmodels/spindle"


class ApiServer(ThreadingHTTPServer):
    """Answers by path; what it does not know is 404, as the API server says it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, dict[str, Any] | str]] = {}
        self.queries: dict[str, dict[str, list[str]]] = {}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, ApiServer)
        url = urlsplit(self.path)
        server.queries[url.path] = parse_qs(url.query)
        status, body = server.answers.get(url.path, (404, {"reason": "NotFound", "message": "not found"}))
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the base's name
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[ApiServer]:
    server = ApiServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def cluster(api: ApiServer) -> Cluster:
    return Cluster(client.Configuration(host=f"http://127.0.0.1:{api.server_port}"), "press-shop")


def names(*pairs: tuple[str, str]) -> tuple[int, dict[str, Any]]:
    return 200, {"items": [{"metadata": {"namespace": place, "name": name}} for place, name in pairs]}


def test_a_fault_model_is_given_as_it_is(api: ApiServer, cluster: Cluster) -> None:
    manifest = {"kind": "FaultModel", "metadata": {"name": "spindle"}, "status": {"fieldOfTheFuture": 1}}
    api.answers[SPINDLE] = (200, manifest)
    assert cluster.fault_model("press-shop", "spindle") == manifest


HERE, EVERYWHERE = f"{API}/namespaces/press-shop/faultmodels", f"{API}/faultmodels"


@pytest.mark.parametrize(
    ("answers", "reason", "said"),
    [
        ({}, "NotFound", ['no FaultModel "spindle" in the namespace "press-shop"', "check the name"]),
        ({HERE: names(("press-shop", "spindel"))}, "NotFound", ['did you mean "spindel"?', 'Allowed: "spindel"']),
        ({EVERYWHERE: names(("paint", "spindle"))}, "NotFound", ["in the namespace paint: add -n paint"]),
        ({HERE: (403, {"reason": "Forbidden"})}, "NotFound", ["check the name"]),
        ({SPINDLE: (404, "404 page not found\n")}, "NotInstalled", ["does not know the kind FaultModel"]),
        ({SPINDLE: (401, {"reason": "Unauthorized"})}, "Unauthorized", ["log in again"]),
        (
            {SPINDLE: (403, {"reason": "Forbidden", "message": "faultmodels is forbidden."})},
            "Forbidden",
            ["you may not read FaultModel spindle", "faultmodels is forbidden"],
        ),
        ({SPINDLE: (500, {"message": "etcd is tired"})}, "ClusterError", ["etcd is tired"]),
    ],
)
def test_what_is_said_where_it_cannot_be_read(
    api: ApiServer, cluster: Cluster, answers: dict[str, Any], reason: str, said: list[str]
) -> None:
    api.answers.update(answers)
    with pytest.raises(CliError) as caught:
        cluster.fault_model("press-shop", "spindle")
    assert (caught.value.reason, caught.value.exit_code) == (reason, ExitCode.UNREACHABLE)
    for part in said:
        assert part in str(caught.value)


def test_versions_of_this_model_newest_first(api: ApiServer, cluster: Cluster) -> None:
    items = [{"spec": {"faultModelName": name, "version": n}} for name, n in (("a", 2), ("b", 11), ("a", 10))]
    api.answers[f"{API}/namespaces/press-shop/faultmodelversions"] = (200, {"items": items})
    assert [version["spec"]["version"] for version in cluster.versions("press-shop", "a")] == [10, 2]


def test_events_and_pods_are_asked_for_by_selector(api: ApiServer, cluster: Cluster) -> None:
    events, pods = "/api/v1/namespaces/press-shop/events", "/api/v1/namespaces/press-shop/pods"
    api.answers[events] = (200, {"items": [{"reason": "RolledOut"}]})
    api.answers[pods] = (200, {"items": None})
    assert cluster.events("press-shop", "spindle") == [{"reason": "RolledOut"}]
    assert cluster.router_pods("press-shop", "spindle") == []
    selector = "involvedObject.kind=FaultModel,involvedObject.name=spindle"
    assert api.queries[events]["fieldSelector"] == [selector]
    assert api.queries[pods]["labelSelector"] == ["andon.dev/faultmodel=spindle,app.kubernetes.io/component=router"]


def test_nobody_listens() -> None:
    cluster = Cluster(client.Configuration(host="http://127.0.0.1:1"), "press-shop")
    with pytest.raises(CliError, match="Connection refused") as caught:
        cluster.events("press-shop", "spindle")
    assert caught.value.reason == "NoConnection"
