"""What a user may ask of the builder.

The operator generates the source part of its CRD from these types, so every field carries a description and a
bound, and a rule that spans fields stands twice: as CEL for the API server and as a validator for everyone else.
Imports nothing but pydantic and the standard library.
"""

from __future__ import annotations

from model_builder.spec.base import DNS_SUBDOMAIN, ColumnName, Spec, cel
from model_builder.spec.build import BuildSpec, canonical
from model_builder.spec.compression import Budget, Compression, Prune, Quantize
from model_builder.spec.compute import Compute
from model_builder.spec.data import Data, IndependentData, Limits
from model_builder.spec.exports import ExportName, Exports
from model_builder.spec.importing import Import
from model_builder.spec.location import KeyReference, SecretReference
from model_builder.spec.params import EstimatorName, Params
from model_builder.spec.runtime import OnnxRuntimeVersion, Runtime
from model_builder.spec.source import Source
from model_builder.spec.training import Features, Train
from model_builder.spec.validation import Costs, CrossValidation, DecisionThreshold, Explain, Gate, Metric, Validation

__all__ = [
    "DNS_SUBDOMAIN",
    "Budget",
    "BuildSpec",
    "ColumnName",
    "Compression",
    "Compute",
    "Costs",
    "CrossValidation",
    "Data",
    "DecisionThreshold",
    "EstimatorName",
    "Explain",
    "ExportName",
    "Exports",
    "Features",
    "Gate",
    "Import",
    "IndependentData",
    "KeyReference",
    "Limits",
    "Metric",
    "OnnxRuntimeVersion",
    "Params",
    "Prune",
    "Quantize",
    "Runtime",
    "SecretReference",
    "Source",
    "Spec",
    "Train",
    "Validation",
    "canonical",
    "cel",
]
