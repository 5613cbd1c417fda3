"""A real browser for tests that look at pages: Debian's Chromium, found, or installed as the lab installs its tools."""

from __future__ import annotations

import os
import shutil
import subprocess

from lab.packages import APT

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """Give the path of a Chromium; None where there is none and none can be had."""
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (("update",), ("install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core")):
            subprocess.run([*APT, *command], env=quiet, check=False, timeout=600, capture_output=True)
        found = _found()
    return found


def _found() -> str | None:
    return next((path for name in PROGRAMS if (path := shutil.which(name)) is not None), None)
