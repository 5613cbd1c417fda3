"""What a user may ask of the builder.

The operator generates the source part of its CRD from these types, so every field carries a description and a
bound, and a rule that spans fields stands twice: as CEL for the API server and as a validator for everyone else.
Imports nothing but pydantic and the standard library.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_snake

from model_builder.compression_spec import Compression
from model_builder.params import EstimatorName, Params
from model_builder.specbase import Spec as Spec
from model_builder.specbase import cel as cel

DNS_LABEL = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
CONFIG_KEY = r"^[-._a-zA-Z0-9]+$"
SHA256_HEX = r"^[0-9a-f]{64}$"

MAX_FEATURES = 512
MAX_NAME_CHARS = 256
OLDEST_MINOR = 19
"""Of ONNX Runtime 1: that of Triton 24.10, the oldest that a model is written for."""

ENDPOINT_RULE = "endpoint and credentialsSecretRef are for s3:// only"
CA_RULE = "caBundleRef is for s3:// and https:// only"
FEATURES_RULE = "give include or exclude, not both"
SPLIT_RULE = "give groupBy or timeColumn, not both"
COSTS_RULE = "costs are for optimize: cost, and are needed there"
PARAMS_RULE = "params are only for estimators that are named in estimators"
ROLES_RULE = "groupBy and timeColumn cannot be the target or be named in features.include"
CLUSTER_SCHEME_RULE = "uri must start with pvc://, configmap://, s3:// or https://"
SEARCHED_THRESHOLD_RULE = "validation.decisionThreshold does not go with compression.budget"
RUNTIME_RULE = "onnxruntime must be 1.19 or later"
TRAVERSAL_RULE = "uri must not contain a '..' segment"


ColumnName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]


class SecretReference(Spec):
    """A Secret in the FaultModel's own namespace."""

    name: str = Field(
        min_length=1,
        max_length=253,
        pattern=DNS_SUBDOMAIN,
        description="Name of a Secret in the same namespace, with the keys accessKeyId and secretAccessKey.",
    )


class KeyReference(Spec):
    """One key of a ConfigMap in the FaultModel's own namespace."""

    name: str = Field(
        min_length=1, max_length=253, pattern=DNS_SUBDOMAIN, description="Name of a ConfigMap in the same namespace."
    )
    key: str = Field(
        default="ca.crt", min_length=1, max_length=253, pattern=CONFIG_KEY, description="Key that holds the file."
    )


