"""Prometheus' own tools, so that what we write is judged by what reads it."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lab import prometheus
from lab.paths import Paths

Case = dict[str, Any]


@cache
def program(name: str) -> str:
    """Path of one of `lab.prometheus.PROGRAMS`."""
    return str(prometheus.ensure(Paths.from_environment()) / name)


def check_rules(folder: Path, groups: list[dict[str, Any]]) -> str:
    """Have rules checked, templates and all.

    Returns
    -------
    str
        What promtool complains of; empty where it does not.
    """
    done = _promtool("check", "rules", str(write_rules(folder, groups)))
    return "" if done.returncode == 0 else done.stdout + done.stderr


def run_tests(folder: Path, groups: list[dict[str, Any]], tests: list[Case]) -> str:
    """Run promtool's unit tests of rules; give what failed."""
    rules = write_rules(folder, groups)
    document = {"rule_files": [rules.name], "evaluation_interval": "1m", "tests": tests}
    cases = folder / "tests.yaml"
    cases.write_text(json.dumps(document))
    done = _promtool("test", "rules", str(cases))
    return "" if done.returncode == 0 else done.stdout + done.stderr


def write_rules(folder: Path, groups: list[dict[str, Any]]) -> Path:
    """Write groups as a rule file."""
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}))
    return path


def _promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("promtool"), *words], capture_output=True, text=True, check=False)


def check_config(folder: Path, text: str) -> str:
    """Have a configuration checked; give what promtool complains of."""
    path = folder / "prometheus.yaml"
    path.write_text(text)
    done = _promtool("check", "config", "--syntax-only", str(path))
    return "" if done.returncode == 0 else done.stdout + done.stderr
