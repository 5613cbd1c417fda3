"""A new baseline, asked of a real server on loopback that says what the monitor does."""

import json

import pytest

from andon.cli.errors import CliError
from andon.cli.rebaseline import rebaseline, told
from tests.unit.cli.test_labels import monitor

BEGUN = {
    "model": "spindle",
    "learning": 2000,
    "renewal": {"reason": "bearing", "by": "system:serviceaccount:press-shop:default"},
}


def test_the_reason_is_sent_with_the_token() -> None:
    with monitor(200, BEGUN) as (base, asked):
        document = rebaseline(base, "spindle", " spindle bearing replaced ", "secret")
    assert asked[0]["path"] == "/v1/models/spindle/baseline"
    assert asked[0]["headers"]["Authorization"] == "Bearer secret"
    assert json.loads(asked[0]["body"]) == {"reason": "spindle bearing replaced"}
    assert told(document, "spindle") == (
        "The inputs of spindle are compared with the next 2,000 rows; until these are there, drift is not known."
        " Kept with the reason, for system:serviceaccount:press-shop:default."
    )
    assert told({}, "spindle").startswith("The inputs of spindle are compared with the rows that come from now on")


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_without_a_reason_nothing_is_sent(reason: str) -> None:
    with monitor(200, BEGUN) as (base, asked), pytest.raises(CliError) as caught:
        rebaseline(base, "spindle", reason, "secret")
    assert (caught.value.reason, asked) == ("NoReason", [])


def test_what_the_monitor_refuses_is_told_in_its_words() -> None:
    refused = {"reason": "UnknownModel", "message": "no request to this model was seen"}
    with monitor(404, refused) as (base, _), pytest.raises(CliError, match="no request to this model") as caught:
        rebaseline(base, "spindle", "bearing", "secret")
    assert caught.value.reason == "UnknownModel"
