"""The same bytes from a Dask cluster of real processes, also when one of them dies in the middle."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from model_builder.build import build
from model_builder.compression.candidates import Family, Variant
from model_builder.compression.search import Budget, Progress, Search
from model_builder.compute import dask_cluster as adapter
from model_builder.compute import kinship
from model_builder.compute.dask_cluster import DaskCluster, connected
from model_builder.compute.local import LOCAL
from model_builder.errors import Reason
from model_builder.progress import Silent
from model_builder.report import Signature
from model_builder.spec import BuildSpec
from tests.support.builder import fault_csv, local, refused, spec
from tests.support.dask_cluster import (
    Processes,
    broken,
    column_sum,
    dask_cluster,
    doubled,
    held,
    refusing,
    wait_for,
    whereabouts,
)

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as running:
        yield running


@pytest.fixture
def cluster(processes: Processes) -> Iterator[DaskCluster]:
    while sum(each.poll() is None for each in processes.workers) < 2:
        processes.join()
    with connected(processes.address) as found:
        wait_for(lambda: found.workers() == 2, "two workers")
        yield found


def test_results_come_in_order_from_both_workers_and_are_counted(cluster: DaskCluster) -> None:
    told: list[int] = []
    assert list(cluster.map(doubled, 7, range(9), told.append)) == list(LOCAL.map(doubled, 7, range(9)))
    assert told == sorted(told)
    assert told[-1] == 9
    assert len(set(cluster.map(whereabouts, 0, range(8)))) == 2


def test_nothing_is_done_in_this_process_though_there_is_one_worker_only(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=1) as one, connected(one.address) as cluster:
        assert set(cluster.map(whereabouts, 0, range(3))) == {one.workers[0].pid}


def test_arrays_come_along_so_that_sums_have_the_same_last_bit(cluster: DaskCluster) -> None:
    rows = np.random.RandomState(0).random_sample((20_000, 8))
    sums = list(cluster.map(column_sum, rows, range(4)))
    np.testing.assert_array_equal(sums, [rows[:, column].sum() for column in range(4)])


def test_what_a_task_raises_comes_through(cluster: DaskCluster) -> None:
    with pytest.raises(ValueError, match="oh"):
        list(cluster.map(broken, "oh", range(2)))
    with refused(Reason.ONE_CLASS, "no classes"):
        list(cluster.map(refusing, "no classes", range(1)))


def test_a_worker_that_is_killed_at_its_task_loses_nothing(
    cluster: DaskCluster, processes: Processes, tmp_path: Path
) -> None:
    def kill() -> None:
        wait_for(lambda: len(list(tmp_path.iterdir())) >= 2, "two workers at work")
        by_pid = {each.pid: each for each in processes.workers}
        victim = by_pid[int(next(tmp_path.iterdir()).name.split("-")[1])]
        processes.kill(victim)
        (tmp_path / "go").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    found = list(cluster.map(held, str(tmp_path), range(6)))
    killer.join()
    assert found == list(range(6))
    assert sum(each.poll() is None for each in processes.workers) == 1
    tried = [path.name.split("-")[0] for path in tmp_path.iterdir() if path.name != "go"]
    assert len(tried) == 7, "the task of the worker that died was done once more"


def search(told: Any = None, compute: Any = LOCAL) -> Search:
    random = np.random.RandomState(3)
    rows = random.normal(size=(400, 3)).astype(np.float32)
    codes = (rows[:, 0] + rows[:, 1] + random.normal(0, 0.4, 400) > 0.4).astype(np.int64)
    forest = RandomForestClassifier(8, random_state=1, n_jobs=-1).fit(rows, codes)
    variants = tuple(Variant(count, 0.003, 8, greedy=True) for count in (2, 4, 8))
    tried = (Family("forest", None, variants),)
    signature = Signature.of(("a", "b", "c"), ("0", "1"), 0.5)
    budget = Budget(max_loss=0.05)
    return Search(
        forest, rows, codes, signature, budget=budget, tried=tried, repeats=1, on_progress=told, compute=compute
    )


def test_a_search_finds_the_same_when_a_worker_dies_in_the_middle(cluster: DaskCluster, processes: Processes) -> None:
    seen: list[Progress] = []

    def told(progress: Progress) -> None:
        seen.append(progress)
        alive = [each for each in processes.workers if each.poll() is None]
        if progress.done >= 3 and len(alive) == 2:
            processes.kill(alive[0])

    found = search(told, cluster).run()
    assert sum(each.poll() is None for each in processes.workers) == 1
    assert found == search().run()
    assert [each.done for each in seen] == sorted(each.done for each in seen)
    assert seen[-1].done == seen[-1].total == 10


def test_a_build_has_the_same_bytes(cluster: DaskCluster, processes: Processes, tmp_path: Path) -> None:
    assert cluster.workers() == 2
    data = fault_csv(rows=400)
    asked = spec(estimators=["decisionTree", "logisticRegression"], params={}).model_dump(mode="json", by_alias=True)
    digests = []
    for name, compute in (("here", {}), ("there", {"engine": "dask", "address": processes.address})):
        (tmp_path / name).mkdir()
        wanted = BuildSpec.model_validate({**asked, "compute": compute})
        done = build(wanted, local(tmp_path / name, data), tmp_path / name / "out", Silent())
        digests.append((done.artifact.digest, done.report.build_inputs_digest))
    assert digests[0] == digests[1]


def test_other_versions_are_told(cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    here = {**kinship.kin(), "numpy": "0.1"}
    monkeypatch.setattr(adapter, "kin", lambda: here)
    with refused(Reason.COMPUTE_DIFFERS, "numpy", "instead of 0.1"):
        list(cluster.map(doubled, 1, range(2)))


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "CONNECT_SECONDS", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with refused(Reason.COMPUTE_UNREACHABLE, address), connected(address):
        pass


def test_a_scheduler_without_workers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dask_cluster(tmp_path, workers=0) as alone:
        monkeypatch.setattr(adapter, "WORKER_SECONDS", 0.3)
        with refused(Reason.COMPUTE_UNREACHABLE, "no worker"), connected(alone.address):
            pass


def test_a_cluster_that_dies_in_the_middle_is_told(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=1) as doomed, connected(doomed.address) as cluster:
        work = tmp_path / "work"
        work.mkdir()

        def end() -> None:
            wait_for(lambda: any(work.iterdir()), "a worker at work")
            doomed.end()

        ender = threading.Thread(target=end)
        ender.start()
        with refused(Reason.COMPUTE_FAILED, "lost"):
            list(cluster.map(held, str(work), range(2)))
        ender.join()


def test_workers_that_never_come_back_are_told(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, workers=1) as doomed, connected(doomed.address) as cluster:
        impatient = DaskCluster(cluster.client, doomed.address, lonely_s=0.5)
        work = tmp_path / "work"
        work.mkdir()

        def end() -> None:
            wait_for(lambda: any(work.iterdir()), "a worker at work")
            doomed.kill(doomed.workers[0])

        ender = threading.Thread(target=end)
        ender.start()
        with refused(Reason.COMPUTE_FAILED, "no worker for 0.5 s"):
            list(impatient.map(held, str(work), range(2)))
        ender.join()
