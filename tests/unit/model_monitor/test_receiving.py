"""Requests as servers take them: JSON, binary tensors, compressed, gRPC; and what is dropped, with a count of why."""

from __future__ import annotations

import asyncio
import gzip
import json
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_grpc
import tritonclient.http.aio as triton_http
from tritonclient.grpc import InferInput as GrpcInput
from tritonclient.grpc import service_pb2, service_pb2_grpc

from model_builder.report import Signature
from model_monitor.envelope import envelope
from model_monitor.errors import MonitorError, Reason
from model_monitor.inference_json import decode
from model_monitor.intake import Intake, Waiting
from model_monitor.logs import Seldom
from model_monitor.receiving_grpc import tensors as grpc_tensors
from model_monitor.tensors import Rows, rows_of
from tests.support.monitoring import Monitor, Shop, eventually, monitoring, routed, rows

SIGNATURE = Signature.of(("heat", "load"), ("0", "1"), 0.5, ("grade",))
OLD, NEW = (f"sha256:{digit * 64}" for digit in "ab")


def request_of(numeric: Any, texts: Any = (("a",), ("ü",)), **more: Any) -> dict[str, Any]:
    return {
        "inputs": [
            {"name": "numeric", "shape": [2, 2], "datatype": "FP32", "data": numeric, **more},
            {"name": "categorical", "shape": [2, 1], "datatype": "BYTES", "data": texts},
        ]
    }


def binary(header: dict[str, Any], *parts: bytes) -> tuple[bytes, int]:
    text = json.dumps(header).encode()
    return text + b"".join(parts), len(text)


def packed(*texts: str) -> bytes:
    return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)


def same(found: Rows, numeric: Any, texts: Any = (("a",), ("ü",))) -> None:
    assert found.numeric.dtype == np.float32
    assert np.array_equal(found.numeric, np.array(numeric, np.float32), equal_nan=True)
    assert found.categorical.tolist() == [list(row) for row in texts]


@pytest.mark.parametrize("data", [[1, 2.5, 3, 4], [[1, 2.5], [3, 4]]])
def test_json(data: Any) -> None:
    body = json.dumps(request_of(data) | {"id": "mine"}).encode()
    request = decode(body, None)
    assert request.id == "mine"
    same(rows_of(request.tensors, SIGNATURE), [[1, 2.5], [3, 4]])


def test_json_rounds_once_to_float32_and_takes_nan() -> None:
    body = json.dumps(request_of([0.1, float("nan"), 1e-50, 1e300])).encode()
    same(rows_of(decode(body, None).tensors, SIGNATURE), [[0.1, np.nan], [0, np.inf]])


def test_binary_tensors() -> None:
    numbers = np.array([[1, np.nan], [3, 4]], "<f4").tobytes()
    body, length = binary(
        {
            "inputs": [
                {
                    "name": "numeric",
                    "shape": [2, 2],
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": len(numbers)},
                },
                {
                    "name": "categorical",
                    "shape": [2, 1],
                    "datatype": "BYTES",
                    "parameters": {"binary_data_size": len(packed("a", "ü"))},
                },
            ]
        },
        numbers,
        packed("a", "ü"),
    )
    same(rows_of(decode(body, length).tensors, SIGNATURE), [[1, np.nan], [3, 4]])


def grpc_request(raw: bool, **more: Any) -> Any:
    request = service_pb2.ModelInferRequest(model_name="spindle", **more)
    numeric = request.inputs.add(name="numeric", datatype="FP32", shape=[2, 2])
    texts = request.inputs.add(name="categorical", datatype="BYTES", shape=[2, 1])
    if raw:
        request.raw_input_contents.extend([np.array([1, 2, 3, 4], "<f4").tobytes(), packed("a", "ü")])
    else:
        numeric.contents.fp32_contents.extend([1, 2, 3, 4])
        texts.contents.bytes_contents.extend([b"a", "ü".encode()])
    return request


@pytest.mark.parametrize("raw", [True, False])
def test_grpc(raw: bool) -> None:
    same(rows_of(grpc_tensors(grpc_request(raw)), SIGNATURE), [[1, 2], [3, 4]])


def one(name: str, **fields: Any) -> dict[str, Any]:
    """Give the request with one field of one input changed."""
    document = request_of([1, 2, 3, 4])
    entry = next(entry for entry in document["inputs"] if entry["name"] == name)
    entry.update(fields)
    return document


