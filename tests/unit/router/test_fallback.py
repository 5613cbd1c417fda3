"""A candidate that dies costs no request: real Envoy with the operator's files, a real process that is killed."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from andon.core.observed import Route
from andon.desired.envoy_routes import Forwarding
from tests.support.envoy import INFER, Backend, Router, process, router
from tests.support.kubectl import eventually

CANARY = Forwarding(Route.of({1: 40, 2: 60}), 1)
ENOUGH = 150

Ask = Callable[[], str]
"""Asks once and says which version answered; raises where none did."""


class Client(threading.Thread):
    """Asks without pause and counts who answers and what fails."""

    def __init__(self, name: str, open_client: Callable[[Router], Iterator[Ask]], envoy: Router) -> None:
        super().__init__(name=name, daemon=True)
        self.versions: Counter[str] = Counter()
        self.failures: list[str] = []
        self._ends = threading.Event()
        self._open, self._envoy = contextmanager(open_client), envoy

    def run(self) -> None:
        with self._open(self._envoy) as ask:
            while not self._ends.is_set():
                try:
                    self.versions[ask()] += 1
                except Exception as error:  # noqa: BLE001  whatever it is, it is a request that failed
                    self.failures.append(repr(error)[:300])

    def end(self) -> None:
        self._ends.set()
        self.join(30)


def _http_new(envoy: Router) -> Iterator[Ask]:
    def ask() -> str:
        answer = envoy.post()
        assert answer.status == 200, answer
        return answer.version

    yield ask


def _http_kept(envoy: Router) -> Iterator[Ask]:
    connection = HTTPConnection("127.0.0.1", envoy.port("http"), timeout=30)

    def ask() -> str:
        connection.request("POST", INFER, b"{}")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        return answer.getheader("x-andon-version", "")

    yield ask
    connection.close()


def _grpc_new(envoy: Router) -> Iterator[Ask]:
    yield lambda: envoy.call().version


def _grpc_kept(envoy: Router) -> Iterator[Ask]:
    with envoy.channel() as infer:

        def ask() -> str:
            _, call = infer.with_call(b"", timeout=30)
            return str(next(item.value for item in call.initial_metadata() if item.key == "x-andon-version"))

        yield ask


CLIENTS = (_http_new, _http_kept, _grpc_new, _grpc_kept)


@contextmanager
def _load(envoy: Router) -> Iterator[list[Client]]:
    clients = [Client(one.__name__.strip("_"), one, envoy) for one in CLIENTS]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.end()


def _more(clients: list[Client], count: int = ENOUGH) -> list[Counter[str]]:
    """Wait until every client had so many more answers; give them."""
    before = [Counter(client.versions) for client in clients]
    pairs = list(zip(clients, before, strict=True))
    eventually(
        lambda: all(client.versions.total() - counted.total() >= count for client, counted in pairs), 90, "answers"
    )
    return [client.versions - counted for client, counted in pairs]


def test_a_candidate_that_is_killed_costs_no_request(tmp_path: Path, backends: dict[str, Backend]) -> None:
    with process() as candidate, router(tmp_path, CANARY, {**backends, "v2": candidate}) as envoy:
        with _load(envoy) as clients:
            assert all(set(counted) == {"1", "2"} for counted in _more(clients)), "both answer"
            candidate.kill()
            _more(clients, 20)  # what was under way
            assert all(set(counted) == {"1"} for counted in _more(clients)), "the stable version answers all"
        assert {client.name: client.failures for client in clients} == {client.name: [] for client in clients}


def test_a_candidate_that_never_listened_costs_no_request(tmp_path: Path, backends: dict[str, Backend]) -> None:
    backends["v2"].stop()
    with router(tmp_path, CANARY, backends) as envoy, _load(envoy) as clients:
        assert all(set(counted) == {"1"} for counted in _more(clients, 60))
    assert [client.failures for client in clients] == [[]] * len(CLIENTS)


def test_many_at_once_find_the_stable_version(tmp_path: Path, backends: dict[str, Backend]) -> None:
    backends["v2"].stop()
    nearly_all = Forwarding(Route.of({1: 1, 2: 99}), 1)
    with router(tmp_path, nearly_all, backends) as envoy, ThreadPoolExecutor(48) as pool:
        answers = Counter((one.status, one.version) for one in pool.map(lambda _: envoy.post(), range(960)))
    assert set(answers) == {(200, "1")}, answers


@pytest.mark.parametrize("size", [2, 900_000, 7_000_000], ids=["small", "within a buffer", "beyond a buffer"])
def test_a_large_request_finds_the_stable_version_too(tmp_path: Path, backends: dict[str, Backend], size: int) -> None:
    backends["v2"].stop()
    with router(tmp_path, Forwarding(Route.of({1: 1, 2: 99}), 1), backends) as envoy:
        answers = [envoy.post(body=b"x" * size) for _ in range(12)]
    assert {(one.status, one.version) for one in answers} == {(200, "1")}
    assert {len(got.body) for got in backends["v1"].got} == {size}


def test_a_candidate_that_comes_back_is_asked_again(tmp_path: Path, backends: dict[str, Backend]) -> None:
    backends["v2"].stop()
    with router(tmp_path, CANARY, backends) as envoy:
        assert {envoy.post().version for _ in range(20)} == {"1"}
        backends["v2"].start()
        eventually(lambda: envoy.post().version == "2", 60, "an answer of version 2")


def test_a_version_that_dies_while_it_is_watched_costs_no_request(tmp_path: Path, backends: dict[str, Backend]) -> None:
    watched = Forwarding(Route.of({1: 0, 2: 100}), 2, former=1, standby=1)
    with process() as promoted, router(tmp_path, watched, {**backends, "v2": promoted}) as envoy:
        with _load(envoy) as clients:
            assert all(set(counted) == {"2"} for counted in _more(clients, 40))
            promoted.kill()
            _more(clients, 20)  # what was under way
            assert all(set(counted) == {"1"} for counted in _more(clients, 40))
        assert [client.failures for client in clients] == [[]] * len(CLIENTS)


@pytest.mark.parametrize("weight", [0, 50])
def test_nobody_falls_back_to_a_candidate(tmp_path: Path, backends: dict[str, Backend], weight: int) -> None:
    backends["v1"].stop()
    with router(tmp_path, Forwarding(Route.of({1: 100 - weight, 2: weight}), 1), backends) as envoy:
        statuses = Counter((answer.status, answer.version) for answer in (envoy.post() for _ in range(60)))
    assert set(statuses) == {(503, "1"), *([(200, "2")] if weight else [])}
    assert len(backends["v2"].got) == statuses[200, "2"]


def test_an_answer_of_a_candidate_is_its_own_even_where_it_is_an_error(
    tmp_path: Path, backends: dict[str, Backend]
) -> None:
    backends["v2"].status = 500
    with router(tmp_path, CANARY, backends) as envoy:
        answers = list(itertools.islice(((one.status, one.version) for one in iter(envoy.post, None)), 200))
    assert set(answers) == {(200, "1"), (500, "2")}
    assert answers.count((500, "2")) > 60, "a server that answers stays in the line, whatever it answers"