class Data(Spec):
    """Where the training data is and how to read it."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.uri.startsWith('s3://') || (!has(self.endpoint) && !has(self.credentialsSecretRef))",
                    ENDPOINT_RULE,
                ),
                cel(
                    "self.uri.startsWith('s3://') || self.uri.startsWith('https://') || !has(self.caBundleRef)",
                    CA_RULE,
                ),
            ]
        }
    )

    uri: str = Field(
        min_length=1,
        max_length=2048,
        description=(
            "Address of one CSV or Parquet file: pvc://CLAIM/PATH, configmap://NAME/KEY, s3://BUCKET/KEY or "
            "https://HOST/PATH. Outside a cluster also a local path."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("self.matches('^(pvc|configmap|s3|https)://[^/]+/.+')", CLUSTER_SCHEME_RULE),
                cel("!self.matches('(^|/)[.][.](/|$)')", TRAVERSAL_RULE),
            ]
        },
    )
    format: Literal["csv", "parquet"] | None = Field(
        default=None, description="Format of the file. Absent: by the suffix .csv or .parquet."
    )
    sha256: str | None = Field(
        default=None,
        min_length=64,
        max_length=64,
        pattern=SHA256_HEX,
        description="Expected SHA-256 of the file in hexadecimal. A file with another one is refused.",
    )
    endpoint: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        pattern=r"^https?://[^/?#@\s]+/?$",
        description="Endpoint of an S3-compatible store, such as https://minio.plant.example:9000.",
    )
    credentials_secret_ref: SecretReference | None = Field(
        default=None, description="Secret with accessKeyId and secretAccessKey for s3://."
    )
    ca_bundle_ref: KeyReference | None = Field(
        default=None, description="ConfigMap key with the PEM certificates that s3:// or https:// is trusted by."
    )

    @model_validator(mode="after")
    def _fields_fit_scheme(self) -> Self:
        s3 = self.uri.startswith("s3://")
        if not s3 and (self.endpoint is not None or self.credentials_secret_ref is not None):
            raise ValueError(ENDPOINT_RULE)
        if not (s3 or self.uri.startswith("https://")) and self.ca_bundle_ref is not None:
            raise ValueError(CA_RULE)
        return self


class Features(Spec):
    """Which columns the model sees."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.include) || size(self.include) == 0 || !has(self.exclude) || size(self.exclude) == 0",
                    FEATURES_RULE,
                ),
            ]
        }
    )

    include: tuple[ColumnName, ...] = Field(
        default=(),
        max_length=MAX_FEATURES,
        description=(
            "The columns to use, in this order: numbers, or text of up to 50 different values. Empty: every such "
            "column but the target, without those that only number the rows, never change or repeat another one."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    exclude: tuple[ColumnName, ...] = Field(
        default=(),
        max_length=MAX_FEATURES,
        description="Columns to leave out where include is empty.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    allow_leakage: tuple[ColumnName, ...] = Field(
        default=(),
        max_length=MAX_FEATURES,
        description=(
            "Columns that may be used although they alone nearly give the target away, because their values are "
            "known before the fault is. Any other such column stops the build."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )

    @model_validator(mode="after")
    def _lists_make_sense(self) -> Self:
        lists = {"include": self.include, "exclude": self.exclude, "allowLeakage": self.allow_leakage}
        for field, names in lists.items():
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{field} names {', '.join(twice)} more than once")
        if self.include and self.exclude:
            raise ValueError(FEATURES_RULE)
        return self


class Train(Spec):
    """Train a model from data."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("!has(self.groupBy) || !has(self.timeColumn)", SPLIT_RULE),
                *(
                    cel(
                        f"!has(self.{role}) || (self.{role} != self.target && (!has(self.features) || "
                        f"!has(self.features.include) || !(self.{role} in self.features.include)))",
                        ROLES_RULE,
                    )
                    for role in ("groupBy", "timeColumn")
                ),
                *(
                    cel(
                        f"!has(self.params) || !has(self.params.{name}) || !has(self.estimators) || "
                        f"'{name}' in self.estimators",
                        PARAMS_RULE,
                    )
                    for name in get_args(EstimatorName)
                ),
            ]
        }
    )

    data: Data = Field(description="The training data.")
    target: ColumnName = Field(description="Column to predict: two classes, or several for a multi-class model.")
    positive_class: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME_CHARS,
        description="Value of the target that means a fault. Absent: 1 or a word such as true, else the rarer class.",
    )
    features: Features = Field(default_factory=Features, description="Columns to use or to leave out.")
    group_by: ColumnName | None = Field(
        default=None,
        description=(
            "Column that says which machine, tool or order a row belongs to. Rows of one never stand on both sides of "
            "a split, so that the scores hold for a new one. It is no feature."
        ),
    )
    time_column: ColumnName | None = Field(
        default=None,
        description=(
            "Column of ISO 8601 timestamps or of numbers that the file is sorted by. The latest rows are then held "
            "out, so that the scores hold for the days to come. It is no feature."
        ),
    )
    sample_rows: int = Field(
        default=1_000_000,
        ge=1000,
        le=10_000_000,
        description="Rows to learn from at most. Of a longer file, that many are drawn at random by the seed.",
    )
    estimators: tuple[EstimatorName, ...] = Field(
        default=("randomForest",),
        min_length=1,
        max_length=len(get_args(EstimatorName)),
        description="One is trained; several are compared by cross-validation, and the smallest of the best is taken.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    params: Params = Field(default_factory=Params, description="Settings of each estimator.")
    seed: int = Field(default=42, ge=0, le=2**32 - 1, description="Seed of sample, split and training.")

    @model_validator(mode="after")
    def _roles_make_sense(self) -> Self:
        if self.group_by is not None and self.time_column is not None:
            raise ValueError(SPLIT_RULE)
        for role in (self.group_by, self.time_column):
            if role is not None and role in (self.target, *self.features.include):
                raise ValueError(ROLES_RULE)
        if len(set(self.estimators)) < len(self.estimators):
            raise ValueError("estimators names one more than once")
        for name in get_args(EstimatorName):
            field = to_snake(name)
            if name not in self.estimators and getattr(self.params, field) != getattr(Params(), field):
                raise ValueError(PARAMS_RULE)
        return self


class CrossValidation(Spec):
    """How candidates are compared on the rows that are not held out."""

    folds: int = Field(default=5, ge=2, le=10, description="Parts that the rows are cut into.")
    repeats: int = Field(
        default=2, ge=1, le=20, description="Times that it is done, each with another cut; more where faults are few."
    )


Metric = Literal["accuracy", "precision", "recall", "f1", "macroF1", "bestF1", "averagePrecision"]


class Gate(Spec):
    """What a score must be for a model to be built."""

    metric: Metric = Field(
        description=(
            "The score. precision, recall and f1 are those of the positive class, for several classes means over all; "
            "bestF1 is F1 at its best threshold. bestF1 and averagePrecision are for two classes."
        )
    )
    min: str = Field(
        min_length=1,
        max_length=8,
        pattern=r"^(0|1|0[.][0-9]{1,6}|1[.]0{1,6})$",
        description='Smallest value that is accepted, from 0 to 1, such as "0.60".',
    )
    bound: Literal["point", "lower95"] = Field(
        default="lower95",
        description="What is held against it: the value itself, or the lower bound of its 95% interval.",
    )


class Costs(Spec):
    """What mistakes cost, in any unit."""

    missed_fault: float = Field(default=1, gt=0, le=1e9, description="A fault that was not called.")
    false_alarm: float = Field(default=1, gt=0, le=1e9, description="A call without a fault.")


class DecisionThreshold(Spec):
    """From which score on a row is called a fault. It is chosen by cross-validation on rows that are not held out."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [cel("(self.optimize == 'cost') == has(self.costs)", COSTS_RULE)]
        }
    )

    optimize: Literal["f1", "cost"] = Field(description="f1: the largest F1. cost: the smallest cost of mistakes.")
    costs: Costs | None = Field(default=None, description="What mistakes cost, for optimize: cost.")

    @model_validator(mode="after")
    def _costs_where_they_count(self) -> Self:
        if (self.optimize == "cost") != (self.costs is not None):
            raise ValueError(COSTS_RULE)
        return self


class IndependentData(Data):
    """Data that the model is judged on and never fitted on, with the columns of the training data."""


class Validation(Spec):
    """How a model is judged, besides on the held-out rows."""

    cross_validation: CrossValidation | None = Field(
        default=None,
        description=(
            "Cross-validation. Absent: done by default where several estimators are compared or a threshold is "
            "chosen, else not at all."
        ),
    )
    independent_data: IndependentData | None = Field(
        default=None, description="Data of another machine or time to judge the model on; gates hold there too."
    )
    slices: tuple[ColumnName, ...] = Field(
        default=(),
        max_length=8,
        description="Columns of up to 50 different values, features or not: scores are told for each value.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    gates: tuple[Gate, ...] = Field(
        default=(), max_length=16, description="What the model must reach; one that does not fails the build."
    )
    decision_threshold: DecisionThreshold | None = Field(
        default=None, description="How the threshold is chosen, for two classes. Absent: 0.5."
    )

    @model_validator(mode="after")
    def _slices_differ(self) -> Self:
        if len(set(self.slices)) < len(self.slices):
            raise ValueError("slices names a column more than once")
        return self


class Source(Spec):
    """Where the model comes from."""

    train: Train = Field(description="Data, target and settings to train a model with.")


class Limits(Spec):
    """Bounds on the data, checked while it is read."""

    max_bytes: int = Field(default=1 << 30, ge=1, description="Largest data file in bytes.")
    max_rows: int = Field(default=10_000_000, ge=1, description="Largest number of data rows.")
    max_columns: int = Field(default=1000, ge=1, description="Largest number of columns in the file.")


def _not_too_old(value: str) -> str:
    if int(value.split(".")[1]) < OLDEST_MINOR:
        raise ValueError(RUNTIME_RULE)
    return value


OnnxRuntimeVersion = Annotated[
    str,
    Field(
        max_length=32,
        pattern=r"^1[.][0-9]{1,3}([.][0-9]{1,3})?$",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"!self.matches('^1[.][0-9]+') || int(self.split('.')[1]) >= {OLDEST_MINOR}",
                    RUNTIME_RULE,
                ),
            ]
        },
    ),
    AfterValidator(_not_too_old),
]


