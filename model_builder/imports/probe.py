"""Tries a foreign model in a process of its own, with bounds on memory and time, before this one opens it.

A file can pass every check and still bring down the library that opens it. Then a child dies, and not the build.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from model_builder.errors import BuilderError, Reason
from model_builder.imports.content import Kind, kind_of, refusing, unreadable
from model_builder.imports.foreign import ForeignModel
from model_builder.imports.onnx_check import read_onnx
from model_builder.imports.skops_check import read_skops

MAX_MEMORY_BYTES = 6 << 30
"""Of address space, of which the libraries alone reserve 2 GiB."""

MAX_SECONDS = 120


def probe(path: Path) -> Kind:
    """Check and try a file in a child; give what it is.

    Raises
    ------
    BuilderError
        Whatever the checks of the file say, or ``ModelCrashed``.
    """
    command = [sys.executable, "-m", "model_builder.imports.probe", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        raise _crashed(f"nothing within {MAX_SECONDS} s") from None
    try:
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise _crashed(_end(done)) from None
    if "reason" in told:
        raise BuilderError(Reason(told.pop("reason")), told.pop("message"), **told)
    if done.returncode:
        raise _crashed(_end(done))
    kind: Kind = told["kind"]
    return kind


def try_out(content: bytes) -> Kind:
    """Check a file, open it and ask it: zeros, ones, large numbers, missing values.

    Raises
    ------
    BuilderError
        Whatever the checks say; ``ModelUnreadable`` where it opens and cannot be asked.
    """
    kind = kind_of(content)
    if kind == "onnx":
        read_onnx(content)
    model = open_onnx(content) if kind == "onnx" else read_skops(content)
    width = model.shape.width or 1 if isinstance(model, ForeignModel) else int(model.n_features_in_)
    rows = np.array([0.0, 1.0, -1e30, 1e30], np.float32)[:, None] * np.ones((1, width), np.float32)
    with refusing(lambda error: unreadable("a model that cannot be asked", error)):
        model.predict_proba(rows)
    return kind


def open_onnx(content: bytes) -> ForeignModel:
    """Open a checked ONNX file.

    Raises
    ------
    BuilderError
        ``ModelInputsDiffer``, ``ModelOutputsDiffer``, or ``ModelUnreadable`` where ONNX Runtime refuses it.
    """
    with refusing(lambda error: unreadable("ONNX that ONNX Runtime refuses", error)):
        return ForeignModel(content)


def _end(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"signal {signal.Signals(-done.returncode).name}"
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return f"exit status {done.returncode}{': ' + last[0][:200] if last else ''}"


def _crashed(found: str) -> BuilderError:
    return BuilderError(
        Reason.MODEL_CRASHED,
        "opening or asking the model brought down the process that tried it",
        found=found,
        allowed=f"a model that opens and answers within {MAX_SECONDS} s and {MAX_MEMORY_BYTES >> 30} GiB",
        remedy="export it again; where it came from somebody else, do not trust the file",
    )


def _told(error: BuilderError) -> dict[str, Any]:
    told = {name: getattr(error, name) for name in ("message", "found", "allowed", "remedy")}
    return {"reason": error.reason.value, **told}


def main(path: Path) -> int:
    """Try a file and print what it is, or what is wrong with it, as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        told: dict[str, Any] = {"kind": try_out(path.read_bytes())}
    except BuilderError as error:
        told = _told(error)
    except MemoryError:
        told = _told(_crashed("more memory than allowed"))
    except Exception as error:  # noqa: BLE001 (what no check has thought of is refused too)
        told = _told(unreadable("a model file that no check has thought of", error))
    print(json.dumps(told))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
