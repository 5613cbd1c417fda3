"""What a peer does to the process on its import does not reach our own numbers."""

from __future__ import annotations

import subprocess
import sys


def test_emlearn_leaves_numpys_errors_as_they_were() -> None:
    asked = (
        "import numpy as np; before = np.geterr(); from benchmarks.peers import load_emlearn;"
        " load_emlearn(); assert np.geterr() == before"
    )
    subprocess.run([sys.executable, "-c", asked], check=True)
