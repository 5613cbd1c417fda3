"""`andon rollback`: back to a version that has held all traffic, by an annotation with its digest."""

from __future__ import annotations

from typing import Protocol

from andon.api.meta import ANNOTATION_PROMOTED, ANNOTATION_ROLLBACK, router_name
from andon.api.v1alpha1 import Manifest
from andon.cli.errors import CliError, listed
from andon.cli.verbs import Target
from andon.cli.words import short_digest


class Place(Target, Protocol):
    """Where also the router's notes are read."""

    def config_map(self, namespace: str, name: str) -> Manifest | None: ...


def rollback(target: Place, namespace: str, name: str, to: int | None) -> str:
    """Let a version hold all traffic that has held it before, and give a sentence about it.

    Parameters
    ----------
    to
        Number of the version; None: the newest one that held all traffic before the one that serves.

    Raises
    ------
    CliError
        ``NoFormerVersion``: there is none to go back to, or the one named is none.
    """
    manifest = target.fault_model(namespace, name)
    proven = _proven(target.config_map(namespace, router_name(name)))
    serving = ((manifest.get("status") or {}).get("stable") or {}).get("version")
    digests = {int(one["spec"]["version"]): str(one["spec"]["digest"]) for one in target.versions(namespace, name)}
    there = sorted(number for number in proven & set(digests) if number != serving)
    number = to if to is not None else max(there, default=None)
    if number is None or number not in (proven & set(digests)):
        what = f"version {to} has never held all traffic" if to is not None else "no other version has held all traffic"
        raise CliError(
            "NoFormerVersion",
            f"{what}, so there is no way back to it.",
            allowed=f"versions {listed(map(str, there))}" if there else "",
            remedy=f"see which there are: andon status {name} -n {namespace}; a candidate is called off by andon abort",
        )
    target.annotate(manifest, {ANNOTATION_ROLLBACK: digests[number]})
    return (
        f"Version {number} ({short_digest(digests[number])}) of {name} is to hold all traffic, until the annotation is"
        f" taken away: kubectl annotate fm {name} -n {namespace} {ANNOTATION_ROLLBACK}-"
    )


def _proven(router: Manifest | None) -> set[int]:
    annotations = ((router or {}).get("metadata") or {}).get("annotations") or {}
    return {int(number) for number in str(annotations.get(ANNOTATION_PROMOTED, "")).split(",") if number.isdigit()}
