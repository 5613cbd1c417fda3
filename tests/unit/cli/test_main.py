"""The process as a person starts it: quick help, errors in words, exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
START = "import sys; sys.argv[0] = {name!r}; from andon.cli import main; main()"


def andon(*arguments: str, home: Path, name: str = "andon", start: str = "") -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KUBE")}
    environment |= {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}", "HOME": str(home), "COLUMNS": "200"}
    code = start + START.format(name=name)
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_help_imports_no_client(tmp_path: Path) -> None:
    report = (
        "import atexit, sys\n"
        "heavy = {'kubernetes', 'tritonclient', 'numpy', 'grpc', 'pydantic'}\n"
        "atexit.register(lambda: print('imported', sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
    )
    done = andon("--help", home=tmp_path, start=report)
    assert done.returncode == 0
    assert "predict" in done.stdout
    assert "imported []" in done.stderr


def test_the_kubectl_plugin_names_itself(tmp_path: Path) -> None:
    done = andon("status", "--help", home=tmp_path, name="/usr/local/bin/kubectl-andon")
    assert "Usage: kubectl andon status" in done.stdout


@pytest.mark.parametrize(
    ("kubeconfig", "said"),
    [
        (None, "Error (NoKubeconfig)"),
        (": not yaml {", "Error (NoKubeconfig)"),
        ("[]", "Error (NoKubeconfig)"),
        ("apiVersion: v1\nkind: Config\n", "Error (NoKubeconfig)"),
        (
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
            "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
            "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n",
            "Error (NoConnection): the API server does not answer",
        ),
    ],
    ids=["none", "no-yaml", "a-list", "empty", "nobody-listens"],
)
@pytest.mark.parametrize("command", [("status", "spindle"), ("predict", "spindle", "--row", "x=1")], ids=lambda c: c[0])
def test_no_way_to_the_cluster(tmp_path: Path, kubeconfig: str | None, said: str, command: tuple[str, ...]) -> None:
    if kubeconfig is not None:
        (tmp_path / ".kube").mkdir()
        (tmp_path / ".kube" / "config").write_text(kubeconfig)
    done = andon(*command, home=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "To mend it: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unknown_context(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
    )
    done = andon("status", "x", "--kubeconfig", str(config), "--context", "nowhere", home=tmp_path)
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr
