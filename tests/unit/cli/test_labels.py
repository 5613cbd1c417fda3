"""Labels to and from a monitor: a real server on loopback says what the monitor does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from andon.cli import labels
from andon.cli.errors import CliError, ExitCode

ITEM = {
    "requestId": "7f5a",
    "row": 0,
    "asset": "press 7",
    "time": "2026-01-01T00:00:00Z",
    "alarm": "onlyOld",
    "oldScore": 0.91,
    "newScore": None,
    "probability": 1.0,
}


@contextmanager
def monitor(status: int, document: Any) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Answer everything with one document; keep what was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append({"path": self.path, "headers": dict(self.headers), "body": body})
            self.send_response(status)
            self.end_headers()
            self.wfile.write(document.encode() if isinstance(document, str) else json.dumps(document).encode())

        do_GET = do_POST  # noqa: N815  the name that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_queue_is_told_in_words() -> None:
    with monitor(200, {"model": "spindle", "pending": 1234, "items": [ITEM]}) as (base, asked):
        told = labels.told_queue(labels.queue(base, "spindle", 5), "spindle")
    assert asked[0]["path"] == "/v1/models/spindle/queue?limit=5"
    assert "1,234 of spindle wait" in told
    assert "asset press 7, request 7f5a row 0: only the version that serves raised an alarm" in told
    assert "0.910 and unknown" in told
    assert labels.told_queue({"pending": 0, "items": []}, "spindle") == "Nothing of spindle waits for a person."


@pytest.mark.parametrize(("name", "kind"), [("found.csv", "text/csv"), ("found.json", "application/json")])
def test_a_file_is_sent_as_it_is_with_the_token(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"requestId,fault\n7f5a,true\n")
    refusal = {"index": 1, "reason": "UnknownRequest", "message": "no such request"}
    outcome = {"accepted": 1, "replaced": 0, "unchanged": 0, "refused": 1, "refusals": [refusal]}
    with monitor(200, outcome) as (base, asked):
        told = labels.told_outcome(labels.send(base, "spindle", path, "secret"), "spindle")
    assert asked[0]["path"] == "/v1/models/spindle/labels"
    assert asked[0]["headers"]["Authorization"] == "Bearer secret"
    assert asked[0]["headers"]["Content-Type"] == kind
    assert asked[0]["body"] == path.read_bytes()
    assert "1 accepted" in told
    assert "label 2 (UnknownRequest): no such request." in told


def test_what_the_monitor_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    path.write_text("requestId,fault\n")
    refused = {"reason": "Forbidden", "message": "robot may not send labels here", "remedy": "have it listed"}
    with monitor(403, refused) as (base, _), pytest.raises(CliError, match="robot may not") as caught:
        labels.send(base, "spindle", path, "secret")
    assert caught.value.reason == "Forbidden"
    assert caught.value.remedy == "have it listed"


def test_a_monitor_that_makes_no_sense_or_is_not_there() -> None:
    with monitor(200, "nonsense") as (base, _), pytest.raises(CliError) as caught:
        labels.queue(base, "spindle", 5)
    assert caught.value.reason == "MonitorSilent"
    with pytest.raises(CliError) as caught:
        labels.queue("http://127.0.0.1:1", "spindle", 5)
    assert caught.value.exit_code == ExitCode.UNREACHABLE


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(CliError) as caught:
        labels.send("http://127.0.0.1:1", "spindle", Path("/nowhere/found.csv"), "secret")
    assert caught.value.reason == "FileNotFound"
