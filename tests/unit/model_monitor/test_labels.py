"""Labels: how they may be written, and who may send them."""

from __future__ import annotations

import json
import sqlite3
import ssl
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from model_monitor.authentication import Senders
from model_monitor.counting import Selection
from model_monitor.errors import MonitorError, Reason
from model_monitor.labels import GivenLabel, from_csv, from_json
from model_monitor.settings import MonitorSettings
from tests.support.monitoring import SENDER, TOKEN, Shop, TokenServer, eventually, monitoring, rows, token_server

TIME = "2026-05-04T06:30:00+02:00"
MOMENT = datetime(2026, 5, 4, 4, 30, tzinfo=UTC)


def test_json_and_csv_say_the_same() -> None:
    expected = [
        GivenLabel(0, "a", fault=True),
        GivenLabel(1, "b", row=2, fault=False, selection=Selection.SAMPLE),
        GivenLabel(2, asset="press 1, left", time=MOMENT, label="heat", selection=Selection.QUEUE),
    ]
    entries = [
        {"requestId": "a", "fault": True},
        {"requestId": "b", "row": 2, "fault": False, "selection": "Sample"},
        {"asset": "press 1, left", "time": TIME, "label": "heat", "selection": "Queue"},
    ]
    text = (
        "\ufeffrequestId,row,asset,time,fault,label,selection\r\n"
        "a,,,,TRUE,,\r\n"
        "b,2,,,0,,Sample\r\n"
        "\r\n"
        f'"","","press 1, left",{TIME},,heat,Queue\r\n'
    )
    assert from_json(json.dumps(entries).encode()) == expected
    assert from_csv(text.encode()) == expected
    assert from_json(json.dumps(entries[0]).encode()) == expected[:1]
    assert from_json(b'{"requestId": "a", "label": 1}') == [GivenLabel(0, "a", label="1")]
    assert from_json(b"[]") == []


