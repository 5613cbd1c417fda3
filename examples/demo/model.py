"""The FaultModel: its manifest, and its phases as they pass."""

import time
from pathlib import Path

import yaml
from rich.markup import escape

from examples.demo.data import FOLDER, MachineData, model_name
from examples.demo.plant import NAMESPACE
from examples.demo.reach import Manifest, Reach
from lab.console import Step, step
from lab.errors import LabError
from lab.paths import REPOSITORY

SPINDLE = REPOSITORY / "examples" / "spindle.yaml"
CLAIM = "plant-data"
DATA_NAME = "machine_fault.csv"
PAUSE_SECONDS = 0.3
SECONDS = 3600.0
"""As long as the chart lets a build run."""

_HEAD = """\
# Made by the demo from {file}. Text columns are left out; name columns under features.include or
# features.exclude to choose yourself. The checksum pins the data: other data is another model version.
"""


def spindle_name() -> str:
    """Read the name of the model in examples/spindle.yaml."""
    return str(yaml.safe_load(SPINDLE.read_text())["metadata"]["name"])


def manifest(data: MachineData) -> Manifest:
    """Give a manifest for the reader's own data."""
    name = model_name(data.file)
    source = {"uri": f"pvc://{claim_of(name)}/{name}.csv", "sha256": data.sha256}
    return {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": name},
        "spec": {"source": {"train": {"data": source, "target": data.target}}},
    }


def claim_of(name: str) -> str:
    """Name the claim of the reader's own data."""
    return f"{name}-data"


def write_manifest(data: MachineData) -> Path:
    """Write that manifest where the reader finds it."""
    whole = manifest(data)
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{whole['metadata']['name']}.yaml"
    file.write_text(_HEAD.format(file=data.file.name) + yaml.safe_dump(whole, sort_keys=False))
    return file


def condition(model: Manifest, kind: str) -> Manifest:
    """Give a condition of the current generation; empty where there is none."""
    generation = model["metadata"]["generation"]
    for one in (model.get("status") or {}).get("conditions") or ():
        if one["type"] == kind and one["observedGeneration"] == generation:
            return dict(one)
    return {}


def phase(model: Manifest) -> str:
    """Give the phase, or Pending as long as the operator has not looked at this generation."""
    status = model.get("status") or {}
    if status.get("observedGeneration") != model["metadata"]["generation"]:
        return "Pending"
    return str(status.get("phase") or "Pending")


def message(model: Manifest) -> str:
    """Give what the operator says of the phase."""
    return str(condition(model, "Ready").get("message", "The operator has not looked at it yet."))


def is_ready(model: Manifest) -> bool:
    """Whether this generation is Ready."""
    return phase(model) != "Pending" and condition(model, "Ready").get("status") == "True"


def is_stalled(model: Manifest) -> bool:
    """Whether nothing will happen until a person changes something."""
    return condition(model, "Stalled").get("status") == "True"


def read(reach: Reach, name: str) -> Manifest:
    """Read the FaultModel.

    Raises
    ------
    LabError
        `ModelGone`.
    """
    found = reach.get(NAMESPACE, "faultmodel", name)
    if found is None:
        raise LabError("ModelGone", f"somebody has deleted FaultModel {name}", remedy="run the demo again")
    return found


def follow(reach: Reach, name: str, seconds: float = SECONDS) -> Manifest:
    """Show each phase while it lasts, until the FaultModel is Ready.

    Raises
    ------
    LabError
        With the operator's reason where the FaultModel is stalled, or `NotReady` when time is up.
    """
    deadline = time.monotonic() + seconds
    model = read(reach, name)
    while not is_ready(model):
        with step(phase(model)) as current:
            model = _through_phase(reach, model, current, deadline)
    with step(phase(model)) as current:
        current.note = escape(message(model))
    return model


def _through_phase(reach: Reach, model: Manifest, current: Step, deadline: float) -> Manifest:
    now = phase(model)
    while phase(model) == now and not is_ready(model):
        current.note = escape(message(model))
        if is_stalled(model):
            why = condition(model, "Stalled")
            raise LabError(str(why["reason"]), str(why["message"]))
        if time.monotonic() > deadline:
            raise LabError("NotReady", f"{message(model)} (phase {now})")
        time.sleep(PAUSE_SECONDS)
        model = read(reach, model["metadata"]["name"])
    return model
