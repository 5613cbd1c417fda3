"""Writes config.pbtxt, in full: a server must not have to complete it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from model_builder.contract import CONTRIBUTIONS, FAULT, LABEL, PROBABILITIES, SCORE
from model_builder.frontend import CATEGORICAL, INPUT
from model_builder.model_report import ContributionFacts
from model_builder.report import Signature

MAX_BATCH_SIZE = 1024
WARMUP_BATCH_SIZE = 8


@dataclass(frozen=True)
class _Tensor:
    name: str
    type: str
    width: int
    height: int = 0

    @property
    def dims(self) -> str:
        """The shape of one row."""
        return f"{self.height}, {self.width}" if self.height else f"{self.width}"


def config(name: str, signature: Signature, contributions: ContributionFacts | None = None) -> str:
    """Write the model configuration of Triton for one model.

    It asks for the onnxruntime backend, official or python-based, one instance and one thread; the parameter
    ``signature`` tells a client the order of columns and classes, and ``contributions`` whose parts that output holds
    and what is to be added to them, where the file has it.
    """
    shape = signature.model_dump(mode="json", by_alias=True, exclude={"truncated"})
    blocks = [
        f"name: {quoted(name)}",
        'backend: "onnxruntime"',
        f"max_batch_size: {MAX_BATCH_SIZE}",
        "version_policy { latest { num_versions: 1 } }",
        _tensors("input", _inputs(signature)),
        _tensors("output", [*_outputs(signature), *_explained(signature, contributions)]),
        "instance_group [\n  {\n    count: 1\n    kind: KIND_CPU\n  }\n]",
        "dynamic_batching { }",
        _warmup(_inputs(signature)),
        _parameter("intra_op_thread_count", "1"),
        _parameter("inter_op_thread_count", "1"),
        _parameter("signature", json.dumps(shape, sort_keys=True)),
    ]
    if contributions is not None:
        blocks.append(_parameter(CONTRIBUTIONS, json.dumps(contributions.told(), sort_keys=True)))
    return "\n".join(blocks) + "\n"


def quoted(text: str) -> str:
    """Write a string of protobuf's text format in plain ASCII."""
    characters = []
    for byte in text.encode():
        character = chr(byte)
        if character in '"\\':
            characters.append("\\" + character)
        elif 32 <= byte < 127:
            characters.append(character)
        else:
            characters.append(f"\\{byte:03o}")
    return f'"{"".join(characters)}"'


def _inputs(signature: Signature) -> list[_Tensor]:
    inputs = [_Tensor(INPUT, "TYPE_FP32", len(signature.numeric))] if signature.numeric else []
    if signature.categorical:
        inputs.append(_Tensor(CATEGORICAL, "TYPE_STRING", len(signature.categorical)))
    return inputs


def _outputs(signature: Signature) -> list[_Tensor]:
    if signature.threshold is not None:
        return [_Tensor(SCORE, "TYPE_FP32", 1), _Tensor(FAULT, "TYPE_BOOL", 1)]
    return [_Tensor(PROBABILITIES, "TYPE_FP32", len(signature.classes)), _Tensor(LABEL, "TYPE_INT64", 1)]


def _explained(signature: Signature, facts: ContributionFacts | None) -> list[_Tensor]:
    if facts is None:
        return []
    height = len(signature.classes) if signature.threshold is None else 0
    return [_Tensor(CONTRIBUTIONS, "TYPE_FP32", len(facts.names), height)]


def _tensors(field: str, tensors: list[_Tensor]) -> str:
    items = [
        f"  {{\n    name: {quoted(tensor.name)}\n    data_type: {tensor.type}\n    dims: [ {tensor.dims} ]\n  }}"
        for tensor in tensors
    ]
    return f"{field} [\n" + ",\n".join(items) + "\n]"


def _warmup(inputs: list[_Tensor]) -> str:
    samples = [
        _warmup_sample("zero", 1, "zero_data", inputs),
        _warmup_sample("random", WARMUP_BATCH_SIZE, "random_data", inputs),
    ]
    return "model_warmup [\n" + ",\n".join(samples) + "\n]"


def _warmup_sample(name: str, batch_size: int, source: str, inputs: list[_Tensor]) -> str:
    # Texts are always empty ones: a server has no random text to give.
    fields = [
        f"    inputs {{ key: {quoted(tensor.name)} value {{ data_type: {tensor.type} dims: [ {tensor.width} ] "
        f"{'zero_data' if tensor.type == 'TYPE_STRING' else source}: true }} }}\n"
        for tensor in inputs
    ]
    return f"  {{\n    name: {quoted(name)}\n    batch_size: {batch_size}\n{''.join(fields)}  }}"


def _parameter(key: str, value: str) -> str:
    return f"parameters {{ key: {quoted(key)} value {{ string_value: {quoted(value)} }} }}"
