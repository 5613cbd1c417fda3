"""Brings an artifact from the store into a Triton model repository, every digest checked first.

Runs as an init container: imports nothing heavy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from model_builder.errors import BuilderError, Reason, listed
from model_builder.store import read_artifact


def fetch(read: Callable[[str], bytes], digest: str, name: str, version: int, out: Path) -> Path:
    """Lay out ``OUT/NAME/config.pbtxt`` and ``OUT/NAME/VERSION/model.onnx``.

    Nothing is written before every file of the artifact and its manifest have been checked, and each file appears
    under its name only when it is whole.

    Parameters
    ----------
    read
        Reads a path of the store.

    Returns
    -------
    Path
        The model file.

    Raises
    ------
    BuilderError
        ``DigestMismatch``, ``ArtifactNotFound`` or ``StoreUnavailable``.
    """
    contents = read_artifact(digest, read)
    wanted = {
        f"repository/{name}/config.pbtxt": out / name / "config.pbtxt",
        f"repository/{name}/1/model.onnx": out / name / str(version) / "model.onnx",
    }
    for path in wanted:
        if path not in contents:
            models = sorted({each.split("/")[1] for each in contents if each.startswith("repository/")})
            raise BuilderError(
                Reason.ARTIFACT_NOT_FOUND,
                f"the artifact {digest} holds no model {name}",
                found=f"models {listed(models)}",
                allowed="the name that the artifact was built with",
                remedy="give that name with --name",
            )
    scratch = out / f".fetch.{os.getpid()}.tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        # The configuration comes last: without it Triton does not take the folder for a model.
        for path, target in sorted(wanted.items(), reverse=True, key=lambda item: item[1].name):
            temporary = scratch / target.name
            temporary.write_bytes(contents[path])
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return wanted[f"repository/{name}/1/model.onnx"]
