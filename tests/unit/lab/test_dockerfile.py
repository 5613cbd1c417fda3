"""What a Dockerfile copies is found in it."""

from lab import dockerfile

TEXT = """\
# COPY not/this .
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE_IMAGE} AS build
COPY pyproject.toml ./
RUN set -eu; \\
    # a comment between
    echo COPY neither/this .; \\
    true
COPY --chown=65532:65532 operator/andon \\
     model_builder /opt/
ADD ["with blank/x", "/y"]
FROM ${BASE_IMAGE}
COPY --from=build /opt/venv /opt/venv
"""


def test_sources_of_the_context_only() -> None:
    assert dockerfile.copied(TEXT) == ["model_builder", "operator/andon", "pyproject.toml", "with blank/x"]


def test_base() -> None:
    assert dockerfile.uses_base(TEXT)
    assert not dockerfile.uses_base("FROM scratch\nCOPY pause /pause\n")
