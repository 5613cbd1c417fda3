"""Whether a live object already is as desired. Without this the operator would write at every look."""

import hashlib
import re
from decimal import Decimal

from andon.api.meta import GROUP
from andon.api.v1alpha1 import Manifest
from model_builder.report import canonical_json

ANNOTATION_APPLIED = f"{GROUP}/applied"

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(n|u|m|k|M|G|T|Ki|Mi|Gi|Ti)?")


def stamped(manifest: Manifest) -> Manifest:
    """Give the manifest with an annotation that names its content, so that what was dropped from it is noticed too."""
    digest = hashlib.sha256(canonical_json(manifest)).hexdigest()[:16]
    annotations = {**manifest["metadata"].get("annotations", {}), ANNOTATION_APPLIED: digest}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}


def satisfies(live: object, desired: object) -> bool:
    """Whether everything that is desired is so; what the API server or others added does not matter.

    Lists are compared item by item, since the API server keeps their order; quantities by their amount, since it
    writes them in a form of its own.
    """
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            satisfies(live.get(key), value) for key, value in desired.items() if not _empty(value)
        )
    if isinstance(desired, list):
        return (
            isinstance(live, list)
            and len(live) == len(desired)
            and all(satisfies(one, other) for one, other in zip(live, desired, strict=True))
        )
    if live == desired:
        return True
    amount = _amount(desired)
    return amount is not None and amount == _amount(live)


def owned(manifest: Manifest, uid: str) -> bool:
    """Whether an object belongs to the one with this uid."""
    return any(owner["uid"] == uid for owner in manifest["metadata"].get("ownerReferences") or ())


def as_applied(live: Manifest | None, desired: Manifest) -> bool:
    """Whether a live object was written as desired (`stamped`), and still is so."""
    if live is None:
        return False
    applied = (live["metadata"].get("annotations") or {}).get(ANNOTATION_APPLIED)
    return applied == desired["metadata"]["annotations"][ANNOTATION_APPLIED] and satisfies(live, desired)


def _empty(value: object) -> bool:
    # The API server drops what is empty, such as resources: {}; an emptyDir: {} is kept, and its key is its meaning.
    return value is None or value == {} or value == []


def _amount(value: object) -> Decimal | None:
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    return Decimal(match[1]) * _SUFFIXES[match[2] or ""] if match is not None else None
