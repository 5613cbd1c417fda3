"""The image holds of the builder what the monitor imports, and no more."""

from __future__ import annotations

import subprocess
import sys

from lab.dockerfile import copied
from tests.support.builder import REPOSITORY


def test_the_builders_modules_in_the_image_are_those_that_are_imported() -> None:
    program = "import sys, model_monitor.service, model_builder.s3; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    imported = {name for name in done.stdout.split() if name.partition(".")[0] == "model_builder"}
    files = {f"{name.replace('.', '/')}.py" for name in imported - {"model_builder"}} | {"model_builder/__init__.py"}
    listed = set(copied((REPOSITORY / "images/monitor/Dockerfile").read_text()))
    assert listed - {"pyproject.toml", "constraints.txt", "model_monitor", "model_builder/py.typed"} == files
