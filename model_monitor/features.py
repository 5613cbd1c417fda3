"""What is kept of a row's features, where that is asked for: names and values, some hashed, some left out."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from dataclasses import dataclass

from model_monitor.scoring import Scored


@dataclass(frozen=True)
class FeatureKeeper:
    """Writes rows as JSON objects.

    Attributes
    ----------
    dropped
        Columns that are never kept.
    hashed
        Columns of which only a hash is kept, so that equal values can be told to be equal and nothing else.
    key
        Secret that the hashes are made with: without it, few possible values could all be tried.
    """

    dropped: frozenset[str]
    hashed: frozenset[str]
    key: bytes = b""

    def contents(self, scored: Scored) -> list[bytes]:
        """Give what is kept of each row; a missing number is null."""
        signature = scored.old.model.signature
        numeric = [[None if math.isnan(value) else value for value in row] for row in scored.rows.numeric.tolist()]
        names = (*signature.numeric, *signature.categorical)
        return [
            json.dumps(
                {
                    name: self._hash(name, value) if name in self.hashed else value
                    for name, value in zip(names, (*numbers, *texts), strict=True)
                    if name not in self.dropped
                },
                ensure_ascii=False,
                separators=(",", ":"),
            ).encode()
            for numbers, texts in zip(numeric, scored.rows.categorical.tolist(), strict=True)
        ]

    def _hash(self, name: str, value: float | str | None) -> str:
        return hmac.new(self.key, f"{name}={value!r}".encode(), hashlib.sha256).hexdigest()[:32]