class Runtime(Spec):
    """The runtime that the model is written for."""

    onnxruntime: OnnxRuntimeVersion = Field(
        default="1.21", description="Oldest version of ONNX Runtime that must load the model."
    )


class BuildSpec(Spec):
    """All that one build is given."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.compression) || !has(self.compression.budget) || !has(self.validation) || "
                    "!has(self.validation.decisionThreshold)",
                    SEARCHED_THRESHOLD_RULE,
                ),
            ]
        }
    )

    name: str = Field(min_length=1, max_length=63, pattern=DNS_LABEL, description="Name of the model in Triton.")
    source: Source = Field(description="What to make the model from.")
    compression: Compression = Field(default_factory=Compression, description="How small the model is made.")
    validation: Validation = Field(default_factory=Validation, description="How the model is judged.")
    limits: Limits = Field(default_factory=Limits, description="Bounds on the data.")
    runtime: Runtime = Field(default_factory=Runtime, description="What will serve the model.")

    @model_validator(mode="after")
    def _threshold_is_of_the_model(self) -> Self:
        # The threshold is chosen on the forest's scores, and a smaller model has others.
        if self.compression.budget is not None and self.validation.decision_threshold is not None:
            raise ValueError(SEARCHED_THRESHOLD_RULE)
        return self


def canonical(spec: BuildSpec) -> dict[str, Any]:
    """Give the part of a spec that decides the bytes of the artifact, as plain JSON values.

    Where the data lies, who may read it and the limits are left out: the same data read from elsewhere gives the
    same model. Fields at their default are left out too, so that a later version with more fields writes the same.
    """
    train = spec.source.train.model_dump(mode="json", by_alias=True, exclude={"data"}, exclude_defaults=True)
    more = spec.model_dump(
        mode="json",
        by_alias=True,
        include={"compression", "runtime", "validation"},
        exclude={"validation": {"independent_data"}},
        exclude_defaults=True,
    )
    return {"name": spec.name, "source": {"train": train}, **more}
