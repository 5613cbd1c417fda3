"""Writes a model for devices that have no ONNX Runtime: plain C99 and TensorFlow Lite.

Every exporter starts from the builder's own typed form, never from the ONNX file, and none goes back to data.
"""
