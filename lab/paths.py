"""Where the lab keeps things. Two folders only: a cache that outlives it, and a state folder that does not."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

REPOSITORY = Path(__file__).resolve().parent.parent
GO_MODULES = REPOSITORY / "lab" / "go"


@dataclass(frozen=True)
class Paths:
    """The lab's folders and the well-known files in them.

    Attributes
    ----------
    cache : Path
        Built binaries and images, keyed by version and content; safe to delete at any time.
    state : Path
        Everything of the running lab; `down` removes it.
    """

    cache: Path
    state: Path

    @classmethod
    def from_environment(cls) -> Self:
        cache = os.environ.get("ANDON_CACHE") or Path.home() / ".cache" / "andon"
        state = os.environ.get("ANDON_LAB_STATE") or f"/var/lib/{os.environ.get('ANDON_LAB_NAME', 'andon-lab')}"
        return cls(cache=Path(cache).absolute(), state=Path(state).absolute())

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def bin(self) -> Path:
        """Links to the binaries that the running lab was started from."""
        return self.state / "bin"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def certificates(self) -> Path:
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def processes(self) -> Path:
        return self.state / "run"

    @property
    def audit_log(self) -> Path:
        return self.state / "audit.log"

    @property
    def volumes(self) -> Path:
        return self.state / "volumes"

    @property
    def containerd_socket(self) -> Path:
        return self.state / "containerd" / "containerd.sock"

    @property
    def images(self) -> Path:
        return self.cache / "images"

    @property
    def locks(self) -> Path:
        return self.cache / "locks"
