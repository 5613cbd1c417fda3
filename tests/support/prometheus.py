"""A real Prometheus on loopback, for as long as a block lasts."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from benchmarks.servers import free_ports
from tests.support import promtool
from tests.support.kubectl import eventually

READY_SECONDS = 60.0


@contextmanager
def prometheus(folder: Path, config: dict[str, Any], program: str | Path = "") -> Iterator[str]:
    """Run one with a configuration, Debian's unless another program is given; give host and port."""
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_ports(1)[0]}"
    words = [f"--config.file={path}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}"]
    with running([str(program) or promtool.program("prometheus"), *words], folder / "prometheus.log"):
        eventually(lambda: _ready(address), READY_SECONDS, "Prometheus answers")
        yield address


@contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    """Run a server while the block lasts; what it says goes into a file."""
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as server:
        try:
            yield
        finally:
            server.terminate()
            server.wait(30)


def ask(address: str, query: str) -> list[dict[str, Any]]:
    """Give the result of an instant query, which has to succeed."""
    asked = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"http://{address}/api/v1/query?{asked}") as answer:
        told = json.load(answer)
    assert told["status"] == "success"
    found: list[dict[str, Any]] = told["data"]["result"]
    return found


def targets(address: str) -> dict[str, dict[str, str]]:
    """Give how each target of each scrape job is: up, unknown, or what keeps it from being scraped."""
    with urllib.request.urlopen(f"http://{address}/api/v1/targets?state=active") as answer:
        active = json.load(answer)["data"]["activeTargets"]
    found: dict[str, dict[str, str]] = {}
    for one in active:
        found.setdefault(one["scrapePool"], {})[one["scrapeUrl"]] = one["lastError"] or one["health"]
    return found


def rule_health(address: str) -> dict[str, set[str]]:
    """Give how the rules of each group are: ok, err or unknown."""
    with urllib.request.urlopen(f"http://{address}/api/v1/rules") as answer:
        groups = json.load(answer)["data"]["groups"]
    return {group["name"]: {rule["health"] for rule in group["rules"]} for group in groups}


def _ready(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://{address}/-/ready") as answer:
        return bool(answer.status == 200)
    return False


def over(address: str, query: str, begin: float, end: float, step: int = 5) -> list[dict[str, Any]]:
    """Give the series of a query over a time, as a panel asks for them.

    Parameters
    ----------
    begin, end
        Seconds since 1970.
    step
        Seconds.
    """
    asked = urllib.parse.urlencode({"query": query, "start": begin, "end": end, "step": step})
    with urllib.request.urlopen(f"http://{address}/api/v1/query_range?{asked}") as answer:
        told = json.load(answer)
    assert told["status"] == "success"
    found: list[dict[str, Any]] = told["data"]["result"]
    return found


_TEMPLATES = Path("/usr/share/prometheus/alertmanager")
_WITH_TEMPLATES = 'mount -t overlay overlay -o "lowerdir=$0:/usr/share" /usr/share && exec "$@"'
"""Debian's Alertmanager reads its templates from one fixed place: given to it alone, so that nothing is installed."""


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """Run an Alertmanager that sends nobody anything; give host and port."""
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}))
    address = f"127.0.0.1:{free_ports(1)[0]}"
    words = [f"--config.file={path}", f"--storage.path={folder}/alertmanager", f"--web.listen-address={address}"]
    program = promtool.program("prometheus-alertmanager")
    command = [program, *words, "--cluster.listen-address="]
    if not _TEMPLATES.exists():
        share = str(Path(program).parents[1] / "share")
        command = ["unshare", "--mount", "--", "sh", "-c", _WITH_TEMPLATES, share, *command]
    with running(command, folder / "alertmanager.log"):
        eventually(lambda: _ready(address), READY_SECONDS, "Alertmanager answers")
        yield address


def firing(address: str) -> list[dict[str, str]]:
    """Give the labels of the alerts that an Alertmanager holds to be active."""
    with urllib.request.urlopen(f"http://{address}/api/v2/alerts?active=true") as answer:
        return [one["labels"] for one in json.load(answer)]
