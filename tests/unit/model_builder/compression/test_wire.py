"""Packed lists are read back by the library as they were written."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import AttributeProto

from model_builder.compression import wire

INTS = AttributeProto.DESCRIPTOR.fields_by_name["ints"].number


@given(values=st.lists(st.integers(0, 2**40), max_size=40))
@example(values=[0, 127])
@example(values=[127, 128])
def test_packed_integers_are_what_the_library_reads(values: list[int]) -> None:
    written = wire.packed_integers(INTS, np.array(values, np.int64))
    assert written == wire.packed_integers(INTS, values)
    assert list(AttributeProto.FromString(written).ints) == values


@given(values=st.lists(st.integers(0, 127), min_size=1, max_size=100))
def test_small_numbers_take_a_byte_each(values: list[int]) -> None:
    assert len(wire.packed_integers(INTS, values)) == 2 + len(values)
