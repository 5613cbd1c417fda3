"""A cluster in memory behind the port `andon.ports.Cluster`, and what goes into it.

It stands in for the API server only where thousands of runs are needed (crash points, property tests); what the real
one does is tried in tests/contract and tests/e2e.
"""

import itertools
import pickle
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from andon.api.v1alpha1 import Manifest
from andon.errors import ConflictError
from model_builder.report import BuildReport, Metrics, Runtime, Signature

START = datetime(2026, 1, 1, tzinfo=UTC)


def _copied(manifest: Manifest) -> Manifest:
    # Five times as fast as copy.deepcopy, and asked for at every turn.
    copied: Manifest = pickle.loads(pickle.dumps(manifest))  # noqa: S301  our own bytes
    return copied


class Crash(BaseException):
    """The operator is killed: nothing of ours may catch this."""


class FakeClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class FakeCluster:
    """Objects by kind and name, of one namespace."""

    def __init__(self, clock: FakeClock, on_write: Callable[[str], None] = lambda write: None) -> None:
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.writes: list[str] = []
        self.kinds: frozenset[str] = frozenset()
        self._clock = clock
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)
        self._on_write = on_write

    # The port.

    async def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        found = self.objects.get((kind, name))
        return _copied(found) if found is not None else None

    async def find(self, kind: str, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        return [
            _copied(one)
            for (known, _), one in sorted(self.objects.items())
            if known == kind and labels.items() <= (one["metadata"].get("labels") or {}).items()
        ]

    async def optional_kinds(self) -> frozenset[str]:
        return self.kinds

    async def create(self, manifest: Manifest) -> bool:
        if (manifest["kind"], manifest["metadata"]["name"]) in self.objects:
            return False
        with self._write(f"create {manifest['kind']} {manifest['metadata']['name']}"):
            self.put(manifest)
        return True

    async def apply(self, manifest: Manifest) -> None:
        with self._write(f"apply {manifest['kind']} {manifest['metadata']['name']}"):
            self.put(manifest)

    async def annotate(self, live: Manifest, annotations: Mapping[str, str]) -> None:
        with self._write(f"annotate {live['kind']} {live['metadata']['name']}"):
            one = self._exactly(live)
            one["metadata"].setdefault("annotations", {}).update(annotations)
            self._touch(one)

    async def delete(self, live: Manifest) -> None:
        with self._write(f"delete {live['kind']} {live['metadata']['name']}"):
            self._exactly(live)
            self.remove(live["kind"], live["metadata"]["name"])

    async def write_status(self, live: Manifest, status: Manifest) -> None:
        with self._write(f"status {live['kind']} {live['metadata']['name']}"):
            one = self._exactly(live)
            if one["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]:
                raise ConflictError("the object has been modified")
            one["status"] = _copied(status)
            self._touch(one)

    # The world.

    def put(self, manifest: Manifest) -> Manifest:
        """Create or replace an object, as the API server would."""
        place = (manifest["kind"], manifest["metadata"]["name"])
        before = self.objects.get(place)
        one = _copied(manifest)
        meta = one["metadata"]
        if before is None:
            meta |= {
                "uid": f"uid-{next(self._uids)}",
                "generation": 1,
                "creationTimestamp": self._clock.now().isoformat(),
            }
        else:
            old = before["metadata"]
            changed = before.get("spec") != one.get("spec")
            meta |= {"uid": old["uid"], "creationTimestamp": old["creationTimestamp"]}
            meta["generation"] = old["generation"] + (1 if changed else 0)
            one.setdefault("status", before.get("status", {}))
        self.objects[place] = one
        self._touch(one)
        return one

    def remove(self, kind: str, name: str) -> None:
        """Delete an object and all that it owns."""
        gone = self.objects.pop((kind, name), None)
        if gone is None:
            return
        uid = gone["metadata"]["uid"]
        for (child_kind, child), one in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences") or ()):
                self.remove(child_kind, child)

    def of(self, kind: str) -> list[Manifest]:
        """Give all live objects of a kind."""
        return [one for (known, _), one in sorted(self.objects.items()) if known == kind]

    def _exactly(self, live: Manifest) -> Manifest:
        one = self.objects.get((live["kind"], live["metadata"]["name"]))
        if one is None or one["metadata"]["uid"] != live["metadata"]["uid"]:
            raise ConflictError("not that object any more")
        return one

    def _touch(self, one: Manifest) -> None:
        one["metadata"]["resourceVersion"] = str(next(self._versions))

    def _write(self, what: str) -> "_Write":
        return _Write(self, what)


class _Write:
    """Calls the hook before and after a write, so that a test can kill the operator at either point."""

    def __init__(self, cluster: FakeCluster, what: str) -> None:
        self._cluster, self._what = cluster, what

    def __enter__(self) -> None:
        self._cluster._on_write(f"before {self._what}")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._cluster.writes.append(self._what)
            self._cluster._on_write(f"after {self._what}")


def succeeded(letter: str, *, columns: tuple[str, ...] = ("torque", "wear"), f1: float = 0.75) -> BuildReport:
    """Give the report of a build whose artifact's digest is made of one letter."""
    return BuildReport(
        outcome="Succeeded",
        reason="BuildSucceeded",
        message="built",
        digest=f"sha256:{letter * 64}",
        uri=f"artifacts/{letter * 64}",
        bytes=1000,
        plain_bytes=6500,
        data_sha256="d" * 64,
        build_inputs_digest=f"sha256:{letter * 64}",
        rows=100,
        positives=10,
        signature=Signature.of(columns, ("0", "1"), 0.5),
        metrics=Metrics(accuracy=0.9, precision=0.8, recall=0.7, f1=f1, macro_f1=0.8),
        runtime=Runtime(onnxruntime="1.21.0", opset=21, ml_opset=3, ir_version=10),
    )


def failed(reason: str = "TargetMissing") -> BuildReport:
    """Give the report of a build that failed for its input."""
    return BuildReport(
        outcome="Failed",
        reason=reason,
        message="column fault is missing",
        found="torque, wear",
        remedy="name another target",
    )


def fault_model(**spec: object) -> Manifest:
    """Write a small FaultModel."""
    train = {"data": {"uri": "pvc://plant-data/machine.csv"}, "target": "fault"}
    return {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": "spindle", "namespace": "plant"},
        "spec": {"source": {"train": train}, **spec},
    }
