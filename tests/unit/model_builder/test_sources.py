"""Data comes from files, S3 and HTTPS; what is missing, forbidden, too large or not the pinned file is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from model_builder.errors import BuilderError, Reason
from model_builder.network import guarded_socket
from model_builder.settings import Settings
from model_builder.sources import LocalData, bring, data_format
from model_builder.spec import Data
from model_builder.uri import locate
from tests.support.builder import ObjectServer, object_server, refused

CONTENT = b"heat,fault\n1,0\n2,1\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def take(folder: Path, uri: str, settings: Settings = Settings(), max_bytes: int = 1000, **more: Any) -> LocalData:  # noqa: B008
    data = Data.model_validate({"uri": uri, **more})
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return bring(data, locate(uri, settings), max_bytes, settings, scratch)


def test_a_file_is_copied_and_hashed(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(CONTENT)
    found = take(tmp_path, str(tmp_path / "rows.csv"), sha256=SHA256)
    assert (found.format, found.sha256, found.bytes) == ("csv", SHA256, len(CONTENT))
    assert found.path.read_bytes() == CONTENT


def test_a_volume_is_read_in_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim" / "rows.csv").write_bytes(CONTENT)
    settings = Settings(in_cluster=True, pvc_root=tmp_path)
    assert take(tmp_path, "pvc://claim/rows.csv", settings).sha256 == SHA256
    with refused(Reason.DATA_NOT_FOUND, "pvc://claim/row.csv", "the folder has rows.csv"):
        take(tmp_path, "pvc://claim/row.csv", settings)
    with refused(Reason.DATA_NOT_FOUND, "no folder gone"):
        take(tmp_path, "pvc://gone/row.csv", settings)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    with refused(Reason.DATA_NOT_FOUND, "is a folder"):
        take(tmp_path, str(tmp_path / "rows.csv"))


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # root may read everything, so this is staged

    monkeypatch.setattr(Path, "open", denied)
    with refused(Reason.DATA_FORBIDDEN, "permission denied"):
        take(tmp_path, str(tmp_path / "rows.csv"))


def test_another_checksum_is_refused_and_both_are_shown(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(CONTENT)
    with refused(Reason.CHECKSUM_MISMATCH, SHA256, "a" * 64):
        take(tmp_path, str(tmp_path / "rows.csv"), sha256="a" * 64)


def test_a_large_file_is_refused_before_it_is_copied(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(bytes(50 << 20))
    with refused(Reason.DATA_TOO_LARGE, "1,000 bytes"):
        take(tmp_path, str(tmp_path / "rows.csv"))
    assert (tmp_path / "scratch" / "data.csv").stat().st_size <= 1000


@pytest.mark.parametrize(
    ("uri", "given", "found"),
    [
        ("a.csv", None, "csv"),
        ("a.PARQUET", None, "parquet"),
        ("a.tsv", None, "csv"),
        ("a", "parquet", "parquet"),
        ("a.csv", "parquet", "parquet"),
    ],
)
def test_format(uri: str, given: str | None, found: str) -> None:
    assert data_format(Data.model_validate({"uri": uri, "format": given}), locate(uri, Settings())) == found


@pytest.mark.parametrize(("uri", "part"), [("a.xlsx", ".xlsx"), ("a.csv.gz", ".gz"), ("a", "no suffix")])
def test_an_unknown_format_is_refused(uri: str, part: str) -> None:
    with refused(Reason.UNKNOWN_FORMAT, part):
        data_format(Data(uri=uri), locate(uri, Settings()))


# -- S3 ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    root = tmp_path_factory.mktemp("s3") / "objects"
    (root / "plant" / "line 1").mkdir(parents=True)
    (root / "plant" / "line 1" / "rows.csv").write_bytes(CONTENT)
    with object_server(root) as server:
        yield server


def secret(folder: Path, **keys: str) -> Path:
    place = folder / "secret"
    place.mkdir()
    for key, value in keys.items():
        (place / key).write_text(value)
    return place


def s3_settings(folder: Path, server: ObjectServer) -> Settings:
    keys = {"accessKeyId": server.access_key, "secretAccessKey": server.secret_key}
    return Settings(credentials=secret(folder, **keys))


def test_an_object_is_fetched(tmp_path: Path, objects: ObjectServer) -> None:
    found = take(tmp_path, "s3://plant/line 1/rows.csv", s3_settings(tmp_path, objects), endpoint=objects.endpoint)
    assert found.sha256 == SHA256


@pytest.mark.parametrize(
    ("uri", "reason", "part"),
    [
        ("s3://plant/line 1/row.csv", Reason.DATA_NOT_FOUND, '"line 1/row.csv"'),
        ("s3://plan/line 1/rows.csv", Reason.BUCKET_NOT_FOUND, '"plan"'),
    ],
)
def test_a_missing_object_or_bucket(tmp_path: Path, objects: ObjectServer, uri: str, reason: Reason, part: str) -> None:
    with refused(reason, part):
        take(tmp_path, uri, s3_settings(tmp_path, objects), endpoint=objects.endpoint)


def test_a_large_object_is_refused(tmp_path: Path, objects: ObjectServer) -> None:
    with refused(Reason.DATA_TOO_LARGE, "5 bytes"):
        take(
            tmp_path,
            "s3://plant/line 1/rows.csv",
            s3_settings(tmp_path, objects),
            max_bytes=5,
            endpoint=objects.endpoint,
        )


def test_wrong_credentials_are_refused(tmp_path: Path, objects: ObjectServer) -> None:
    settings = Settings(credentials=secret(tmp_path, accessKeyId=objects.access_key, secretAccessKey="wrong"))
    with refused(Reason.DATA_FORBIDDEN, "refuses access"):
        take(tmp_path, "s3://plant/line 1/rows.csv", settings, endpoint=objects.endpoint)


def test_no_credentials(tmp_path: Path, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with refused(Reason.CREDENTIALS_MISSING, "no credentials", "secretAccessKey"):
        take(tmp_path, "s3://plant/line 1/rows.csv", Settings(credentials=tmp_path / "x"), endpoint=objects.endpoint)


def test_a_secret_without_a_key_names_it(tmp_path: Path, objects: ObjectServer) -> None:
    settings = Settings(credentials=secret(tmp_path, accessKeyId="x", password="y"))  # noqa: S106
    with refused(Reason.CREDENTIALS_MISSING, "no key secretAccessKey", "keys accessKeyId, password"):
        take(tmp_path, "s3://plant/line 1/rows.csv", settings, endpoint=objects.endpoint)


def test_an_endpoint_that_is_away_may_be_tried_again(tmp_path: Path, objects: ObjectServer) -> None:
    with pytest.raises(BuilderError) as caught:
        take(
            tmp_path,
            "s3://plant/rows.csv",
            s3_settings(tmp_path, objects),
            endpoint=f"http://127.0.0.1:{closed_port()}",
        )
    assert caught.value.reason is Reason.DATA_UNAVAILABLE
    assert caught.value.exit_code == 1


def test_an_endpoint_on_the_pod_itself_is_refused_in_a_cluster(tmp_path: Path, objects: ObjectServer) -> None:
    settings = dataclasses.replace(s3_settings(tmp_path, objects), in_cluster=True)
    with refused(Reason.FORBIDDEN_URI, "127.0.0.1"):
        take(tmp_path, "s3://plant/line 1/rows.csv", settings, endpoint=objects.endpoint)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# -- HTTPS ------------------------------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        port = self.connection.getsockname()[1]
        here, elsewhere = f"https://localhost:{port}", f"https://127.0.0.1:{port}"
        location = {"/moved.csv": f"{here}/rows.csv", "/near.csv": "rows.csv", "/away.csv": f"{elsewhere}/rows.csv"}
        location["/plain.csv"] = "http://localhost:1/rows.csv"
        status = {"/gone.csv": 404, "/closed.csv": 403, "/broken.csv": 500}
        if self.path in location:
            self.send_response(302)
            self.send_header("Location", location[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(status.get(self.path, 200))
        if self.path == "/cut.csv":
            self.send_header("Content-Length", str(len(CONTENT) + 10))
            self.close_connection = True
        elif self.path != "/endless.csv":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/endless.csv":
            self.pour()
        else:
            self.wfile.write(CONTENT)

    def pour(self) -> None:
        # Far more than any limit of these tests, and yet it ends.
        try:
            for _ in range(1000):
                self.wfile.write(bytes(1 << 20))
        except OSError:
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    authority = trustme.CA()
    bundle = tmp_path_factory.mktemp("ca") / "ca.crt"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}", bundle
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("path", ["/rows.csv", "/moved.csv", "/near.csv"])
def test_a_page_is_fetched(tmp_path: Path, https: tuple[str, Path], path: str) -> None:
    url, bundle = https
    assert take(tmp_path, url + path, Settings(ca_bundle=bundle)).sha256 == SHA256


@pytest.mark.parametrize(
    ("path", "reason", "part"),
    [
        ("/gone.csv", Reason.DATA_NOT_FOUND, "status 404"),
        ("/closed.csv", Reason.DATA_FORBIDDEN, "status 403"),
        ("/broken.csv", Reason.DATA_UNAVAILABLE, "500"),
        ("/cut.csv", Reason.DATA_UNAVAILABLE, "failed"),
        ("/away.csv", Reason.FORBIDDEN_URI, "redirects to"),
        ("/plain.csv", Reason.FORBIDDEN_URI, "http://localhost:1"),
        ("/endless.csv", Reason.DATA_TOO_LARGE, "1,000 bytes"),
    ],
)
def test_a_page_that_cannot_be_had(
    tmp_path: Path, https: tuple[str, Path], path: str, reason: Reason, part: str
) -> None:
    url, bundle = https
    with refused(reason, part):
        take(tmp_path, url + path, Settings(ca_bundle=bundle))


def test_a_host_that_nobody_vouches_for_is_refused(tmp_path: Path, https: tuple[str, Path]) -> None:
    with refused(Reason.DATA_UNAVAILABLE, "certificate verify failed"):
        take(tmp_path, https[0] + "/rows.csv")


def test_a_bundle_that_is_none_is_refused(tmp_path: Path, https: tuple[str, Path]) -> None:
    (tmp_path / "ca.crt").write_text("no certificates")
    with refused(Reason.CA_BUNDLE_INVALID, "ca.crt"):
        take(tmp_path, https[0] + "/rows.csv", Settings(ca_bundle=tmp_path / "ca.crt"))


HOSTS = ("localhost", "127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0")  # noqa: S104


@pytest.mark.parametrize("host", HOSTS)
def test_the_pod_and_the_metadata_service_are_out_of_reach_in_a_cluster(
    tmp_path: Path, https: tuple[str, Path], host: str
) -> None:
    port = https[0].rpartition(":")[2]
    with refused(Reason.FORBIDDEN_URI, "must not reach"):
        take(tmp_path, f"https://{host}:{port}/rows.csv", Settings(in_cluster=True))


def test_a_plant_address_is_within_reach() -> None:
    guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.1.2.3", 443))).close()
