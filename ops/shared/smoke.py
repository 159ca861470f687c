"""The smoke test: two synthetic members live through a quest, from sign-in to the reward, and leave nothing behind."""

import re
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import httpx
from pycognito.aws_srp import AWSSRP  # type: ignore[import-untyped]  # it ships no types

from ops.shared.stage import OperatorError, Stage
from ops.shared.synthetic import make_members
from ops.shared.terminal import Json
from services.core.domain.ledger import Kind, State
from services.core.domain.quests import SYNTHETIC
from services.core.live import Breaker
from services.core.parameters import BREAKER, USER_POOL_CLIENT_ID, USER_POOL_ID
from services.core.routes import BASE_PATH, HEALTH_PATH
from services.core.stores.dynamo import call, encode
from services.core.stores.quests import item_ids
from services.core.tables import LEDGER, QUESTS, USERS

PREFIX: Final = "smoke-"
"""The prefix of the synthetic members' addresses; the domain can never receive mail (RFC 2606)."""
DOMAIN: Final = "civicforge.invalid"
PAID_WITHIN: Final = 30.0
"""Seconds."""
PAID_WITHIN_ON_AWS: Final = 180.0
"""Seconds; a mapping of a stream that was just made or changed takes minutes to work."""
_LEFTOVER: Final = timedelta(minutes=10)
_APP_ROUTE: Final = "/quests/new"
"""An address that the app's index.html answers; `/` is a document, which no release changes."""
_SCRIPT = re.compile(r'<script[^>]+src="([^"]+)"')


@dataclass
class Synthetic:
    """A member who exists for one run."""

    address: str
    password: str
    user_id: str = ""
    token: str = ""


