"""What the monitor's tests share: artifacts in a store, a monitor on loopback, an API server that knows tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt
from aiohttp import web
from onnx import TensorProto, helper

from model_builder.artifact import verify, write_artifact
from model_builder.build import build
from model_builder.progress import Silent
from model_builder.settings import Settings as StoreSettings
from model_builder.spec import BuildSpec
from model_builder.store import FolderStore
from model_monitor.envelope import Version
from model_monitor.service import Ports, running
from model_monitor.settings import MonitorSettings
from model_monitor.worker import Listener
from tests.support.builder import fault_csv, local

DEADLINE = 60.0
TOKEN = "token-of-the-line"  # noqa: S105 (known to the test's own API server only)
SENDER = "system:serviceaccount:press-shop:line"


@dataclass(frozen=True)
class Shop:
    """A store with versions of the model ``spindle``, of two features heat and load."""

    root: Path
    old: str
    new: str
    broken: str
    """Says NaN where heat is above 0."""
    three: str
    """Of three classes."""
    other_three: str

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.root)


def open_shop(folder: Path) -> Shop:
    """Build the versions and put them into a store."""

    def built(name: str, seed: int, classes: int, **more: Any) -> str:
        place = folder / name
        place.mkdir()
        data = local(place, fault_csv(rows=400, seed=seed, classes=classes))
        spec = BuildSpec.model_validate(
            {
                "name": "spindle",
                "source": {
                    "train": {
                        "data": {"uri": "data.csv"},
                        "target": "fault",
                        "params": {"randomForest": {"n_estimators": 5}},
                        **more,
                    }
                },
            }
        )
        done = build(spec, data, place / "out", Silent())
        FolderStore(folder / "store").publish(place / "out", done.artifact.digest)
        return done.artifact.digest

    old = built("old", 1, 2)
    return Shop(
        folder / "store",
        old,
        built("new", 2, 2),
        _broken(folder, old),
        built("three", 3, 3),
        built("other-three", 4, 3),
    )


def _broken(folder: Path, digest: str) -> str:
    place = folder / "store" / "artifacts" / digest.removeprefix("sha256:")
    files = verify(digest, lambda path: (place / path).read_bytes())
    files["repository/spindle/1/model.onnx"] = broken_model()
    artifact = write_artifact(files, folder / "broken")
    FolderStore(folder / "store").publish(folder / "broken", artifact.digest)
    return artifact.digest


def broken_model() -> bytes:
    """Write a model whose score is the root of minus heat."""
    nodes = [
        helper.make_node("Gather", ["numeric", "first"], ["heat"], axis=1),
        helper.make_node("Neg", ["heat"], ["cold"]),
        helper.make_node("Sqrt", ["cold"], ["root"]),
        helper.make_node("Min", ["root", "one"], ["score"]),
        helper.make_node("GreaterOrEqual", ["score", "half"], ["fault"]),
    ]
    constants = [
        helper.make_tensor("first", TensorProto.INT64, [1], [0]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5]),
    ]
    graph = helper.make_graph(
        nodes,
        "broken",
        [helper.make_tensor_value_info("numeric", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("fault", TensorProto.BOOL, [None, 1]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


@dataclass
class TokenServer:
    """An API server that answers TokenReviews, and counts them."""

    tokens: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            TOKEN: {
                "authenticated": True,
                "audiences": ["andon-labels"],
                "user": {"username": SENDER, "groups": ["system:serviceaccounts:press-shop"]},
            }
        }
    )
    reviews: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    status: int = 201

    async def review(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.reviews.append({"spec": body["spec"], "authorization": request.headers.get("Authorization")})
        known = self.tokens.get(body["spec"]["token"], {"authenticated": False})
        return web.json_response({**body, "status": known}, status=self.status)


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """Run such a server on loopback."""
    made = TokenServer()
    app = web.Application()
    app.router.add_post("/apis/authentication.k8s.io/v1/tokenreviews", made.review)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()


@dataclass
class Monitor:
    """A running monitor and a client of it."""

    ports: Ports
    client: aiohttp.ClientSession
    tokens: TokenServer

    def api(self, path: str) -> str:
        return f"http://127.0.0.1:{self.ports.api}{path}"

    async def mirror(
        self,
        rows: npt.ArrayLike,
        request_id: str,
        stable: str,
        candidate: str = "",
        asset: str = "",
        **headers: str,
    ) -> int:
        """Send a request as the router mirrors it."""
        values = np.asarray(rows, np.float32)
        body = {
            "inputs": [
                {"name": "numeric", "shape": list(values.shape), "datatype": "FP32", "data": values.ravel().tolist()}
            ]
        }
        given = {**routed(stable, candidate, request_id, asset), **headers}
        url = f"http://127.0.0.1:{self.ports.http}/v2/models/spindle/infer"
        async with self.client.post(url, data=json.dumps(body), headers=given) as answer:
            return answer.status

    async def evidence(self, old: str, new: str, model: str = "spindle") -> dict[str, Any]:
        url = self.api(f"/v1/models/{model}/evidence")
        async with self.client.get(url, params={"old": old, "new": new}) as answer:
            return {"status": answer.status, **(await answer.json())}

    async def seen(self, old: str, new: str, inputs: int) -> dict[str, Any]:
        """Give evidence once so many rows have been counted."""

        async def look() -> dict[str, Any] | None:
            found = await self.evidence(old, new)
            return found if found.get("inputs", 0) >= inputs else None

        return await eventually(look)

    async def label(self, labels: Any, token: str = TOKEN, model: str = "spindle") -> dict[str, Any]:
        csv = isinstance(labels, str)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv" if csv else "application/json"}
        body = labels if csv else json.dumps(labels)
        async with self.client.post(self.api(f"/v1/models/{model}/labels"), data=body, headers=headers) as answer:
            return {"status": answer.status, **(await answer.json())}

    async def get(self, path: str) -> tuple[int, str]:
        async with self.client.get(self.api(path)) as answer:
            return answer.status, await answer.text()


def routed(stable: str, candidate: str, request_id: str, asset: str = "") -> dict[str, str]:
    """Give the headers that the router sets."""
    versions = f"4={stable}" + (f",5={candidate}" if candidate else "")
    headers = {"x-andon-model": "spindle", "x-andon-versions": versions, "x-request-id": request_id}
    return headers | ({"x-andon-asset": asset} if asset else {})


def versions(shop: Shop) -> tuple[Version, Version]:
    """Give the versions that `routed` names."""
    return Version(4, shop.old), Version(5, shop.new)


@asynccontextmanager
async def monitoring(
    shop: Shop, folder: Path, listeners: Sequence[Listener] = (), **settings: Any
) -> AsyncIterator[Monitor]:
    """Run a monitor on free ports of loopback."""
    async with AsyncExitStack() as stack:
        tokens = await stack.enter_async_context(token_server())
        token_file = folder / "own-token"
        token_file.write_text("own-token")
        given: dict[str, Any] = {
            "database": f"sqlite:///{folder / 'monitor.db'}",
            "namespace": "press-shop",
            "host": "127.0.0.1",
            "http_port": 0,
            "grpc_port": 0,
            "api_port": 0,
            "page_port": 0,
            "flush_seconds": 0,
            "api_server": tokens.url,
            "api_token_file": token_file,
            "api_ca_file": folder / "no-ca",
        }
        made = MonitorSettings(**{**given, **settings})
        ports = await stack.enter_async_context(running(made, StoreSettings(store=str(shop.root)), listeners))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield Monitor(ports, client, tokens)


async def eventually(look: Callable[[], Awaitable[dict[str, Any] | None]]) -> dict[str, Any]:
    """Wait until there is something to see."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = await look()
            if found is not None:
                return found
            await asyncio.sleep(0.01)


def rows(count: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Draw rows of heat and load."""
    return np.random.default_rng(seed).normal(size=(count, 2)).astype(np.float32)
