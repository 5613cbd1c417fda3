"""ONNX Runtime, with its telemetry off: the only place that imports it.

From 1.29 on the official builds send usage data to their maker and keep a device identifier in the home folder, unless
a variable says otherwise before the library is loaded. Nothing of a plant may leave it, so it always says so.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

VERSION: str = onnxruntime.__version__


PATHS_ONLY = onnxruntime.RunOptions()
"""Computes what is asked for and nothing else: without it a graph is run to all its ends."""

PATHS_ONLY.only_execute_path_to_fetches = True


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """Load a model on one thread, so that sums are always taken in one order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