BAD_JSON: dict[str, tuple[bytes, int | None]] = {
    "no JSON": (b"{", None),
    "deep": (b"[" * 100_000, None),
    "a list": (b"[]", None),
    "no inputs": (b"{}", None),
    "no name": (json.dumps({"inputs": [{"shape": [1], "datatype": "FP32", "data": [1]}]}).encode(), None),
    "null": (json.dumps(one("numeric", data=[1, None, 3, 4])).encode(), None),
    "a text": (json.dumps(one("numeric", data=["1", 2, 3, 4])).encode(), None),
    "too few": (json.dumps(one("numeric", data=[1, 2, 3])).encode(), None),
    "ragged": (json.dumps(one("numeric", data=[[1, 2], [3]])).encode(), None),
    "negative shape": (json.dumps(one("numeric", shape=[-2, -2])).encode(), None),
    "shape of texts": (json.dumps(one("numeric", shape=["2", "2"])).encode(), None),
    "another type": (json.dumps(one("numeric", datatype="FP64")).encode(), None),
    "numbers for texts": (json.dumps(one("categorical", data=[1, 2])).encode(), None),
    "other width": (json.dumps(one("numeric", shape=[4, 1])).encode(), None),
    "other rows": (json.dumps(one("categorical", shape=[1, 1], data=["a"])).encode(), None),
    "one axis": (json.dumps(one("numeric", shape=[4])).encode(), None),
    "an input too few": (json.dumps({"inputs": request_of([1, 2, 3, 4])["inputs"][:1]}).encode(), None),
    "header longer than the body": (b"{}", 3),
    "header of nothing": (b"{}", 0),
    "binary beyond the body": binary(one("numeric", parameters={"binary_data_size": 16}), b"123"),
    "binary of a negative size": binary(one("numeric", parameters={"binary_data_size": -1})),
    "binary of a wrong size": binary(one("numeric", parameters={"binary_data_size": 12}), b"\0" * 12),
    "texts cut short": binary(one("categorical", parameters={"binary_data_size": 6}), packed("abcdef")[:6]),
    "texts too many": binary(
        one("categorical", parameters={"binary_data_size": 15}), packed("a", "b", "c")
    ),
    "texts that are none": binary(
        one("categorical", parameters={"binary_data_size": 10}), packed("a") + b"\1\0\0\0\xff"
    ),
    "no rows": (json.dumps({"inputs": [
        {"name": "numeric", "shape": [0, 2], "datatype": "FP32", "data": []},
        {"name": "categorical", "shape": [0, 1], "datatype": "BYTES", "data": []},
    ]}).encode(), None),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_JSON)
def test_what_a_server_would_refuse_is_refused(case: str) -> None:
    with pytest.raises(MonitorError) as caught:
        rows_of(decode(*BAD_JSON[case]).tensors, SIGNATURE)
    assert caught.value.reason is Reason.INVALID_REQUEST


def _raw_of_one(request: Any) -> None:
    del request.raw_input_contents[1:]


def _negative(request: Any) -> None:
    request.inputs[0].shape[:] = [-2, -2]


def _double(request: Any) -> None:
    request.inputs[0].datatype = "FP64"


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("spoil", [_raw_of_one, _negative, _double])
def test_what_a_grpc_server_would_refuse_is_refused(raw: bool, spoil: Callable[[Any], None]) -> None:
    request = grpc_request(raw)
    if spoil is _raw_of_one and not raw:
        request.inputs[0].contents.fp32_contents.append(5)
    else:
        spoil(request)
    with pytest.raises(MonitorError) as caught:
        rows_of(grpc_tensors(request), SIGNATURE)
    assert caught.value.reason is Reason.INVALID_REQUEST


NOW = datetime(2026, 5, 4, tzinfo=UTC)


def test_the_routers_headers() -> None:
    found = envelope({**routed(OLD, NEW, "r", "press-1")}, "spindle", "mine", NOW)
    assert (found.stable.number, found.stable.digest) == (4, OLD)
    assert found.candidate is not None
    assert (found.candidate.number, found.candidate.digest) == (5, NEW)
    assert (found.asset, found.request_id, found.at) == ("press-1", "r", NOW)
    assert envelope(routed(OLD, "", "r"), "spindle", "", NOW).candidate is None
    assert envelope(routed(OLD, OLD, "r"), "spindle", "", NOW).candidate is None
    headers = {name: value for name, value in routed(OLD, "", "").items() if name != "x-request-id"}
    assert envelope(headers, "spindle", "mine", NOW).request_id == "mine"
    names = {envelope(headers, "spindle", "", NOW).request_id for _ in range(5)}
    assert len(names) == 5