@dataclass
class Smoke:
    """One run. Each step is a method; `steps` is their order."""

    stage: Stage
    http: httpx.Client
    requestor: Synthetic = field(default_factory=lambda: _synthetic("requestor"))
    performer: Synthetic = field(default_factory=lambda: _synthetic("performer"))
    quest_id: str = ""
    paid_within: float = PAID_WITHIN

    @cached_property
    def breaker(self) -> str:
        """The position of the breaker when the run began."""
        return self.stage.live(BREAKER)

    @property
    def steps(self) -> tuple[tuple[str, Callable[[], str]], ...]:
        """The names of the steps and what does them, in order; under an open breaker those that it leaves."""
        always = (
            ("leftovers", lambda: f"{remove_leftovers(self.stage)} removed"),
            ("health", self.health),
            ("page", self.page),
        )
        if self.breaker == Breaker.DOWN:
            return (*always, ("refusal", lambda: self.refusal("GET")))
        if self.breaker == Breaker.READ_ONLY:
            return (
                *always,
                ("sign-in", self.sign_in),
                ("read", lambda: f"{len(self._get(f'{BASE_PATH}/quests')['items'])} quests"),
                ("refusal", lambda: self.refusal("POST")),
            )
        return (
            *always,
            ("sweep", self.sweep),
            ("sign-in", self.sign_in),
            ("create", self.create),
            ("claim", lambda: self._act(self.performer, "claim", {}, "CLAIMED")),
            ("submit", lambda: self._act(self.performer, "submit", {"submission": "Done, as asked for."}, "SUBMITTED")),
            ("attest", self.attest),
            ("reward", self.reward),
        )

    def health(self) -> str:
        """The api answers, for this stage, with the breaker where operators put it."""
        found = self._get(HEALTH_PATH)
        _expect(found["stage"] == self.stage.name, f"it answers for stage {found['stage']}")
        _expect(found["breaker"] == self.breaker, f"it takes the breaker for {found['breaker']}, not {self.breaker}")
        return f"release {found['release']}"

    def page(self) -> str:
        """The published home page and the app, their programs and the app's configuration are there."""
        scripts = []
        for path in ("/", _APP_ROUTE):
            page = self.http.get(path)
            named = _SCRIPT.findall(page.text)
            _expect(page.status_code == 200 and bool(named), f"{path} answers {page.status_code}, {len(named)} scripts")
            scripts += named
        for script in dict.fromkeys(scripts):
            answer = self.http.get(script)
            _expect(answer.status_code == 200, f"{script} answers {answer.status_code}")
        config = self._get("/config.json")
        _expect(config["userPoolId"] == self.stage.parameter(USER_POOL_ID), "config.json names another user pool")
        return f"{len(scripts)} scripts"

    def refusal(self, method: str) -> str:
        """Expect that the breaker refuses what it takes out of service."""
        answer = self.http.request(
            method,
            f"{BASE_PATH}/quests",
            headers={"Authorization": f"Bearer {self.requestor.token}"} if self.requestor.token else {},
        )
        refused = answer.status_code == 503 and "Retry-After" in answer.headers
        _expect(refused, f"{method} /quests answers {answer.status_code} although the breaker is {self.breaker}")
        return f"{method} gets its 503"

    def sweep(self) -> str:
        """The rewards Lambda pays what is due, and housekeeping starts: one row that it cannot read is no fault of a
        release. With the canary they end a new stage's alarms that nothing was heard of them.
        """
        make_members(self.stage)
        self.stage.start("canary")
        self.stage.start("housekeeping")
        self.stage.sweep("rewards")
        return "nothing is left unpaid"

    def sign_in(self) -> str:
        """Two members are made, sign in by SRP, and get their welcome points."""
        for member in (self.requestor, self.performer):
            self._make(member)
            srp = AWSSRP(
                username=member.address,
                password=member.password,
                pool_id=self.stage.parameter(USER_POOL_ID),
                client_id=self.stage.parameter(USER_POOL_CLIENT_ID),
                client=self.stage.cognito,
            )
            member.token = srp.authenticate_user()["AuthenticationResult"]["AccessToken"]
            me = self._call(member, "GET", "/me")
            _expect(me["userId"] == member.user_id, "the api takes them for somebody else")
        return "two members"

    def create(self) -> str:
        """A quest is posted."""
        draft = {
            "title": "Smoke test: please ignore",
            "description": "Made by the smoke test and deleted by it within a minute.",
            "category": "technical",
        }
        quest = self._call(self.requestor, "POST", "/quests", draft, {"Idempotency-Key": uuid.uuid4().hex})
        self.quest_id = quest["questId"]
        return self.quest_id

    def attest(self) -> str:
        """The requestor attests; the performer did with the hand-in."""
        return self._act(self.requestor, "attest", {}, "COMPLETE")

    def reward(self) -> str:
        """The performer is paid, whatever the flag says of members."""
        deadline, state = time.monotonic() + self.paid_within, "no entry"
        while time.monotonic() < deadline:
            entries = self.stage.ledger.all_of(self.performer.user_id)
            state = next((entry.state for entry in entries if entry.kind is Kind.REWARD), state)
            if state == State.POSTED:
                return "paid"
            time.sleep(0.25)
        raise OperatorError(f"{state} after {self.paid_within:g} s instead of {State.POSTED}")

    def clean_up(self) -> str:
        """Takes away everything that the two left, whatever happened before."""
        for member in (self.requestor, self.performer):
            remove(self.stage, member.address, member.user_id)
        if self.quest_id:
            for key in item_ids(self.quest_id):
                _delete(self.stage, self.stage.table(QUESTS), {"questId": key})
        return "nothing is left behind"

    def _make(self, member: Synthetic) -> None:
        pool = self.stage.parameter(USER_POOL_ID)
        made = self.stage.cognito.admin_create_user(
            UserPoolId=pool,
            Username=member.address,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": member.address},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
        member.user_id = _sub(made["User"]["Attributes"])
        self.stage.cognito.admin_add_user_to_group(UserPoolId=pool, Username=member.address, GroupName=SYNTHETIC)
        self.stage.cognito.admin_set_user_password(
            UserPoolId=pool, Username=member.address, Password=member.password, Permanent=True
        )

    def _act(self, member: Synthetic, action: str, body: Json, status: str) -> str:
        quest = self._call(member, "POST", f"/quests/{self.quest_id}/{action}", body)
        _expect(quest["status"] == status, f"the quest is {quest['status']}, not {status}")
        return status

    def _get(self, path: str) -> Json:
        answer = self.http.get(path)
        _expect(answer.status_code == 200, f"{path} answers {answer.status_code}: {answer.text[:200]}")
        found: Json = answer.json()
        return found

    def _call(
        self, member: Synthetic, method: str, path: str, body: Json | None = None, headers: dict[str, str] | None = None
    ) -> Json:
        headers = {"Authorization": f"Bearer {member.token}", **(headers or {})}
        answer = self.http.request(method, BASE_PATH + path, json=body, headers=headers)
        _expect(answer.is_success, f"{method} {path} answers {answer.status_code}: {answer.text[:300]}")
        found: Json = answer.json()
        return found


def _synthetic(role: str) -> Synthetic:
    return Synthetic(f"{PREFIX}{role}-{uuid.uuid4().hex[:12]}@{DOMAIN}", secrets.token_urlsafe(24))


def _sub(attributes: Any) -> str:
    return str(next(attribute["Value"] for attribute in attributes if attribute["Name"] == "sub"))


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise OperatorError(otherwise)


def _delete(stage: Stage, table: str, key: dict[str, str]) -> None:
    call(stage.dynamodb.delete_item, TableName=table, Key={name: encode(value) for name, value in key.items()})


def remove(stage: Stage, address: str, user_id: str) -> None:
    """Deletes a synthetic member with everything that is theirs."""
    assert address.startswith(PREFIX), "only the smoke test's own members are deleted"
    if user_id:
        for entry in list(stage.ledger.all_of(user_id)):
            _delete(stage, stage.table(LEDGER), {"userId": user_id, "entryId": entry.entry_id})
        _delete(stage, stage.table(USERS), {"userId": user_id})
    try:
        stage.cognito.admin_delete_user(UserPoolId=stage.parameter(USER_POOL_ID), Username=address)
    except stage.cognito.exceptions.UserNotFoundException:
        return


def remove_leftovers(stage: Stage) -> int:
    """Deletes what interrupted runs left: members who are too old to belong to a run that is under way."""
    pages = stage.cognito.get_paginator("list_users").paginate(
        UserPoolId=stage.parameter(USER_POOL_ID), Filter=f'email ^= "{PREFIX}"'
    )
    before = datetime.now(UTC) - _LEFTOVER
    left = 0
    for user in [user for page in pages for user in page["Users"] if user["UserCreateDate"] < before]:
        address = next(str(a.get("Value")) for a in user["Attributes"] if a["Name"] == "email")
        if not address.endswith(f"@{DOMAIN}"):
            continue
        user_id, after = _sub(user["Attributes"]), None
        quests, after = stage.quests.posted(user_id, 100, after)
        for quest in quests:
            for key in item_ids(quest.quest_id):
                _delete(stage, stage.table(QUESTS), {"questId": key})
        remove(stage, address, user_id)
        left += 1
    return left


def run(stage: Stage, say: Callable[[str], None], paid_within: float | None = None) -> Json:
    """Runs every step until one fails, and cleans up, which may fail too. The outcome names the first that failed."""
    started = time.monotonic()
    outcome: Json = {"passed": False, "stage": stage.name, "failed": None, "steps": []}

    def passes(name: str, step: Callable[[], str]) -> bool:
        begun = time.monotonic()
        try:
            what, failed = step(), False
        except Exception as error:  # the step is named, whatever was wrong with it
            what, failed = f"{error or type(error).__name__}", True
        seconds = round(time.monotonic() - begun, 2)
        outcome["steps"].append({"step": name, "passed": not failed, "what": what, "seconds": seconds})
        say(f"  {'FAILED' if failed else 'ok':<7}{name:<10}{seconds:>6.2f} s  {what}")
        outcome["failed"] = outcome["failed"] or (name if failed else None)
        return not failed

    with stage.http() as http:
        patience = PAID_WITHIN if stage.endpoint else PAID_WITHIN_ON_AWS
        smoke = Smoke(stage, http, paid_within=patience if paid_within is None else paid_within)
        try:
            for name, step in smoke.steps:
                if not passes(name, step):
                    break
        finally:
            passes("clean-up", smoke.clean_up)
    outcome["passed"] = outcome["failed"] is None
    outcome["seconds"] = round(time.monotonic() - started, 1)
    return outcome
