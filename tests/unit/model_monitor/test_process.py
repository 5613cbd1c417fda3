"""The monitor as a process: what it acknowledged outlives it, and it ends in good order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from model_monitor.service import Ports
from tests.support import kubectl
from tests.support.builder import REPOSITORY
from tests.support.monitoring import Monitor, Shop, TokenServer, eventually, token_server

DEADLINE = 60.0


@dataclass
class Process:
    """A process of the monitor and what it logs."""

    server: subprocess.Popen[bytes]
    log: Path

    def ports(self) -> Ports:
        def listening() -> str | None:
            assert self.server.poll() is None, self.log.read_text()
            return next((line for line in self.log.read_text().splitlines() if '"event": "listening"' in line), None)

        told = json.loads(kubectl.eventually(listening, DEADLINE, "the monitor listens", pause=0.02))
        return Ports(told["http"], told["grpc"], told["api"], told["page"])


def start(shop: Shop, folder: Path, tokens: TokenServer, name: str) -> Process:
    (folder / "own-token").write_text("own-token")
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "ANDON_STORE": str(shop.root),
        "ANDON_MONITOR_DATABASE": f"sqlite:///{folder / 'monitor.db'}",
        "ANDON_MONITOR_NAMESPACE": "press-shop",
        "ANDON_MONITOR_API_SERVER": tokens.url,
        "ANDON_MONITOR_API_TOKEN_FILE": str(folder / "own-token"),
        "ANDON_MONITOR_API_CA_FILE": str(folder / "none"),
    }
    flags = ["--host", "127.0.0.1", "--http-port", "0", "--grpc-port", "0", "--api-port", "0", "--page-port", "0"]
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "model_monitor", "serve", *flags],
            stdout=output,
            stderr=output,
            env=environment,
            cwd=folder,
        )
    return Process(server, log)


@asynccontextmanager
async def process(shop: Shop, folder: Path, tokens: TokenServer, name: str) -> AsyncIterator[tuple[Process, Monitor]]:
    started = start(shop, folder, tokens, name)
    try:
        ports = await asyncio.to_thread(started.ports)
        async with aiohttp.ClientSession() as client:
            yield started, Monitor(ports, client, tokens)
    finally:
        started.server.kill()
        started.server.wait()


@dataclass
class Attack:
    """Load and labels at the same time, and a kill in the midst of them."""

    shop: Shop
    running: Process
    monitor: Monitor
    name: str
    acknowledged: set[str]

    async def run(self) -> None:
        for index in range(100):
            await self.mirror(index)
        await eventually(self._all_scored)
        done = await asyncio.gather(self.load(), *map(self.label, range(4)), return_exceptions=True)
        assert any(isinstance(each, aiohttp.ClientError) for each in done), "killed while at work"

    async def mirror(self, index: int) -> None:
        row = [[index % 7 - 3.0, index % 5 - 2.0]]
        await self.monitor.mirror(row, f"{self.name}-{index}", self.shop.old, self.shop.new)

    async def _all_scored(self) -> dict[str, Any] | None:
        found = await self.monitor.label([{"requestId": f"{self.name}-99", "fault": True}])
        return found if found["status"] == 200 else None

    async def load(self) -> None:
        for index in range(100, 100_000):
            await self.mirror(index)

    async def label(self, start: int) -> None:
        for index in range(start, 99, 4):
            name = f"{self.name}-{index}"
            if (await self.monitor.label([{"requestId": name, "fault": True}]))["status"] == 200:
                self.acknowledged.add(name)
            if len(self.acknowledged) % 25 == 0:
                self.running.server.kill()


async def test_no_acknowledged_label_is_lost_by_kill_9_under_load(shop: Shop, tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    async with token_server() as tokens:
        for attempt in range(3):
            async with process(shop, tmp_path, tokens, f"run-{attempt}") as (running, monitor):
                await Attack(shop, running, monitor, f"r{attempt}", acknowledged).run()
        assert len(acknowledged) >= 75
        async with process(shop, tmp_path, tokens, "after") as (_, monitor):
            again = await monitor.label([{"requestId": name, "fault": True} for name in sorted(acknowledged)])
            assert (again["status"], again["unchanged"]) == (200, len(acknowledged))
            found = await monitor.evidence(shop.old, shop.new)
    with closing(sqlite3.connect(tmp_path / "monitor.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        predictions, labelled = database.execute("SELECT count(*), count(fault) FROM predictions").fetchone()
    assert found["inputs"] == predictions, "counts and rows are written together or not at all"
    assert found["faults"]["total"] == labelled >= len(acknowledged)


async def test_sigterm_writes_what_waits_and_logs_no_values(shop: Shop, tmp_path: Path) -> None:
    secret = 0.123456789
    async with token_server() as tokens:
        async with process(shop, tmp_path, tokens, "first") as (running, monitor):
            for index in range(50):
                await monitor.mirror([[secret, index]], f"r{index}", shop.old, shop.new, "press-1")
            await monitor.mirror([[secret, 1.0, 2.0]], "bad", shop.old, shop.new)
            running.server.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(running.server.wait, DEADLINE) == 0
        async with process(shop, tmp_path, tokens, "second") as (_, monitor):
            assert (await monitor.evidence(shop.old, shop.new))["inputs"] == 50
    for name in ("first", "second"):
        text = (tmp_path / f"{name}.log").read_text()
        assert "listening" in text
        assert "0.1234" not in text
        assert all(json.loads(line) for line in text.splitlines())


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "model_monitor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )


def test_wrong_settings_are_told() -> None:
    done = run("serve", ANDON_MONITOR_QUEUE_PROBABILITY="2")
    assert done.returncode == 1
    assert "queue_probability" in done.stderr
    done = run("serve", ANDON_MONITOR_HASH_COLUMNS='["heat"]')
    assert done.returncode == 1
    assert "hash_key_file" in done.stderr
    done = run("serve", ANDON_MONITOR_HASH_COLUMNS='["heat"]', ANDON_MONITOR_HASH_KEY_FILE="/none")
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    done = run("serve", ANDON_MONITOR_HASH_COLUMNS='["heat"]', ANDON_MONITOR_HASH_KEY_FILE=os.devnull)
    assert done.returncode == 1
    assert "16 bytes" in done.stderr


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://nobody:hush@127.0.0.1:1/none", "StorageUnavailable"),
        ("mysql://nobody:hush@127.0.0.1:1/none", "StorageUnavailable"),
        ("hush", "StorageUnavailable"),
        ("", "database_file is empty"),
        (None, "database_file cannot be read"),
    ],
)
def test_a_database_that_is_away_is_told(tmp_path: Path, address: str | None, told: str) -> None:
    file = tmp_path / "url"
    if address is not None:
        file.write_text(address)
    done = run("serve", ANDON_MONITOR_DATABASE_FILE=str(file))
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr + done.stdout


def test_help() -> None:
    done = run("serve", "--help")
    assert done.returncode == 0
    assert "--grpc-port" in done.stdout