@pytest.mark.parametrize(
    ("headers", "model", "reason"),
    [
        ({"x-andon-model": "press"}, "spindle", Reason.INVALID_REQUEST),
        ({"x-andon-model": "../x"}, "../x", Reason.INVALID_REQUEST),
        ({}, "Spindle", Reason.INVALID_REQUEST),
        ({"x-andon-versions": ""}, "spindle", Reason.UNKNOWN_VERSIONS),
        ({"x-andon-versions": "4"}, "spindle", Reason.UNKNOWN_VERSIONS),
        ({"x-andon-versions": f"4={OLD.upper()}"}, "spindle", Reason.UNKNOWN_VERSIONS),
        ({"x-andon-versions": f"0={OLD}"}, "spindle", Reason.UNKNOWN_VERSIONS),
        ({"x-andon-versions": f"4={OLD},5={NEW},6={NEW}"}, "spindle", Reason.UNKNOWN_VERSIONS),
    ],
)
def test_headers_that_the_router_does_not_set(headers: dict[str, str], model: str, reason: Reason) -> None:
    given = {**routed(OLD, NEW, "r"), "x-andon-model": model, **headers}
    with pytest.raises(MonitorError) as caught:
        envelope(given, model, "", NOW)
    assert caught.value.reason is reason


def compressed(kind: str, body: bytes) -> bytes:
    if kind == "gzip":
        return gzip.compress(body)
    return zlib.compress(body) if kind == "deflate" else body


