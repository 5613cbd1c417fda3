"""Whether the inputs and scores of a model still look as they did when it was built, or a sensor is broken.

Pure: no input or output, no clock. Memory is bounded by the number of features, whatever comes in.
"""
