"""What a FaultModel brings along for Prometheus and Grafana, whole.

After a wanted change: `pytest tests/golden --update-golden`, then read the diff.
"""

from pathlib import Path

import pytest
import yaml

from andon.api.status import FaultModelStatus
from andon.api.v1alpha1 import FaultModelSpec
from andon.core.observed import Identity, Observed
from andon.desired.monitoring import OPTIONAL_KINDS, monitoring_objects
from andon.desired.platform import Images, Platform

DATA = Path(__file__).parent / "monitoring"
PLATFORM = Platform(images=Images(builder="andon/builder:1", triton="triton:1", envoy="envoy:1"))
SPEC = {
    "source": {"train": {"data": {"uri": "pvc://plant-data/machine.csv"}, "target": "fault"}},
    "validation": {"gates": [{"metric": "recall", "min": "0.60"}]},
    "monitoring": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "alerts": {"latency": {"threshold": "2500ms"}, "disabled": ["FaultModelNoTraffic"]},
    },
}
CASES = {"with-operators": frozenset(OPTIONAL_KINDS), "without": frozenset[str]()}


def _observed() -> Observed:
    identity = Identity("plant", "spindle", "00000000-0000-0000-0000-000000000001", 1)
    return Observed(identity=identity, spec=FaultModelSpec.model_validate(SPEC), status=FaultModelStatus())


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


_Dumper.add_representer(str, _text)


@pytest.mark.parametrize("case", CASES)
def test_manifests_are_as_they_were(case: str, pytestconfig: pytest.Config) -> None:
    made = monitoring_objects(_observed(), CASES[case], PLATFORM)
    # The dashboard is as it was generated, which another test holds; here it would be the same thousand lines twice.
    for manifest in (*made.plain, *made.optional):
        for texts in (manifest.get("data", {}), manifest.get("spec", {})):
            texts |= {key: "…" for key in texts if key == "json" or key.endswith(".json")}
    written = yaml.dump_all([*made.plain, *made.optional], Dumper=_Dumper, width=120, explicit_start=True)
    golden = DATA / f"{case}.yaml"
    if pytestconfig.getoption("--update-golden"):
        golden.write_text(written)
    assert written == golden.read_text(), "wanted? pytest tests/golden --update-golden, then read the diff"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in DATA.iterdir()} == set(CASES)
