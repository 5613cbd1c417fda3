"""Writing PromQL and alert templates so that a value stays a value, whatever is in it."""

import json
from collections.abc import Mapping

_TEMPLATE_OPENS = "{{"
_OPENS_AS_TEXT = '{{ "{{" }}'


def quoted(value: str) -> str:
    r"""Quote a string for PromQL, whose double-quoted strings follow Go's.

    JSON's form is one of Go's too, but for characters beyond the basic plane, which JSON may write as two surrogates;
    so those stay as they are. A lone surrogate is no text and becomes the replacement character.
    """
    text = value.encode("utf-8", errors="replace").decode("utf-8")
    return json.dumps(text, ensure_ascii=False)


def selector(*matchers: str, **labels: str) -> str:
    """Write a selector: equalities first, then matchers that are written out already, such as ``reason!="x"``."""
    return "{" + ",".join([*(f"{name}={quoted(value)}" for name, value in labels.items()), *matchers]) + "}"


def template_text(text: str) -> str:
    """Write text for an annotation or a label of an alert, where Prometheus would take ``{{`` for a template."""
    return text.replace(_TEMPLATE_OPENS, _OPENS_AS_TEXT)


def template_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Write the labels of a rule so that none of their values is taken for a template."""
    return {name: template_text(value) for name, value in labels.items()}


def or_zero(expression: str) -> str:
    """Take what was never counted for nothing; only for sums without labels."""
    return f"({expression} or vector(0))"
