"""Whose a token is, by the cluster's public keys: for monitors that may not have the API server say it (TokenReview).

Every service account may read these keys (RFC 8414, RFC 7517; `system:service-account-issuer-discovery`), so it takes
no right more. What keys cannot tell is that an account was deleted before its token ended: so none is taken here that
was made to last for longer than a day.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import jwt

KEYS_PATH = "/openid/v1/jwks"
ISSUER_PATH = "/.well-known/openid-configuration"
KEPT_SECONDS = 300.0
RENEWED_SECONDS = 10.0
"""How seldom keys are asked for again because a token names one that is not known: it may be new, or nonsense."""
LONGEST_SECONDS = 24 * 3600 + 60
"""What a token may last, and some room for how clocks are rounded."""

_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
_ACCOUNT = "system:serviceaccount:"

Ask = Callable[[str], Awaitable[Any]]
"""Asks the API server for the JSON document under a path."""


class NoAccountError(Exception):
    """A token is none of a service account of this cluster, or for another audience, or no longer good."""


class Issuer:
    """Knows the keys by which the cluster signs tokens of service accounts.

    Parameters
    ----------
    audience
        Which tokens have to be made for.
    clock
        Monotonic, in seconds.
    """

    def __init__(self, ask: Ask, audience: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._audience = audience
        self._clock = clock
        self._name = ""
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked: float | None = None

    async def account(self, token: str) -> tuple[str, tuple[str, ...]]:
        """Give the name and the groups of the service account that a token was made for.

        Raises
        ------
        NoAccountError
            With a reason that holds nothing of the token.
        Exception
            Whatever keeps the API server from being asked for its keys.
        """
        if self._asked is None or self._clock() - self._asked >= KEPT_SECONDS:
            await self._renew()
        try:
            number = str(jwt.get_unverified_header(token).get("kid", ""))
        except jwt.PyJWTError as error:
            raise NoAccountError(type(error).__name__) from None
        if number not in self._keys and self._clock() - (self._asked or 0) >= RENEWED_SECONDS:
            await self._renew()
        if number not in self._keys:
            raise NoAccountError("it is signed with no key of this cluster")
        key = self._keys[number]
        try:
            told = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._name,
                options={"require": ["exp", "iat", "iss", "sub", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise NoAccountError(type(error).__name__) from None
        if told["exp"] - told["iat"] > LONGEST_SECONDS:
            raise NoAccountError("it was made to last for longer than a day")
        return _account(str(told["sub"]))

    async def _renew(self) -> None:
        name, keys = str((await self._ask(ISSUER_PATH))["issuer"]), {}
        for one in (await self._ask(KEYS_PATH))["keys"]:
            try:
                keys[str(one.get("kid", ""))] = jwt.PyJWK.from_json(json.dumps(one))
            except jwt.PyJWTError:  # of a kind that nothing here is signed with
                continue
        self._name, self._keys, self._asked = name, keys, self._clock()


def _account(subject: str) -> tuple[str, tuple[str, ...]]:
    namespace, _, name = subject.removeprefix(_ACCOUNT).partition(":")
    if not subject.startswith(_ACCOUNT) or not namespace or not name:
        raise NoAccountError("it is of no service account")
    return subject, ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
