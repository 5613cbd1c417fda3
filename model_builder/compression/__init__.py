"""Makes fault models small: a typed form of tree ensembles, passes over it, an ONNX encoder, and a search.

The way of a model: a fitted scikit-learn estimator becomes an ``Ensemble`` (``fitted``); passes make a smaller one of
it (``prune``, ``quantize``, ``interactions``); ``encode`` writes the file; ``search`` chooses among candidates by
repeated cross-validation against the forest. Nothing here reads data, prints, or knows of artifacts.
"""
