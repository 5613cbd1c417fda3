"""What people declare of a FaultModel's inputs, as the monitor reads it: a change that was meant, and how to look."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from andon.api.drift import Drift
from andon.api.durations import parse_duration
from andon.api.meta import ANNOTATION_REBASELINE
from andon.api.v1alpha1 import Manifest

DECLARATIONS = "/etc/andon/declarations"
"""Where the monitor finds them."""

LONGEST_REASON = 500


def declared(models: Sequence[Manifest]) -> dict[str, str]:
    """Give what is declared, by FaultModel: the content of the monitor's ConfigMap, a file for each.

    A spec that cannot be read is passed over: whoever looks at that FaultModel says so.
    """
    found = {}
    for model in models:
        told = {**_changed(model), **_looked_at(model)}
        if told and not model["metadata"].get("deletionTimestamp"):
            found[str(model["metadata"]["name"])] = json.dumps(told, sort_keys=True)
    return found


def _changed(model: Manifest) -> dict[str, Any]:
    reason = str((model["metadata"].get("annotations") or {}).get(ANNOTATION_REBASELINE, "")).strip()
    return {"by": _who(model), "reason": reason[:LONGEST_REASON]} if reason else {}


def _who(model: Manifest) -> str:
    """Say who set the annotation, as far as the API server knows: the name of the client, not of the person."""
    for entry in model["metadata"].get("managedFields") or ():
        annotations = (entry.get("fieldsV1") or {}).get("f:metadata", {}).get("f:annotations", {})
        if f"f:{ANNOTATION_REBASELINE}" in annotations:
            return f"the annotation {ANNOTATION_REBASELINE}, set by {entry.get('manager') or 'somebody'}"[:200]
    return f"the annotation {ANNOTATION_REBASELINE}"


def _looked_at(model: Manifest) -> dict[str, Any]:
    given = (model["spec"].get("monitoring") or {}).get("drift")
    try:
        drift = Drift.model_validate(given or {})
    except ValidationError:
        return {}
    if drift == Drift():
        return {}
    window = drift.window
    return {
        "drift": {
            "rows": window.rows,
            "minimum": window.min_rows,
            "seconds": parse_duration(window.after).total_seconds(),
            "ranges": {one.feature: [one.min, one.max] for one in drift.ranges},
        }
    }
