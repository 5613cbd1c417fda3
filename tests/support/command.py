"""The command `andon`, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def andon(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, and give what it printed and how it ended."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}", "NO_COLOR": "1"}
    command = [
        sys.executable,
        "-c",
        "import sys; sys.argv[0] = 'andon'; from andon.cli import main; main()",
        *arguments,
    ]
    return subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )
