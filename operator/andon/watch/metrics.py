"""What the operator says of itself on /metrics."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("andon_reconciles", "Reconciles by how they ended.", ["result"])
ERRORS = Counter("andon_reconcile_errors", "Failed reconciles by reason.", ["reason"])
DURATION = Histogram(
    "andon_reconcile_duration_seconds",
    "How long a reconcile took.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUE_DEPTH = Gauge("andon_queue_depth", "FaultModels that wait to be looked at.")
WATCH_EVENTS = Counter("andon_watch_events", "Watch events by kind.", ["kind"])
WATCH_SEEN = Gauge(
    "andon_watch_last_event_timestamp_seconds", "When a watch last told of something, by kind.", ["kind"]
)
RESYNC_MISSED = Gauge(
    "andon_resync_missed_objects", "Objects whose last change no watch event has told, by kind.", ["kind"]
)
MISSING_RIGHTS = Gauge(
    "andon_missing_rights", "1 for a right that the operator lacks.", ["group", "resource", "verb", "scope"]
)
LEADER = Gauge("andon_leader", "1 while this process leads.")
