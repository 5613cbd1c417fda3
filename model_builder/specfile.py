"""Reads what to build: a FaultModel manifest, a plain BuildSpec, or the JSON that the operator mounts."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from model_builder.errors import BuilderError, Reason, shown
from model_builder.spec import BuildSpec

API_GROUP = "andon.dev/"
MAX_FILE_BYTES = 1 << 20
_IN_MANIFEST = {"name": "metadata.name", "runtime.onnxruntime": "spec.serving.onnxruntime"}


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice, line {line}", None)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_spec(path: Path) -> BuildSpec:
    """Read a build's spec from a YAML or JSON file.

    Raises
    ------
    BuilderError
        ``InvalidSpec``.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _invalid(f"{path} is larger than a mebibyte", f"{path.stat().st_size} bytes", "a manifest")
        documents = [each for each in yaml.load_all(path.read_text(encoding="utf-8"), _StrictLoader) if each]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _invalid(f"{path} cannot be read: {error}", str(error).replace("\n", " "), "a YAML file") from None
    if len(documents) > 1:
        documents = [each for each in documents if isinstance(each, dict) and each.get("kind") == "FaultModel"]
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise _invalid(f"{path} does not hold one FaultModel", f"{len(documents)} of them", "one FaultModel")
    return parse_spec(documents[0])


def parse_spec(document: dict[str, Any]) -> BuildSpec:
    """Make a build's spec of a FaultModel or a BuildSpec given as plain values.

    Of a FaultModel ``metadata.name``, ``spec.source``, ``spec.compression``, ``spec.validation``, ``spec.exports`` and
    ``spec.serving.onnxruntime`` are read, as the operator hands them on: the same manifest gives the same model on a
    laptop. The rest is for the operator.

    Raises
    ------
    BuilderError
        ``InvalidSpec``, with the path of the first wrong field.
    """
    manifest = "kind" in document or "apiVersion" in document
    if manifest:
        document = _of_manifest(document)
    try:
        return BuildSpec.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        if manifest:
            field = _IN_MANIFEST.get(field, f"spec.{field}")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        value = "nothing" if first["type"] == "missing" else shown(str(first["input"]))
        raise _invalid(f"{field or 'the spec'}: {first['msg']}{more}", value, first["msg"]) from None


def _of_manifest(document: dict[str, Any]) -> dict[str, Any]:
    kind, version = document.get("kind"), str(document.get("apiVersion", ""))
    if kind != "FaultModel" or not version.startswith(API_GROUP):
        raise _invalid(
            f"the manifest is a {kind} of {version}", f"{kind}, {version}", f"a FaultModel of {API_GROUP}v1alpha1"
        )
    metadata, spec = document.get("metadata"), document.get("spec")
    found: dict[str, Any] = {}
    if isinstance(metadata, dict) and "name" in metadata:
        found["name"] = metadata["name"]
    if isinstance(spec, dict):
        found |= {part: spec[part] for part in ("source", "compression", "validation", "exports") if part in spec}
        serving = spec.get("serving")
        if isinstance(serving, dict) and "onnxruntime" in serving:
            found["runtime"] = {"onnxruntime": serving["onnxruntime"]}
    return found


def _invalid(message: str, found: str, allowed: str) -> BuilderError:
    return BuilderError(
        Reason.INVALID_SPEC,
        message,
        found=found,
        allowed=allowed,
        remedy="correct the field; `kubectl explain faultmodel.spec.source --recursive` shows them all",
    )
