"""What Envoy and Triton say of their counts, and servers on loopback that say it."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# As Envoy 1.40 wrote it after 200 requests, of which 40% were meant for version 2, each copied to version 3.
ENVOY = """\
# TYPE envoy_cluster_upstream_rq_completed counter
envoy_cluster_upstream_rq_completed{envoy_cluster_name="v1-http"} 124
envoy_cluster_upstream_rq_completed{envoy_cluster_name="v2-http"} 0
envoy_cluster_upstream_rq_completed{envoy_cluster_name="v2-http-else-v1"} 76
envoy_cluster_upstream_rq_completed{envoy_cluster_name="v3-http"} 200

# TYPE envoy_cluster_upstream_rq_retry counter
envoy_cluster_upstream_rq_retry{envoy_cluster_name="v1-http"} 0
envoy_cluster_upstream_rq_retry{envoy_cluster_name="v2-http-else-v1"} 3

# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{envoy_cluster_name="v1-http"} 124
envoy_cluster_upstream_rq_total{envoy_cluster_name="v2-http"} 76
envoy_cluster_upstream_rq_total{envoy_cluster_name="v2-http-else-v1"} 0
envoy_cluster_upstream_rq_total{envoy_cluster_name="v3-http"} 200

# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="v1-http"} 124
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="v2-http-else-v1"} 69
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="v2-http-else-v1"} 7
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="v3-http"} 34

# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="10"} 0
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="25"} 40
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="50"} 40
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="100"} 76
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="+Inf"} 76
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="v2-http-else-v1"} 3123.3756581450807
envoy_cluster_upstream_rq_time_count{envoy_cluster_name="v2-http-else-v1"} 76
"""
TRITON = """\
# HELP nv_inference_request_success Number of successful inference requests, all batch sizes
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="spindle",version="2"} 70
# HELP nv_inference_request_failure Number of failed inference requests, all batch sizes
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="spindle",reason="BACKEND",version="2"} 6
nv_inference_request_failure{model="spindle",reason="CANCELED",version="2"} 9
nv_inference_request_failure{model="spindle",reason="OTHER",version="2"} 1
"""


@contextlib.contextmanager
def answering(answers: dict[str, tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Serve fixed answers by path on loopback; give the port and the list of what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, text = answers.get(urlsplit(self.path).path, (404, ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815  the library finds it by this name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the signature is the library's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
