"""What is written to the cluster, whole, for a small FaultModel: a change of a manifest shows up in review.

After a wanted change: `pytest tests/golden --update-golden`, then read the diff.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from andon.api.status import BuildResult, FaultModelStatus
from andon.api.v1alpha1 import FaultModelSpec
from andon.api.versions import FaultModelVersionSpec
from andon.core.build import plan
from andon.core.decision import Decision
from andon.core.observed import Identity, Observed, Preflight, Route, Router, RouterPod, Server, Version
from andon.core.rollout import decide
from andon.desired.children import Children, children
from andon.desired.platform import Images, Platform, Store
from model_builder.report import Metrics, Runtime, Signature

DATA = Path(__file__).parent / "data"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
IMAGES = Images(builder="andon/builder:1", triton="triton:1", envoy="envoy:1")
PLATFORM = Platform(
    images=IMAGES,
    build_resources={"limits": {"memory": "2Gi"}},
    server_resources={"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
)
S3_PLATFORM = replace(
    PLATFORM,
    images=replace(IMAGES, pull_policy="Always", pull_secrets=("plant-registry",)),
    store=Store(
        uri="s3://models/andon",
        endpoint="https://minio.plant.example:9000",
        credentials_secret="store-keys",  # noqa: S106  a Secret's name
    ),
)
S3_DATA = {
    "uri": "s3://plant/spindle.parquet",
    "endpoint": "https://minio.plant.example:9000",
    "credentialsSecretRef": {"name": "data-keys"},
    "caBundleRef": {"name": "plant-ca"},
}
SERVING = {
    "replicas": 2,
    "resources": {"limits": {"memory": "512Mi"}},
    "nodeSelector": {"plant.example/line": "3"},
    "tolerations": [{"key": "plant.example/line", "operator": "Exists", "effect": "NoSchedule"}],
}


def _fault_model(data: dict[str, Any] | None = None, **spec: object) -> Observed:
    """Give a FaultModel that has just been applied."""
    train = {"data": data or {"uri": "pvc://plant-data/machine.csv"}, "target": "fault"}
    return Observed(
        identity=Identity("plant", "spindle", "00000000-0000-0000-0000-000000000001", 1),
        spec=FaultModelSpec.model_validate({"source": {"train": train}, **spec}),
        status=FaultModelStatus(),
    )


def _version(observed: Observed, number: int) -> Version:
    digest = f"sha256:{number:064x}"
    spec = FaultModelVersionSpec.model_validate(
        {
            "faultModelName": "spindle",
            "version": number,
            "digest": digest,
            "artifact": {"uri": f"file:///store/artifacts/{number:064x}", "bytes": 4096},
            "builtFrom": {
                "plan": plan(observed).digest,
                "inputsDigest": digest,
                "dataSha256": "d" * 64,
                "generation": number,
            },
            "signature": Signature.of(("torque", "wear"), ("0", "1"), 0.5),
            "runtime": Runtime(onnxruntime="1.21.0", opset=18, ml_opset=3, ir_version=8),
            "metrics": Metrics(accuracy=0.9, precision=0.8, recall=0.7, f1=0.75, macro_f1=0.8),
        }
    )
    return Version(f"spindle-v{number}", spec)


def _serving(observed: Observed, route: Route) -> Observed:
    """Give the FaultModel whose newest version is built and ready, and whose router follows a route."""
    versions = tuple(_version(observed, number) for number in route.versions)
    newest = versions[-1].spec
    record = BuildResult(
        plan=newest.built_from.plan, outcome="Succeeded", reason="BuildSucceeded", message="built", digest=newest.digest
    )
    pod = RouterPod("spindle-router-0", "uid", live=route, reaches=frozenset(route.versions))
    return replace(
        observed,
        status=FaultModelStatus(observed_generation=1, build=record),
        versions=versions,
        preflights=(Preflight(newest.version, "Passed"),),
        servers=tuple(Server(number, NOW - timedelta(minutes=9), ready=True) for number in route.versions),
        router=Router(route, NOW - timedelta(minutes=5), ready=True, pods=(pod,)),
    )


def _build() -> tuple[Observed, Platform]:
    return _fault_model(), PLATFORM


def _built() -> tuple[Observed, Platform]:
    observed = _serving(_fault_model(serving=SERVING), Route.of({1: 100}))
    return observed, PLATFORM


def _switch() -> tuple[Observed, Platform]:
    return _serving(_fault_model(), Route.of({1: 100, 2: 0})), PLATFORM


def _preflight() -> tuple[Observed, Platform]:
    return replace(_serving(_fault_model(), Route.of({1: 100, 2: 0})), preflights=()), PLATFORM


def _canary() -> tuple[Observed, Platform]:
    steps = [{"weight": 20}, {"pause": "10m"}]
    return _serving(_fault_model(rollout={"steps": steps}), Route.of({1: 100, 2: 0})), PLATFORM


def _direct() -> tuple[Observed, Platform]:
    return _serving(_fault_model(rollout={"traffic": {"provider": "Direct"}}), Route.of({1: 100, 2: 0})), PLATFORM


def _gateway() -> tuple[Observed, Platform]:
    parents = [{"name": "edge", "namespace": "infra", "sectionName": "https"}]
    names = {"hostnames": ["spindle.plant.example"], "grpcHostnames": ["grpc.spindle.plant.example"]}
    gateway = {"parentRefs": parents, **names}
    traffic = {"provider": "GatewayAPI", "gateway": gateway}
    rollout = {"traffic": traffic, "steps": [{"weight": 20}]}
    observed = _fault_model(rollout=rollout, monitoring={"enabled": True})
    return _serving(observed, Route.of({1: 100, 2: 0})), PLATFORM


def _s3_build() -> tuple[Observed, Platform]:
    return _fault_model(S3_DATA), S3_PLATFORM


def _s3_serving() -> tuple[Observed, Platform]:
    return _serving(_fault_model(S3_DATA), Route.of({1: 100})), S3_PLATFORM


CASES = {
    "build": _build,
    "serving": _built,
    "preflight": _preflight,
    "switch": _switch,
    "canary": _canary,
    "direct": _direct,
    "gateway": _gateway,
    "s3-build": _s3_build,
    "s3-serving": _s3_serving,
}
ROUTES = {
    "serving": Route.of({1: 100}),
    "preflight": Route.of({1: 100, 2: 0}),
    "switch": Route.of({1: 0, 2: 100}),
    "canary": Route.of({1: 80, 2: 20}),
    "direct": Route.of({1: 0, 2: 100}),
    "gateway": Route.of({1: 80, 2: 20}),
    "s3-serving": Route.of({1: 100}),
}


def _decided(case: str) -> tuple[Decision, Children]:
    observed, platform = CASES[case]()
    decision = decide(observed, NOW)
    return decision, children(observed, decision, platform, NOW)


class _Dumper(yaml.SafeDumper):
    """Writes every value in full, and texts of several lines as they are."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _written(case: str) -> str:
    """Write all children in the order in which they are written to the cluster."""
    _, wanted = _decided(case)
    return yaml.dump_all([*wanted.create, *wanted.apply], Dumper=_Dumper, width=120, explicit_start=True)


@pytest.mark.parametrize("case", CASES)
def test_manifests_are_as_they_were(case: str, pytestconfig: pytest.Config) -> None:
    golden, written = DATA / f"{case}.yaml", _written(case)
    if pytestconfig.getoption("--update-golden"):
        golden.write_text(written)
    assert written == golden.read_text(), "wanted? pytest tests/golden --update-golden, then read the diff"


@pytest.mark.parametrize("case", CASES)
def test_the_case_is_what_its_name_says(case: str) -> None:
    decision, _ = _decided(case)
    assert decision.route == ROUTES.get(case)
    assert (decision.build is None) == (case in ROUTES)


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in DATA.iterdir()} == set(CASES)
