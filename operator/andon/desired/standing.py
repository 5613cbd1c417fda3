"""Deployments that stand are left as they were made, so that an upgrade of Andon restarts no plant."""

import hashlib

from andon.api.meta import ANNOTATION_INPUTS, ANNOTATION_MANIFEST
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Standing
from model_builder.report import canonical_json


def as_made(manifests: list[Manifest], inputs: object, live: Standing | None) -> list[Manifest]:
    """Put in the place of a Deployment the one that stands, where it was made from the same inputs.

    What was made goes along as an annotation, so that a change by hand is still put right.

    Parameters
    ----------
    inputs
        What people decide about the Deployment, as JSON; images and templates of this version of Andon are not in it.
    """
    digest = hashlib.sha256(canonical_json(inputs)).hexdigest()[:16]
    return [_as_made(one, digest, live) if one["kind"] == "Deployment" else one for one in manifests]


def _as_made(deployment: Manifest, digest: str, live: Standing | None) -> Manifest:
    made = live.manifest if live is not None and live.inputs == digest else deployment
    annotations = {ANNOTATION_INPUTS: digest, ANNOTATION_MANIFEST: canonical_json(made).decode()}
    return {**made, "metadata": {**made["metadata"], "annotations": annotations}}
