"""Andon: a Kubernetes operator that brings fault-prediction models to factory lines and keeps them honest there."""

__version__ = "0.1.0"