GOOD = {"requestId": "a", "fault": True}
BAD_JSON = {
    "no JSON": (b"{", "no JSON"),
    "deep": (b"[" * 100_000, "no JSON"),
    "no list": (b"3", "list of objects"),
    "no objects": (b"[3]", "list of objects"),
    **{
        f"{field}={value!r}": (json.dumps([GOOD, {**GOOD, field: value}]).encode(), f"{field} of row 2")
        for field, value in (
            ("faults", True),
            ("fault", "maybe"),
            ("fault", 2),
            ("fault", None),
            ("selection", "Luck"),
            ("selection", ["Queue"]),
            ("row", -1),
            ("row", 1.5),
            ("row", True),
            ("row", None),
            ("requestId", ""),
            ("requestId", 7),
            ("requestId", "x" * 254),
            ("requestId", "\x00"),
        )
    },
    "both names": (json.dumps([{**GOOD, "asset": "p", "time": TIME}]).encode(), "requestId of row 1"),
    "no name": (b'[{"fault": true}]', "requestId of row 1"),
    "no time": (b'[{"asset": "p", "fault": true}]', "time of row 1"),
    "a time alone": (json.dumps([{**GOOD, "time": TIME}]).encode(), "time of row 1"),
    "no zone": (b'[{"asset": "p", "time": "2026-05-04T06:30:00", "fault": true}]', "time of row 1"),
    "no date": (b'[{"asset": "p", "time": 7, "fault": true}]', "time of row 1"),
    "two truths": (json.dumps([{**GOOD, "label": "1"}]).encode(), "fault of row 1"),
    "no truth": (b'[{"requestId": "a"}]', "fault of row 1"),
    "a class of nothing": (b'[{"requestId": "a", "label": ""}]', "label of row 1"),
    "a class that is true": (b'[{"requestId": "a", "label": true}]', "label of row 1"),
    "a lone surrogate": (b'[{"requestId": "\\ud800", "fault": true}]', "requestId of row 1"),
}
BAD_CSV = {
    "encoding": ("requestId,fault\nü,1\n".encode("latin-1"), "byte 16"),
    "header": (b"requestId,faults\na,1\n", '"faults"'),
    "twice": (b"requestId,fault,fault\na,1,1\n", "header"),
    "ragged": (b"requestId,fault\na,1\nb\n", "row 2"),
    "quotes": (b'requestId,fault\n"a,1\n', "no CSV"),
    "fault": (b"requestId,fault\na,1\nb,perhaps\n", "fault of row 2"),
    "empty": (b"requestId,fault\na,\n", "fault of row 1"),
    "nul": (b"requestId,fault\na\x00,1\n", "requestId of row 1|NUL"),
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_json_that_is_no_label_is_refused_whole(case: str) -> None:
    body, words = BAD_JSON[case]
    with pytest.raises(MonitorError, match=words) as caught:
        from_json(body)
    assert caught.value.reason is Reason.INVALID_LABEL
    assert caught.value.allowed


@pytest.mark.parametrize("case", BAD_CSV)
def test_csv_that_is_no_label_is_refused_whole(case: str) -> None:
    body, words = BAD_CSV[case]
    with pytest.raises(MonitorError, match=words) as caught:
        from_csv(body)
    assert caught.value.reason is Reason.INVALID_LABEL


def test_too_many_are_refused() -> None:
    with pytest.raises(MonitorError) as caught:
        from_csv(b"requestId,fault\n" + b"a,1\n" * 100_001)
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "own-token"
    path.write_text("own-token\n")
    return path


def senders(server: TokenServer, token_file: Path, clock: list[float], **more: Any) -> Senders:
    given = {"namespace": "press-shop", "api_server": server.url, "api_token_file": token_file, **more}
    return Senders(MonitorSettings(api_ca_file=token_file.with_name("none"), **given), lambda: clock[0])


async def test_the_api_server_is_asked_with_the_audience_and_once_a_minute(token_file: Path) -> None:
    clock = [0.0]
    async with token_server() as server:
        known = senders(server, token_file, clock)
        for _ in range(3):
            assert (await known.by_token(f"Bearer {TOKEN}")).name == SENDER
        assert server.reviews == [
            {"spec": {"token": TOKEN, "audiences": ["andon-labels"]}, "authorization": "Bearer own-token"}
        ]
        clock[0] = 59.9
        await known.by_token(f"bearer  {TOKEN}")
        assert len(server.reviews) == 1
        server.tokens.clear()
        clock[0] = 60.1
        with pytest.raises(MonitorError) as caught:
            await known.by_token(f"Bearer {TOKEN}")
        assert caught.value.reason is Reason.UNAUTHENTICATED
        with pytest.raises(MonitorError):
            await known.by_token(f"Bearer {TOKEN}")
        assert len(server.reviews) == 3, "a refusal is not remembered"


def account(namespace: str, **more: Any) -> dict[str, Any]:
    user = {"username": f"system:serviceaccount:{namespace}:x", "groups": [f"system:serviceaccounts:{namespace}"]}
    return {"authenticated": True, "audiences": ["andon-labels"], "user": user, **more}


@pytest.mark.parametrize(
    ("header", "status", "reason"),
    [
        (None, account("press-shop"), Reason.UNAUTHENTICATED),
        ("Basic dDp0", account("press-shop"), Reason.UNAUTHENTICATED),
        ("Bearer ", account("press-shop"), Reason.UNAUTHENTICATED),
        ("Bearer t", account("press-shop", authenticated=False), Reason.UNAUTHENTICATED),
        ("Bearer t", account("press-shop", audiences=["https://kubernetes.default.svc"]), Reason.UNAUTHENTICATED),
        ("Bearer t", {"authenticated": True, "user": {"username": "x"}}, Reason.UNAUTHENTICATED),
        ("Bearer t", account("another"), Reason.FORBIDDEN),
        ("Bearer t", account("press-shop"), None),
        ("Bearer t", account("quality"), None),
        ("Bearer t", account("x", user={"username": "anna"}), None),
    ],
)
async def test_who_may_send(
    token_file: Path, header: str | None, status: dict[str, Any], reason: Reason | None
) -> None:
    async with token_server() as server:
        server.tokens["t"] = status
        known = senders(server, token_file, [0.0], label_senders=("anna", "system:serviceaccounts:quality"))
        if reason is None:
            assert (await known.by_token(header)).name == status["user"]["username"]
            return
        with pytest.raises(MonitorError) as caught:
            await known.by_token(header)
        assert caught.value.reason is reason
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("broken", "remedy"),
    [
        ("right", "monitor.labelNamespaces={press-shop}"),
        ("status", "kubectl logs deployment/andon-monitor"),
        ("address", "kubectl logs deployment/andon-monitor"),
        ("own token", "kubectl logs deployment/andon-monitor"),
    ],
)
async def test_an_api_server_that_cannot_be_asked_refuses_nobody_for_good(
    token_file: Path, broken: str, remedy: str
) -> None:
    async with token_server() as server:
        if broken in ("right", "status"):
            server.status = 403 if broken == "right" else 500
        if broken == "address":
            server.url = "http://127.0.0.1:1"
        own = token_file.with_name("none") if broken == "own token" else token_file
        with pytest.raises(MonitorError) as caught:
            await senders(server, own, [0.0]).by_token(f"Bearer {TOKEN}")
        assert caught.value.reason is Reason.AUTHENTICATION_UNAVAILABLE
        assert caught.value.status == 503
        assert remedy in caught.value.remedy


