"""Takes in models that were made elsewhere: ONNX and skops, checked before anything of them is used.

What a file is, its content says, never its name. Nothing here unpickles.
"""
