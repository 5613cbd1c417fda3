"""kubectl and helm for clusters that bring none: the machine's own where it has them, built ones otherwise."""

import shutil
from pathlib import Path

from lab import build
from lab.parts import HELM, KUBERNETES
from lab.paths import Paths

MADE_FROM = {"kubectl": KUBERNETES, "helm": HELM}


def ensure(paths: Paths) -> None:
    """Have both in the state folder, where the wrappers look."""
    paths.bin.mkdir(parents=True, exist_ok=True)
    for name, part in MADE_FROM.items():
        link = paths.bin / name
        if not link.exists():
            found = shutil.which(name)
            link.unlink(missing_ok=True)
            link.symlink_to(Path(found) if found else build.ensure(paths, part) / name)