@pytest.mark.parametrize("kind", ["gzip", "deflate"])
async def test_compressed_requests(shop: Shop, tmp_path: Path, kind: str) -> None:
    body = json.dumps(
        {"inputs": [{"name": "numeric", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    ).encode()
    async with monitoring(shop, tmp_path) as monitor:
        url = f"http://127.0.0.1:{monitor.ports.http}/v2/models/spindle/versions/4/infer"
        headers = {**routed(shop.old, shop.new, "r"), "Content-Encoding": kind}
        async with monitor.client.post(url, data=compressed(kind, body), headers=headers) as answer:
            assert answer.status == 202
        await monitor.seen(shop.old, shop.new, 2)


async def test_a_client_of_triton_over_http(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        client = triton_http.InferenceServerClient(f"127.0.0.1:{monitor.ports.http}")
        given = triton_http.InferInput("numeric", [3, 2], "FP32")
        given.set_data_from_numpy(rows(3))
        body, length = triton_http.InferenceServerClient.generate_request_body([given])
        url = f"http://127.0.0.1:{monitor.ports.http}/v2/models/spindle/infer"
        headers = {**routed(shop.old, shop.new, "r"), "Inference-Header-Content-Length": str(length)}
        async with monitor.client.post(url, data=body, headers=headers) as answer:
            assert answer.status == 202
        await client.close()
        await monitor.seen(shop.old, shop.new, 3)


async def test_a_client_of_triton_over_grpc(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        client = triton_grpc.InferenceServerClient(f"127.0.0.1:{monitor.ports.grpc}")
        given = GrpcInput("numeric", [3, 2], "FP32")
        given.set_data_from_numpy(rows(3))
        await client.infer("spindle", [given], headers=routed(shop.old, shop.new, "raw"))
        await client.close()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{monitor.ports.grpc}") as channel:
            request = service_pb2.ModelInferRequest(model_name="spindle", id="typed")
            request.inputs.add(name="numeric", datatype="FP32", shape=[1, 2]).contents.fp32_contents.extend([1, 2])
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            await stub.ModelInfer(request, metadata=tuple(routed(shop.old, shop.new, "typed").items()))
        found = await monitor.seen(shop.old, shop.new, 4)
        assert found["inputs"] == 4
        assert (await monitor.label([{"requestId": "typed", "fault": True}]))["accepted"] == 1


async def dropped(monitor: Monitor, reason: str, model: str = "") -> None:
    """Wait until a request has been dropped for a reason."""
    wanted = f'andon_monitor_inputs_dropped_total{{model="{model}",reason="{reason}"}} 1.0'

    async def look() -> dict[str, Any] | None:
        _, text = await monitor.get("/metrics")
        return {} if wanted in text else None

    await eventually(look)


async def test_what_is_dropped_is_counted_by_reason(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path, max_body_bytes=100_000) as monitor:
        assert await monitor.mirror(rows(1), "a", shop.old, shop.new, **{"x-andon-versions": "none"}) == 202
        await dropped(monitor, "unknown_versions")
        assert await monitor.mirror(rows(1), "b", shop.old, shop.new, **{"x-andon-model": "press"}) == 202
        await dropped(monitor, "invalid_request")
        assert await monitor.mirror([[1.0, 2.0, 3.0]], "c", shop.old, shop.new) == 202
        await dropped(monitor, "invalid_request", "spindle")
        assert await monitor.mirror(rows(1), "d", shop.old, f"sha256:{'0' * 64}") == 202
        await dropped(monitor, "model_unavailable", "spindle")
        assert await monitor.mirror(rows(9_000), "e", shop.old, shop.new) == 413
        await dropped(monitor, "too_large", "spindle")
        assert (await monitor.evidence(shop.old, shop.new))["reason"] == "UnknownModel"


async def test_a_bomb_is_stopped_at_the_bound(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path, max_body_bytes=1_000_000) as monitor:
        url = f"http://127.0.0.1:{monitor.ports.http}/v2/models/spindle/infer"
        headers = {**routed(shop.old, shop.new, "r"), "Content-Encoding": "gzip"}
        async with monitor.client.post(url, data=gzip.compress(b" " * 50_000_000), headers=headers) as answer:
            assert answer.status == 413
        await dropped(monitor, "too_large")
        async with monitor.client.post(url, data=b"no gzip", headers=headers) as answer:
            assert answer.status == 400


def waiting(size: int = 10) -> Waiting:
    def never() -> Any:
        raise AssertionError

    return Waiting(NOW, size, never)


def test_the_queue_never_grows_over_its_bounds() -> None:
    intake = Intake(3, 100)
    assert [intake.offer(waiting()) for _ in range(5)] == [True] * 3 + [False] * 2
    assert len(intake) == 3
    assert len(intake.take(2, 99, 0)) == 2
    assert intake.offer(waiting(90))
    assert not intake.offer(waiting(1)), "100 bytes wait"
    assert len(intake.take(9, 100, 0)) == 2
    for size in (60, 30, 9):
        assert intake.offer(waiting(size))
    assert [len(intake.take(9, 50, 0)) for _ in range(2)] == [1, 2], "in parts of 50 bytes, but one at least"
    intake.close()
    assert not intake.offer(waiting())
    assert intake.take(9, 99, 0) == []


def test_the_queue_tells_up_to_when_all_is_done() -> None:
    later = NOW.replace(hour=1)
    intake = Intake(3, 100)
    assert intake.complete_until(later) == later
    intake.offer(waiting())
    assert intake.complete_until(later) == NOW
    intake.take(1, 99, 0)
    assert intake.complete_until(later) == NOW, "not written yet"
    assert intake.busy
    intake.done()
    assert intake.complete_until(later) == later
    assert not intake.busy


async def test_overload_is_told_and_counted(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path, queue_bytes=1024) as monitor:
        statuses = await asyncio.gather(
            *(monitor.mirror(rows(20, seed), f"r{seed}", shop.old, shop.new) for seed in range(40))
        )
        assert set(statuses) <= {202, 503}
        taken = statuses.count(202)
        if taken:
            await monitor.seen(shop.old, shop.new, 20 * taken)
        big = await monitor.mirror(rows(200), "big", shop.old, shop.new)
        assert big == 503, "larger than all that may wait"
        _, text = await monitor.get("/metrics")
        drops = [
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith("andon_monitor_inputs_dropped_total{") and 'reason="queue_full"' in line
        ]
        assert sum(drops) == 41 - taken
        assert await monitor.mirror(rows(1), "first", shop.old, shop.new) == 202
        await monitor.seen(shop.old, shop.new, 1)
        before = sum(drops)
        assert await monitor.mirror(rows(200), "bigger", shop.old, shop.new) == 503
        _, text = await monitor.get("/metrics")
        known = 'andon_monitor_inputs_dropped_total{model="spindle",reason="queue_full"} '
        assert any(line.startswith(known) for line in text.splitlines()), (before, "a model that is known is named")


def test_what_comes_with_every_request_is_logged_seldom() -> None:
    clock = [0.0]
    seldom = Seldom(60, lambda: clock[0])
    assert [seldom.due("a"), seldom.due("a"), seldom.due("b")] == [True, False, True]
    clock[0] = 60
    assert seldom.due("a")
