"""Whose a token is, by the cluster's public keys."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from model_monitor.issuer import ISSUER_PATH, KEPT_SECONDS, KEYS_PATH, RENEWED_SECONDS, Issuer, NoAccountError

NAME = "https://kubernetes.default.svc"
SUBJECT = "system:serviceaccount:press-shop:line"


class Cluster:
    """Signs tokens, and tells its keys."""

    def __init__(self) -> None:
        self.keys = {"first": ec.generate_private_key(ec.SECP256R1())}
        self.asked: list[str] = []

    async def ask(self, path: str) -> Any:
        self.asked.append(path)
        if path == ISSUER_PATH:
            return {"issuer": NAME, "jwks_uri": "https://elsewhere.example/keys"}
        assert path == KEYS_PATH
        made = []
        for number, key in self.keys.items():
            told = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
            made.append({**told, "kid": number, "use": "sig", "alg": "ES256"})
        return {"keys": [{"kty": "new kind", "kid": "other"}, *made]}

    def token(self, number: str = "first", **more: Any) -> str:
        now = int(time.time())
        claims = {"iss": NAME, "sub": SUBJECT, "aud": ["andon-labels"], "iat": now, "exp": now + 3600, **more}
        key = self.keys.get(number) or ec.generate_private_key(ec.SECP256R1())
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(given, key, algorithm="ES256", headers={"kid": number})


async def test_a_token_of_a_service_account_is_known_by_its_signature() -> None:
    cluster = Cluster()
    issuer = Issuer(cluster.ask, "andon-labels", lambda: 0.0)
    for _ in range(3):
        name, groups = await issuer.account(cluster.token())
        assert (name, "system:serviceaccounts:press-shop" in groups) == (SUBJECT, True)
    assert cluster.asked == [ISSUER_PATH, KEYS_PATH]


NOW = int(time.time())


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": ["another"]},
        {"aud": None},
        {"iss": "https://another.example"},
        {"exp": NOW - 1},
        {"exp": None},
        {"exp": NOW + 48 * 3600},
        {"iat": None},
        {"nbf": NOW + 600},
        {"sub": "system:node:one"},
        {"sub": "system:serviceaccount:press-shop"},
        {"sub": "system:serviceaccount::line"},
        {"number": "of nobody"},
    ],
    ids=str,
)
async def test_others_are_refused(wrong: dict[str, Any]) -> None:
    cluster = Cluster()
    with pytest.raises(NoAccountError):
        await Issuer(cluster.ask, "andon-labels").account(cluster.token(**wrong))


async def test_no_trick_with_the_signature_helps() -> None:
    cluster, other = Cluster(), Cluster()
    issuer = Issuer(cluster.ask, "andon-labels")
    good = cluster.token()
    claims = jwt.decode(good, options={"verify_signature": False})
    shared = "a secret of thirty-two bytes or more"
    tricks = {
        "another's key": other.token(),
        "no signature": jwt.encode(claims, "", algorithm="none", headers={"kid": "first"}),
        "a shared secret": jwt.encode(claims, shared, algorithm="HS256", headers={"kid": "first"}),
        "cut": good[:-8],
        "nonsense": "nonsense",
        "empty": "..",
    }
    taken = []
    for trick, token in tricks.items():
        with contextlib.suppress(NoAccountError):
            taken.append((trick, await issuer.account(token)))
    assert taken == []


async def test_new_keys_are_found_and_old_ones_forgotten() -> None:
    cluster, now = Cluster(), [0.0]
    issuer = Issuer(cluster.ask, "andon-labels", lambda: now[0])
    old = cluster.token()
    await issuer.account(old)
    cluster.keys = {"second": ec.generate_private_key(ec.SECP256R1())}
    with pytest.raises(NoAccountError):
        await issuer.account(cluster.token("second"))
    assert len(cluster.asked) == 2, "who sends nonsense does not make the API server busy"
    now[0] = RENEWED_SECONDS
    assert (await issuer.account(cluster.token("second")))[0] == SUBJECT
    cluster.keys = {}
    now[0] += KEPT_SECONDS
    with pytest.raises(NoAccountError):
        await issuer.account(old)
