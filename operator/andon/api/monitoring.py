"""`spec.monitoring`: what is watched of a model that serves."""

from pydantic import Field

from model_builder.spec import Spec


class Monitoring(Spec):
    """What is watched of a model that serves."""

    enabled: bool = Field(
        default=False,
        description=(
            "Send a copy of each request to the monitor of the namespace, which scores it with the version that serves"
            " and with the one on trial, and takes labels. It answers no client and holds none up."
        ),
    )
