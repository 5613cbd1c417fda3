"""The cluster, reached through kubectl, helm and andon as a person would, inside the lab's network."""

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import enter, shell
from lab.errors import LabError
from lab.paths import REPOSITORY, Paths

Manifest = dict[str, Any]
SECONDS = 300.0


@dataclass(frozen=True)
class Reach:
    """Commands against the cluster that `lab up` has brought up."""

    paths: Paths

    @property
    def names_resolve(self) -> bool:
        """Whether our commands run inside the cluster's network, where Services are found by name."""
        return enter.command(self.paths, ["true"]) != ["true"]

    def run(self, *words: str, given: str = "", source: Path | None = None, seconds: float = SECONDS) -> str:
        """Run a command and give its standard output.

        Parameters
        ----------
        given
            What it reads on standard input.
        source
            A file to read there instead.

        Raises
        ------
        LabError
            `CommandFailed` with its own words, or `CommandTimedOut`.
        """
        try:
            done = self._started(words, given, source, seconds)
        except subprocess.TimeoutExpired:
            raise LabError("CommandTimedOut", f"{_short(words)} did not end within {seconds:.0f} s") from None
        if done.returncode:
            said = shell.tail((done.stderr or done.stdout).decode(errors="replace"))
            raise LabError("CommandFailed", f"{_short(words)} ended with {done.returncode}\n{said}")
        return done.stdout.decode()

    def _started(
        self, words: tuple[str, ...], given: str, source: Path | None, seconds: float
    ) -> subprocess.CompletedProcess[bytes]:
        line, environment = enter.command(self.paths, words), enter.environment(self.paths)
        if source is None:
            return subprocess.run(
                line, env=environment, input=given.encode(), capture_output=True, check=False, timeout=seconds
            )
        with source.open("rb") as file:
            return subprocess.run(line, env=environment, stdin=file, capture_output=True, check=False, timeout=seconds)

    def kubectl(self, *words: str, given: str = "", source: Path | None = None, seconds: float = SECONDS) -> str:
        """Run kubectl."""
        return self.run("kubectl", *words, given=given, source=source, seconds=seconds)

    def andon(self, *words: str) -> str:
        """Run the command `andon` by the wrapper that people use."""
        return self.run(str(REPOSITORY / "lab" / "andon"), *words)

    def get(self, namespace: str, kind: str, name: str) -> Manifest | None:
        """Read one object; None where there is none."""
        text = self.kubectl("get", kind, name, f"--namespace={namespace}", "--output=json", "--ignore-not-found")
        return json.loads(text) if text.strip() else None

    def find(self, namespace: str, kind: str, selector: str) -> list[Manifest]:
        """Read the objects with these labels."""
        text = self.kubectl("get", kind, f"--namespace={namespace}", f"--selector={selector}", "--output=json")
        found: list[Manifest] = json.loads(text)["items"]
        return found

    def apply(self, *manifests: Manifest) -> str:
        """Apply manifests and say in kubectl's word what became of the last: created, configured or unchanged."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        return self.kubectl("apply", "--filename=-", given=json.dumps(whole)).split()[-1]

    def apply_file(self, namespace: str, file: Path) -> str:
        """Apply a file of one manifest, in the same words."""
        return self.kubectl("apply", f"--namespace={namespace}", f"--filename={file}").split()[-1]


def _short(words: tuple[str, ...]) -> str:
    text = shlex.join(words)
    return text if len(text) <= 160 else f"{text[:159]}…"
