"""The journeys of the canary: what a visitor and a member look at, and the whole life of a quest."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from services.canary.srp import Exchange
from services.canary.web import UnexpectedError, Web
from services.core.domain.ledger import Kind, State
from services.core.domain.quests import Role, Status
from services.core.live import Breaker
from services.core.names import BOARD_KEY, SYNTHETIC_MEMBERS
from services.core.routes import BASE_PATH, HEALTH_PATH
from services.core.settings import CanarySettings
from services.core.telemetry import Log

PAID_WITHIN: Final = 90.0
"""Seconds after which an hourly quest's reward should be there; the promise to members is longer."""
_PAUSE: Final = 1.0
_TARGET: Final = "AWSCognitoIdentityProviderService"
_DRAFT: Final = {
    "title": "Canary: the platform tries itself",
    "description": "Made by the canary once an hour. Nobody else sees it.",
    "category": "technical",
}
Json = dict[str, Any]


class Outcome(NamedTuple):
    """A step's outcome; `problem` is empty for one that passed."""

    step: str
    problem: str
    milliseconds: float


@dataclass
class Journey:
    """One run. Each step is a method that raises UnexpectedError."""

    settings: CanarySettings
    password: Callable[[], str]
    log: Log
    sleep: Callable[[float], None] = time.sleep
    site: Web = field(init=False)
    cognito: Web = field(init=False)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.site, self.cognito = Web(self.settings.site_url), Web(self.settings.cognito_endpoint)

    def look(self, position: Breaker) -> list[Outcome]:
        """The pages of a visitor and a member; those that are left of an API that operators took down."""
        steps: list[tuple[str, Callable[[], None]]] = [("page", self.page), ("board", self.board)]
        if position is not Breaker.DOWN:
            reader = SYNTHETIC_MEMBERS[0]
            steps += [
                ("health", self.health),
                ("sign-in", lambda: self.sign_in(reader)),
                ("reads", lambda: self.reads(reader)),
            ]
        return [self._timed(name, step) for name, step in steps]

    def play_quest(self) -> Outcome:
        """The whole life of a quest by both members, from the post to the paid reward."""
        return self._timed("life", self._play_quest)

    def page(self) -> None:
        """The home page and the app's configuration."""
        if b"<script" not in self.site.ask("GET", "/").body:
            raise UnexpectedError("the home page has no script")
        found = self.site.ask("GET", "/config.json").json()
        if found.get("userPoolId") != self.settings.cognito_user_pool_id:
            raise UnexpectedError("config.json names another user pool")

    def board(self) -> None:
        """The published board."""
        if "cards" not in self.site.ask("GET", f"/{BOARD_KEY}").json():
            raise UnexpectedError("the board has no cards")

    def health(self) -> None:
        """The API, of this stage."""
        found = self.site.ask("GET", HEALTH_PATH).json()
        if found.get("stage") != self.settings.stage:
            raise UnexpectedError(f"the API is that of stage {found.get('stage')}")

    def sign_in(self, address: str) -> None:
        """Sign a member in by SRP, as the app does."""
        exchange = Exchange(self.settings.cognito_user_pool_id, self.password())
        client = {"ClientId": self.settings.cognito_app_client_id}
        parameters = {"USERNAME": address, "SRP_A": exchange.public}
        challenge = self._cognito("InitiateAuth", {**client, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": parameters})
        answers = exchange.answer(challenge["ChallengeParameters"], datetime.now(UTC))
        signed = self._cognito(
            "RespondToAuthChallenge",
            {**client, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": answers},
        )
        self.tokens[address] = signed["AuthenticationResult"]["AccessToken"]

    def reads(self, address: str) -> None:
        """The first reads of a member's app."""
        for path in ("/me", "/me/turn", "/me/inbox", f"/me/quests?role={Role.PERFORMER}"):
            self._call(address, "GET", path)

    def _play_quest(self) -> None:
        for address in SYNTHETIC_MEMBERS:
            if address not in self.tokens:
                self.sign_in(address)
        points = {address: self._call(address, "GET", "/me")["points"] for address in SYNTHETIC_MEMBERS}
        # A performer gains two points and a requestor pays one: by turns both have enough.
        requestor, performer = sorted(SYNTHETIC_MEMBERS, key=lambda address: points[address], reverse=True)
        for member, other in ((requestor, performer), (performer, requestor)):
            self._tidy(member, other)
        key = {"Idempotency-Key": uuid.uuid4().hex}
        quest = f"/quests/{self._call(requestor, 'POST', '/quests', _DRAFT, key)['questId']}"
        self._call(performer, "POST", f"{quest}/claim", {})
        self._call(performer, "POST", f"{quest}/submit", {"submission": "Done, as asked for."})
        ended = self._call(requestor, "POST", f"{quest}/attest", {})
        if ended["status"] != Status.COMPLETE:
            raise UnexpectedError(f"the quest is {ended['status']} after both attested")
        self._await_payment(performer, str(ended["questId"]))

    def _tidy(self, requestor: str, performer: str) -> None:
        """End what an interrupted run left."""
        for quest in self._call(requestor, "GET", f"/me/quests?role={Role.REQUESTOR}")["items"]:
            path, status = f"/quests/{quest['questId']}", quest["status"]
            if status == Status.CLAIMED:
                self._call(performer, "POST", f"{path}/release", {"reason": "The run was interrupted before its end."})
            if status in (Status.OPEN, Status.CLAIMED):
                self._call(requestor, "DELETE", path)
            if status == Status.SUBMITTED:
                self._call(requestor, "POST", f"{path}/attest", {})

    def _await_payment(self, performer: str, quest_id: str) -> None:
        state = "no entry"
        until = time.monotonic() + PAID_WITHIN
        while time.monotonic() < until:
            for entry in self._call(performer, "GET", "/me/ledger")["items"]:
                if entry["kind"] == Kind.REWARD and entry.get("questId") == quest_id:
                    state = entry["state"]
            if state == State.POSTED:
                return
            self.sleep(_PAUSE)
        raise UnexpectedError(f"the reward is {state} after {PAID_WITHIN:g} s")

    def _cognito(self, operation: str, body: Json) -> Json:
        headers = {"X-Amz-Target": f"{_TARGET}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        answer: Json = self.cognito.ask("POST", "/", body, headers).json()
        return answer

    def _call(
        self, address: str, method: str, path: str, body: Json | None = None, headers: dict[str, str] | None = None
    ) -> Json:
        if address not in self.tokens:
            raise UnexpectedError("nobody is signed in")
        signed = {"Authorization": f"Bearer {self.tokens[address]}", **(headers or {})}
        answer: Json = self.site.ask(method, BASE_PATH + path, body, signed).json()
        return answer

    def _timed(self, name: str, step: Callable[[], None]) -> Outcome:
        started, problem = time.perf_counter(), ""
        try:
            step()
        except (UnexpectedError, KeyError, TypeError) as error:  # an answer of another form is unexpected too
            problem = f"{type(error).__name__}: {error}"
            self.log.error("step failed", extra={"step": name, "problem": problem})
        return Outcome(name, problem, round((time.perf_counter() - started) * 1000, 1))


def problems(outcomes: list[Outcome]) -> Iterator[str]:
    """The names of the steps that failed."""
    return (outcome.step for outcome in outcomes if outcome.problem)
