"""The CRDs, generated from the types of the API: `python -m andon.api.crds FOLDER` writes them.

A structural schema (Kubernetes API reference, apiextensions.k8s.io/v1) has no references and no unions, so pydantic's
JSON Schema is inlined, optional fields lose their null branch, and what the API server does not know is dropped.
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from andon.api.meta import GROUP, VERSION
from andon.api.v1alpha1 import FaultModel, FaultModelVersion, Manifest

SCALE = {
    "specReplicasPath": ".spec.serving.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}
"""By this an autoscaler sets a FaultModel's replicas, whichever version serves."""

_DROPPED = ("title", "const", "additionalProperties", "$defs", "discriminator")


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Turn a pydantic model into a structural schema."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _inline(schema, schema.get("$defs", {}))


def _inline(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[1]]
        return _inline({**target, **{key: value for key, value in schema.items() if key != "$ref"}}, definitions)
    if "anyOf" in schema:
        (branch,) = [option for option in schema["anyOf"] if option.get("type") != "null"]
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return _inline({**branch, **rest}, definitions)
    if "const" in schema:
        schema = {**schema, "enum": [schema["const"]]}
    out: dict[str, Any] = {key: value for key, value in schema.items() if key not in _DROPPED and value is not None}
    if "properties" in schema:
        out["properties"] = {name: _inline(field, definitions) for name, field in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        out["additionalProperties"] = _inline(schema["additionalProperties"], definitions)
    if "prefixItems" in schema:
        raise ValueError(f"a tuple of fixed length has no structural schema: {schema}")
    if "items" in schema:
        out["items"] = _inline(schema["items"], definitions)
    return _kubernetes_spelling(out)


def _kubernetes_spelling(schema: dict[str, Any]) -> dict[str, Any]:
    out = dict(schema)
    out.pop("propertyNames", None)  # pydantic validates keys; a structural schema has no word for it
    if out.get("x-kubernetes-int-or-string"):
        # A quantity may be written as a number; type, length and pattern speak of strings only.
        for keyword in ("type", "maxLength", "minLength", "pattern"):
            out.pop(keyword, None)
    for keyword in ("minimum", "maximum"):
        exclusive = out.pop(f"exclusive{keyword.capitalize()}", None)
        if exclusive is not None:
            out[keyword], out[f"exclusive{keyword.capitalize()}"] = exclusive, True
    if out.get("type") == "integer":
        out["format"] = "int64"
    if out.get("uniqueItems"):
        del out["uniqueItems"]
    default = out.get("default")
    if default in ({}, [], ()) and out.get("type") == "array":
        del out["default"]  # absent and empty mean the same: do not write empty lists into people's manifests
    return out


def _crd(
    model: type[BaseModel],
    plural: str,
    short: str,
    columns: list[dict[str, Any]],
    scale: dict[str, str] | None = None,
) -> Manifest:
    schema = structural_schema(model)
    properties = schema.pop("properties")
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": columns,
        "schema": {
            "openAPIV3Schema": {
                **schema,
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"type": "object"},
                    **properties,
                },
            }
        },
    }
    if "status" in properties:
        version["subresources"] = {"status": {}, **({"scale": scale} if scale is not None else {})}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": model.__name__,
                "listKind": f"{model.__name__}List",
                "plural": plural,
                "singular": model.__name__.lower(),
                "shortNames": [short],
                "categories": ["andon"],
            },
            "versions": [version],
        },
    }


def _column(name: str, path: str, kind: str = "string", **more: str | int) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path, **more}


_AGE = _column("Age", ".metadata.creationTimestamp", "date")


def crds() -> dict[str, Manifest]:
    """All CRDs by the name of their file."""
    return {
        "faultmodels.yaml": _crd(
            FaultModel,
            "faultmodels",
            "fm",
            [
                _column("Phase", ".status.phase"),
                _column("Version", ".status.stable.version", "integer"),
                _column("Weight", ".status.stable.weight", "integer"),
                _column("F1", ".status.artifact.f1"),
                _column("Size", ".status.artifact.size"),
                _column("Ready", ".status.conditions[?(@.type=='Ready')].status", priority=1),
                _column("Reason", ".status.conditions[?(@.type=='Ready')].reason", priority=1),
                _AGE,
            ],
            SCALE,
        ),
        "faultmodelversions.yaml": _crd(
            FaultModelVersion,
            "faultmodelversions",
            "fmv",
            [
                _column("FaultModel", ".spec.faultModelName"),
                _column("Version", ".spec.version", "integer"),
                _column("F1", ".spec.metrics.f1", "number"),
                _column("Bytes", ".spec.artifact.bytes", "integer"),
                _column("Digest", ".spec.digest", priority=1),
                _AGE,
            ],
        ),
    }


class _PlainDumper(yaml.SafeDumper):
    """Writes every value in full: anchors would surprise people who read a CRD."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  the signature is PyYAML's
        return True


def main(folder: str) -> None:
    """Write the CRDs into a folder."""
    for name, crd in crds().items():
        text = yaml.dump(crd, Dumper=_PlainDumper, sort_keys=False, width=120, allow_unicode=True)
        note = "# Generated by `make generate` from operator/andon/api. Do not edit.\n"
        (Path(folder) / name).write_text(note + text)


if __name__ == "__main__":
    main(sys.argv[1])
