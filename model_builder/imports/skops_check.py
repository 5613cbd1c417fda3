"""Opens a skops file whose every type is on a short list, and checks the trees in it by hand."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

from sklearn.base import ClassifierMixin
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.imports.content import refusing, too_large, unreadable
from model_builder.imports.trees_check import check_trees

MAX_UNPACKED_BYTES = 256 << 20
MAX_SCHEMA_BYTES = 32 << 20
MAX_ENTRIES = 20_000

CLASSIFIERS = (
    RandomForestClassifier,
    ExtraTreesClassifier,
    DecisionTreeClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    LogisticRegression,
    MLPClassifier,
)
STEPS = (SimpleImputer, StandardScaler, MinMaxScaler, RobustScaler)

CHECKED_TYPES = frozenset(
    {
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "numpy.dtype",
    }
)
"""Types that skops does not trust by itself: trees, because nothing in them is checked against their bounds, which is
done here; the rest holds numbers only."""

TYPES = CHECKED_TYPES | {
    *(f"{each.__module__}.{each.__qualname__}" for each in (*CLASSIFIERS, *STEPS, Pipeline)),
    *(f"builtins.{name}" for name in ("bool", "dict", "float", "int", "list", "set", "slice", "str", "tuple")),
    *(f"numpy.{name}" for name in ("bool", "bool_", "float32", "float64", "int32", "int64", "intp", "uint8")),
    *(f"numpy.{name}" for name in ("ndarray", "str_", "uint32", "uint64")),
    "numpy.random._generator.Generator",
    "numpy.random.mtrand.RandomState",
    "sklearn._loss._loss.CyExponentialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.ExponentialLoss",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn.dummy.DummyClassifier",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.preprocessing._label.LabelBinarizer",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.tree._classes.DecisionTreeRegressor",
    "sklearn.tree._classes.ExtraTreeClassifier",
}
_LOADERS = (
    "DTypeNode DictNode JsonNode ListNode LossNode NdArrayNode ObjectNode RandomGeneratorNode RandomStateNode SetNode "
    "SliceNode TreeNode TupleNode TypeNode"
)
LOADERS = frozenset(_LOADERS.split())
"""How skops may make an object; none of these calls a function that the file names."""


def read_skops(content: bytes) -> ClassifierMixin:
    """Open a fitted classifier, or a pipeline of scalers and one.

    Raises
    ------
    BuilderError
        ``ModelUnreadable``, ``ModelTooLarge``, ``UntrustedType`` or ``UnsupportedEstimator``.
    """
    _check_types(_schema(content))
    from skops import io as skops_io

    with (
        refusing(lambda error: unreadable("no skops file that this release of scikit-learn and skops can open", error)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of other versions ``written_by`` tells
        untrusted = set(skops_io.get_untrusted_types(data=content))
        unknown = sorted(untrusted - CHECKED_TYPES)
        estimator: Any = None if unknown else skops_io.loads(content, trusted=sorted(untrusted))
    if unknown:
        raise _untrusted(unknown)
    return _checked(estimator)


def written_by(content: bytes) -> str:
    """Give the version of scikit-learn that wrote a file; empty where the file does not tell.

    scikit-learn only warns of another one, and forgets it.
    """
    for state in _states(_schema(content)):
        told = state.get("content")
        version = told.get("_sklearn_version") if isinstance(told, dict) else None
        if isinstance(version, dict) and isinstance(version.get("content"), str):
            return str(version["content"]).strip('"')[:20]
    return ""


def columns_of(content: bytes) -> tuple[str, ...]:
    """Give the names of the columns that the classifier of a file was fitted on; none where it knows none.

    Raises
    ------
    BuilderError
        As ``read_skops``.
    """
    estimator: Any = read_skops(content)
    first = estimator.steps[0][1] if isinstance(estimator, Pipeline) else estimator
    return tuple(str(name) for name in getattr(first, "feature_names_in_", ()))


def _schema(content: bytes) -> Any:  # noqa: ANN401 (JSON)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > MAX_UNPACKED_BYTES or len(entries) > MAX_ENTRIES:
                raise too_large(unpacked, f"what the skops file unpacks to ({len(entries):,} entries)")
            if archive.getinfo("schema.json").file_size > MAX_SCHEMA_BYTES:
                raise too_large(archive.getinfo("schema.json").file_size, "the skops file's schema.json")
            return json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, NotImplementedError, RecursionError) as error:
        raise unreadable("no whole skops file", error) from None


def _check_types(schema: Any) -> None:  # noqa: ANN401 (JSON)
    found = set()
    for state in _states(schema):
        loader = state.get("__loader__")
        if loader is not None and loader not in LOADERS:
            raise _untrusted([f"the loader {loader}"])
        found.add(f"{state.get('__module__')}.{state['__class__']}")
    unknown = sorted(str(each) for each in found - TYPES)
    if unknown:
        raise _untrusted(unknown)


def _states(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 (JSON)
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "__class__" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _checked(estimator: Any) -> ClassifierMixin:  # noqa: ANN401
    steps = [step for _, step in estimator.steps] if type(estimator) is Pipeline else [estimator]
    for step in steps[:-1]:
        if type(step) not in STEPS:
            raise _unsupported(step)
    if type(steps[-1]) not in CLASSIFIERS:
        raise _unsupported(steps[-1])
    with refusing(lambda error: unreadable("a skops file with an estimator that is not whole, or not fitted", error)):
        check_trees(steps[-1])
    found: ClassifierMixin = estimator
    return found


def _untrusted(types: list[str]) -> BuilderError:
    return BuilderError(
        Reason.UNTRUSTED_TYPE,
        f"the skops file has types that are not taken in: {listed(types)}",
        found=listed(types),
        allowed="estimators of scikit-learn that the documentation lists, and what they are made of",
        remedy="write the fitted classifier alone, without functions, losses or classes of your own",
    )


def _unsupported(estimator: object) -> BuilderError:
    allowed = ", ".join(each.__name__ for each in CLASSIFIERS)
    return BuilderError(
        Reason.UNSUPPORTED_ESTIMATOR,
        f"the skops file holds {shown(type(estimator).__name__)}, which cannot be served",
        found=type(estimator).__name__,
        allowed=f"{allowed}, alone or as the last step of a Pipeline of {', '.join(each.__name__ for each in STEPS)}",
        remedy="export the model as ONNX, and import that",
    )
