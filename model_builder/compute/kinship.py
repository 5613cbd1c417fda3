"""Tells whether another process would compute the same bytes: by the versions of all that computes."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("lightgbm", "numpy", "onnx", "onnxruntime", "scikit-learn", "scipy", "skl2onnx", "threadpoolctl")


@cache
def kin() -> dict[str, str]:
    """Give the versions of Python, of the packages that compute, and the digest of the builder's own code."""
    found = {"python": platform.python_version(), "processor": platform.machine(), "builder": _own_code()}
    return found | {name: _version(name) for name in PACKAGES}


def differences(here: dict[str, str], there: dict[str, str]) -> list[str]:
    """List what differs, in words."""
    names = sorted(here.keys() | there.keys())
    return [
        f"{name} {there.get(name, 'unknown')} instead of {here.get(name, 'unknown')}"
        for name in names
        if here.get(name) != there.get(name)
    ]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _own_code() -> str:
    digest, root = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
