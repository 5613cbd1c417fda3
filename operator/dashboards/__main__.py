"""`python -m dashboards FOLDER`: write all dashboards below the repository's root."""

import sys
from pathlib import Path

from dashboards.faultmodel import faultmodel
from dashboards.operator import operator


def files() -> dict[str, str]:
    """Give each dashboard by its place in the repository."""
    return {
        "operator/andon/desired/faultmodel-dashboard.json": faultmodel(),
        "charts/andon/files/dashboards/operator.json": operator(),
    }


if __name__ == "__main__":
    for place, content in files().items():
        path = Path(sys.argv[1]) / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
