"""The live side of a rollout: scores mirrored requests with both versions, joins labels, and counts evidence.

This package never imports ``andon``. Of ``model_builder`` it uses the store, the digest checks and the contract, all
of them light; a model runs in ONNX Runtime in this process.
"""
