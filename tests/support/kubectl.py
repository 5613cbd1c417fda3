"""A real cluster through kubectl, and waiting for conditions with a deadline."""

import base64
import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from andon.api.v1alpha1 import Manifest

T = TypeVar("T")


def eventually(look: Callable[[], T | None], deadline: float, what: str, pause: float = 0.5) -> T:
    """Look again and again until something true comes back; at the deadline say what was waited for."""
    end = time.monotonic() + deadline
    last: object = None
    while time.monotonic() < end:
        try:
            found = look()
        except subprocess.CalledProcessError as error:
            last = error.stderr
        else:
            if found:
                return found
            last = found
        threading.Event().wait(pause)
    raise AssertionError(f"not within {deadline:.0f} s: {what}; last seen: {last}")


@dataclass(frozen=True)
class Kubectl:
    """kubectl in one namespace."""

    namespace: str

    def run(self, *words: str, given: str | bytes | None = None, check: bool = True) -> str:
        """Run kubectl and give what it prints."""
        text = given.encode() if isinstance(given, str) else given
        done = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *words],
            input=text,
            capture_output=True,
            check=False,
            timeout=300,
        )
        if check and done.returncode:
            raise subprocess.CalledProcessError(done.returncode, words, done.stdout, done.stderr.decode())
        return done.stdout.decode() if done.returncode == 0 else done.stderr.decode()

    def apply(self, *manifests: Manifest) -> None:
        """Apply manifests."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.run("apply", "--filename=-", given=json.dumps(whole))

    def get(self, kind: str, name: str) -> Manifest | None:
        """Read one object; None where there is none."""
        text = self.run("get", kind, name, "--output=json", "--ignore-not-found")
        return json.loads(text) if text else None

    def find(self, kind: str, selector: str = "") -> list[Manifest]:
        """Read all objects of a kind, or those with a label."""
        found: dict[str, Any] = json.loads(self.run("get", kind, "--output=json", f"--selector={selector}"))
        items: list[Manifest] = found["items"]
        return items

    def copy_in(self, pod: str, source: Path, target: str) -> None:
        """Write a file into a pod that has Python."""
        writer = f"import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, open({target!r}, 'wb'))"
        self.run("exec", "-i", pod, "--", "python3", "-c", writer, given=source.read_bytes())


def condition(manifest: Manifest | None, kind: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition; ("Absent", "", "") where there is none."""
    conditions = ((manifest or {}).get("status") or {}).get("conditions") or ()
    for one in conditions:
        if one["type"] == kind:
            return one["status"], one["reason"], one["message"]
    return "Absent", "", ""


def api_server(kubectl: Kubectl, folder: Path) -> tuple[str, Path]:
    """Give the API server's address and the file of its authority, written into a folder where there is none."""
    config = json.loads(kubectl.run("config", "view", "--raw", "--minify", "--output=json"))["clusters"][0]["cluster"]
    if "certificate-authority-data" not in config:
        return config["server"], Path(config["certificate-authority"])
    authority = folder / "ca.crt"
    authority.write_bytes(base64.b64decode(config["certificate-authority-data"]))
    return config["server"], authority
