"""What an exporter is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model_builder.categories import Category
from model_builder.compression.ensemble import Ensemble
from model_builder.errors import BuilderError, Reason
from model_builder.exports.network import Network
from model_builder.report import Signature


@dataclass(frozen=True, eq=False)
class Source:
    """A model in the builder's own form.

    Attributes
    ----------
    name
        Name of the model, a DNS label.
    signature, categories
        Columns, classes and threshold; the texts that the model knows.
    ensemble
        The trees, or the layers, over the columns of ``categories.Rows.matrix``.
    """

    name: str
    signature: Signature
    categories: tuple[Category, ...]
    ensemble: Ensemble | Network

    def __post_init__(self) -> None:
        """Refuse a signature of another model."""
        width = len(self.signature.numeric) + sum(len(each.values) for each in self.categories)
        outputs = 1 if self.signature.threshold is not None else len(self.signature.classes)
        if width != self.ensemble.features or outputs != self.ensemble.outputs:
            raise ValueError("the signature is of another model: it has other columns or classes")


@dataclass(frozen=True)
class Written:
    """Files by name, and what is worth telling of them.

    Attributes
    ----------
    detail
        One line for the report: how the model is laid out.
    bytes
        What a device must hold: the whole file, of C the tables.
    """

    files: Mapping[str, bytes]
    detail: str
    bytes: int


def unsupported(what: str, found: str, allowed: str, remedy: str) -> BuilderError:
    """Describe a model that an export cannot hold."""
    return BuilderError(Reason.EXPORT_UNSUPPORTED, what, found=found, allowed=allowed, remedy=remedy)
