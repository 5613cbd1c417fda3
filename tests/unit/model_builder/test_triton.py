"""config.pbtxt is valid protobuf text, complete, and names survive it whatever they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2

from model_builder.model_report import ContributionFacts
from model_builder.report import Signature
from model_builder.triton import config

BINARY = Signature.of(("heat", "load"), ("0", "1"), 0.5)
MIXED = Signature.of(("heat", "load"), ("0", "1"), 0.5, ("kind", "plant", "line"))
SEVERAL = Signature.of(("heat", "load"), ("a", "b", "c"), None)


def parse(text: str) -> Any:
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@pytest.mark.parametrize(
    ("signature", "outputs"),
    [
        (BINARY, [("score", "TYPE_FP32", [1]), ("fault", "TYPE_BOOL", [1])]),
        (SEVERAL, [("probabilities", "TYPE_FP32", [3]), ("label", "TYPE_INT64", [1])]),
    ],
)
def test_complete(signature: Signature, outputs: list[tuple[str, str, list[int]]]) -> None:
    parsed = parse(config("spindle", signature))
    types = model_config_pb2.DataType
    assert parsed.name == "spindle"
    assert parsed.backend == "onnxruntime"
    assert parsed.max_batch_size == 1024
    assert [(each.name, types.Name(each.data_type), list(each.dims)) for each in parsed.input] == [
        ("numeric", "TYPE_FP32", [2])
    ]
    assert [(each.name, types.Name(each.data_type), list(each.dims)) for each in parsed.output] == outputs
    assert parsed.HasField("dynamic_batching")
    (group,) = parsed.instance_group
    assert group.count == 1
    assert group.kind == model_config_pb2.ModelInstanceGroup.KIND_CPU
    assert parsed.parameters["intra_op_thread_count"].string_value == "1"


@pytest.mark.parametrize(("signature", "dims"), [(BINARY, [2]), (SEVERAL, [3, 2])])
def test_contributions_are_an_output_more(signature: Signature, dims: list[int]) -> None:
    facts = ContributionFacts(names=("heat", 'lo"ad'), base=(0.25,), unit="score", bytes=900)
    parsed = parse(config("spindle", signature, facts))
    assert [each.name for each in parsed.output][2:] == ["contributions"]
    assert list(parsed.output[2].dims) == dims
    told = json.loads(parsed.parameters["contributions"].string_value)
    assert told == {"base": [0.25], "method": "shapley", "names": ["heat", 'lo"ad'], "unit": "score"}
    plain = parse(config("spindle", signature))
    del parsed.output[2:]
    del parsed.parameters["contributions"]
    assert parsed == plain


def test_warm_up_fits_the_input() -> None:
    samples = parse(config("spindle", BINARY)).model_warmup
    kinds = [sample.inputs["numeric"].WhichOneof("input_data_type") for sample in samples]
    assert kinds == ["zero_data", "random_data"]
    for sample in samples:
        assert 1 <= sample.batch_size <= 1024
        assert list(sample.inputs["numeric"].dims) == [2]


def test_texts_are_an_input_of_their_own() -> None:
    parsed = parse(config("spindle", MIXED))
    types = model_config_pb2.DataType
    inputs = [(each.name, types.Name(each.data_type), list(each.dims)) for each in parsed.input]
    assert inputs == [("numeric", "TYPE_FP32", [2]), ("categorical", "TYPE_STRING", [3])]
    for sample in parsed.model_warmup:
        assert set(sample.inputs) == {"numeric", "categorical"}
        assert sample.inputs["categorical"].WhichOneof("input_data_type") == "zero_data"
        assert list(sample.inputs["categorical"].dims) == [3]


@given(
    numeric=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=5).map(tuple),
    classes=st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=2).map(tuple),
)
def test_any_name_comes_back(numeric: tuple[str, ...], classes: tuple[str, ...]) -> None:
    signature = Signature.of(numeric, classes, 0.5)
    text = config("spindle", signature)
    assert text.isascii()
    told = json.loads(parse(text).parameters["signature"].string_value)
    assert Signature.model_validate(told) == signature