async def test_a_refused_label_says_why(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(1), "a", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 1)
        refused = await monitor.label([GOOD], token="nobody")  # noqa: S106 (of nobody)
        assert (refused["status"], refused["reason"]) == (401, "Unauthenticated")
        assert "kubectl create token" in refused["remedy"]
        refused = await monitor.label("requestId,fault\na,perhaps\n")
        assert (refused["status"], refused["reason"]) == (400, "InvalidLabel")
        refused = await monitor.label([{"requestId": "b", "fault": True}])
        assert (refused["status"], refused["refused"]) == (404, 1)
        refused = await monitor.label([{"requestId": "a", "label": "heat"}])
        assert (refused["status"], refused["refusals"][0]["allowed"]) == (400, '"0", "1"')
        mixed = await monitor.label([{"requestId": "b", "fault": True}, GOOD])
        assert (mixed["status"], mixed["accepted"], mixed["refused"]) == (200, 1, 1)
        assert mixed["refusals"][0]["index"] == 0


async def test_many_labels_are_kept_in_parts(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(1200), "a", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 1200)
        lines = [f"a,{row},{row % 2}" for row in range(1201)]
        done = await monitor.label("\n".join(["requestId,row,fault", *lines]))
        assert (done["accepted"], done["refused"], done["refusals"][0]["index"]) == (1200, 1, 1200)
        found = await monitor.evidence(shop.old, shop.new)
        assert found["faults"]["total"] == found["sound"]["total"] == 600
        assert (await monitor.label([]))["accepted"] == 0


async def test_classes_of_a_model_of_several(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(30), "a", shop.three, shop.other_three)
        found = await monitor.seen(shop.three, shop.other_three, 30)
        assert found["alarms"]["old"] < 30, "the class of most rows is no alarm"
        assert found["disagreement"]["hits"] > 0
        done = await monitor.label([{"requestId": "a", "row": row, "label": row % 3} for row in range(30)])
        assert done["accepted"] == 30
        found = await monitor.evidence(shop.three, shop.other_three)
        assert found["sound"]["total"] == 10, "rows of the normal class"
        assert found["faults"]["total"] == 20
        again = await monitor.label([{"requestId": "a", "row": 0, "fault": False}])
        assert again["unchanged"] == 1, "less was said than is known"


async def test_a_client_certificate_names_the_sender(shop: Shop, tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    served = authority.issue_cert("127.0.0.1")
    served.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    pem, trusted = tmp_path / "server.pem", tmp_path / "ca.pem"
    async with monitoring(shop, tmp_path, tls_certificate=pem, tls_client_ca=trusted, tls_port=0) as monitor:
        url = f"https://127.0.0.1:{monitor.ports.tls}"

        def client(holder: trustme.CA | None) -> aiohttp.ClientSession:
            context = ssl.create_default_context()
            authority.configure_trust(context)
            if holder is not None:
                holder.issue_cert("line@press-shop", common_name="line").configure_cert(context)
            return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))

        async def label(session: aiohttp.ClientSession) -> dict[str, Any]:
            async with session.post(f"{url}/v1/models/spindle/labels", json=[GOOD]) as answer:
                return {"status": answer.status, **(await answer.json())}

        async with client(authority) as session:
            await monitor.mirror(rows(1), "a", shop.old, shop.new)

            async def kept() -> dict[str, Any] | None:
                found = await label(session)
                return found if found["status"] == 200 else None

            assert (await eventually(kept))["accepted"] == 1
        async with client(None) as session:
            async with session.get(f"{url}/healthz") as answer:
                assert answer.status == 200
            assert (await label(session))["reason"] == "Unauthenticated"
        async with client(other) as session:
            with pytest.raises(aiohttp.ClientError):
                await label(session)
        assert monitor.tokens.reviews == []
        assert (await monitor.get("/healthz"))[0] == 200, "probes and Prometheus ask as ever"
    with closing(sqlite3.connect(tmp_path / "monitor.db")) as database:
        assert database.execute("SELECT sender FROM labels").fetchall() == [("certificate:line",)]


async def test_labels_lie_in_the_database_that_a_file_names(shop: Shop, tmp_path: Path, database_url: str) -> None:
    (tmp_path / "url").write_text(f"{database_url}\n")
    settings: dict[str, Any] = {"database": "sqlite:////nowhere/at/all.db", "database_file": tmp_path / "url"}
    for expected in ("accepted", "unchanged"):
        async with monitoring(shop, tmp_path, **settings) as monitor:
            await monitor.mirror(rows(1), "a", shop.old, shop.new)
            await monitor.seen(shop.old, shop.new, 1)
            assert (await monitor.label([GOOD]))[expected] == 1
