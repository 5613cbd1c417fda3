"""What the builder's tests share: small data, short specs, and one way to look at a refusal."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_builder.errors import BuilderError, Reason
from model_builder.reading import Table, read_table
from model_builder.sources import LocalData
from model_builder.spec import BuildSpec, Limits, Train

REPOSITORY = Path(__file__).resolve().parents[2]


def local(folder: Path, content: bytes | str, kind: str = "csv") -> LocalData:
    """Put content into a file as if it had been fetched."""
    raw = content.encode() if isinstance(content, str) else content
    path = folder / f"data.{kind}"
    path.write_bytes(raw)
    return LocalData(path, "parquet" if kind == "parquet" else "csv", hashlib.sha256(raw).hexdigest(), len(raw))


def train(target: str = "fault", uri: str = "data.csv", **more: Any) -> Train:
    """Make a Train with few words."""
    return Train.model_validate({"data": {"uri": uri}, "target": target, **more})


def spec(uri: str = "data.csv", name: str = "spindle", **more: Any) -> BuildSpec:
    """Make a BuildSpec of a small forest with few words."""
    small = {"params": {"randomForest": {"n_estimators": 8}}, "target": "fault"}
    return BuildSpec.model_validate({"name": name, "source": {"train": {"data": {"uri": uri}, **small, **more}}})


def read(folder: Path, content: bytes | str, target: str = "fault", **more: Any) -> Table:
    """Read content as a table."""
    limits = Limits(**more.pop("limits", {}))
    return read_table(local(folder, content), train(target, **more), limits)


def fault_rows(rows: int = 300, seed: int = 1, classes: int = 2, missing: float = 0.05) -> list[list[str]]:
    """Draw rows of two features and a class that depends on them."""
    random = np.random.RandomState(seed)
    values = random.normal(size=(rows, 2)).round(3)
    codes = np.digitize(values.sum(axis=1) + random.normal(0, 0.3, rows), np.linspace(-1, 1, classes + 1)[1:-1] + 0.5)
    holes = random.random_sample((rows, 2)) < missing
    return [
        ["" if hole else f"{value:.3f}" for value, hole in zip(pair, gaps, strict=True)] + [str(code)]
        for pair, gaps, code in zip(values, holes, codes, strict=True)
    ]


def fault_csv(**more: Any) -> str:
    """Write such rows as CSV with the columns heat, load, fault."""
    return "\n".join(["heat,load,fault", *(",".join(row) for row in fault_rows(**more))]) + "\n"


@contextmanager
def refused(reason: Reason, *parts: str) -> Iterator[None]:
    """Expect a refusal that names the reason, holds these words, and says what is allowed and how to mend it."""
    with pytest.raises(BuilderError) as caught:
        yield
    error = caught.value
    assert error.reason is reason, error
    text = f"{error.message} | {error.found} | {error.allowed}"
    for part in parts:
        assert part in text, text
    assert error.message
    assert error.found
    assert error.allowed
    assert error.remedy


@dataclass(frozen=True)
class ObjectServer:
    """A running S3 server on loopback and the folder behind it."""

    endpoint: str
    root: Path
    access_key: str = "plant"
    secret_key: str = "long-enough-secret"  # noqa: S105 (of a server that lives for one test)


@contextmanager
def object_server(root: Path, address: str = "127.0.0.1") -> Iterator[ObjectServer]:
    """Run ``rclone serve s3`` on a free port of an address of this machine."""
    binary = shutil.which("rclone") or str(REPOSITORY / ".venv" / "bin" / "rclone")
    server = ObjectServer("", root)
    log = root.parent / "rclone.log"
    command = [binary, "serve", "s3", str(root), "--addr", f"{address}:0", "--config", os.devnull, "-v"]
    command += ["--auth-key", f"{server.access_key},{server.secret_key}"]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield ObjectServer(_endpoint(log, address), root)
        finally:
            process.terminate()


def _endpoint(log: Path, address: str, seconds: float = 30) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        words = log.read_text(errors="replace").split()
        found = [word.strip("[]/") for word in words if word.strip("[]").startswith(f"http://{address}:")]
        if found and _answers(found[0]):
            return found[0]
    raise AssertionError(f"rclone did not start: {log.read_text(errors='replace')}")


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(endpoint, timeout=1):  # noqa: S310 (loopback)
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
