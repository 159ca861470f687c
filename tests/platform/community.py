"""People for the platform tests: they sign up with the code from their mail, sign in by SRP, and call the API."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import boto3
import httpx
from pycognito.aws_srp import AWSSRP  # type: ignore[import-untyped]  # it ships no types

from localcloud.emulator.root_key import root_key_of

T = TypeVar("T")
API = "/api/v1"
PASSWORD = "a long enough passphrase"


def wait_for(condition: Callable[[], T], seconds: float, what: str) -> T:
    """The condition's first true value. Fails with `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Stage:
    """A stage that is up on an emulator."""

    endpoint: str
    front_url: str
    outputs: dict[str, Any]
    region: str = "us-east-1"
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.front_url, timeout=30)

    def client(self, service: str, access_key: str = "", secret_key: str = "", token: str | None = None) -> Any:
        """A boto3 client on the emulator, by default as its root."""
        if not access_key:
            access_key, secret_key = root_key_of(self.endpoint)
        return boto3.session.Session().client(  # type: ignore[call-overload]  # the service is a plain str here
            service,
            region_name=self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=token,
        )

    @cached_property
    def cognito(self) -> Any:
        """The user pool's client."""
        return self.client("cognito-idp")

    @cached_property
    def dynamodb(self) -> Any:
        """The tables' client."""
        return self.client("dynamodb")

    def mailbox(self) -> list[dict[str, Any]]:
        """Every mail that was sent, newest first."""
        return list(self.http.get("/_local/mailbox", params={"format": "json"}).json())

    def mail_code(self, address: str) -> str:
        """The code in the newest mail to this address."""
        codes = [mail["code"] for mail in self.mailbox() if address in mail["to"] and mail["code"]]
        assert codes, f"no mail with a code to {address}"
        return str(codes[0])

    def sign_up(self, name: str = "member", group: str | None = None) -> "Member":
        """A new member, signed in."""
        address = f"{name}-{uuid.uuid4().hex[:10]}@example.org"
        client_id, pool = self.outputs["user_pool_client_id"], self.outputs["user_pool_id"]
        self.cognito.sign_up(
            ClientId=client_id,
            Username=address,
            Password=PASSWORD,
            UserAttributes=[{"Name": "email", "Value": address}],
        )
        self.cognito.confirm_sign_up(ClientId=client_id, Username=address, ConfirmationCode=self.mail_code(address))
        if group:
            self.cognito.admin_add_user_to_group(UserPoolId=pool, Username=address, GroupName=group)
        return Member(self, address, self.sign_in(address))

    def sign_in(self, address: str, password: str = PASSWORD) -> dict[str, str]:
        """The tokens, by SRP."""
        srp = AWSSRP(
            username=address,
            password=password,
            pool_id=self.outputs["user_pool_id"],
            client_id=self.outputs["user_pool_client_id"],
            client=self.cognito,
        )
        return dict(srp.authenticate_user()["AuthenticationResult"])


@dataclass
class Member:
    """A member with tokens."""

    stage: Stage
    address: str
    tokens: dict[str, str]

    @cached_property
    def user_id(self) -> str:
        """The Cognito sub."""
        return str(self.get("/me")["userId"])

    def request(self, method: str, path: str, token: str = "AccessToken", **arguments: Any) -> httpx.Response:
        """Any call of the API, as this member."""
        headers = {"Authorization": f"Bearer {self.tokens[token]}", **arguments.pop("headers", {})}
        return self.stage.http.request(method, API + path, headers=headers, **arguments)

    def mails(self) -> list[dict[str, Any]]:
        """The mails of notices to the member, newest first."""
        return [mail for mail in self.stage.mailbox() if self.address in mail["to"] and not mail["code"]]

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET that must succeed."""
        response = self.request("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: Any = None, status: int = 200, **arguments: Any) -> Any:
        """The JSON of a POST that must answer with `status`."""
        response = self.request("POST", path, json={} if body is None else body, **arguments)
        assert response.status_code == status, response.text
        return response.json()

    def create(self, **fields: Any) -> Any:
        """A new quest."""
        draft = {
            "title": "Carry a sofa up the stairs",
            "description": "Two strong people are needed for about half an hour.",
            "category": "social",
            **fields,
        }
        return self.post("/quests", draft, 201, headers={"Idempotency-Key": uuid.uuid4().hex})

    def act(self, quest: Any, action: str, body: Any = None, status: int = 200) -> Any:
        """An action on a quest."""
        return self.post(f"/quests/{quest['questId']}/{action}", body, status)

    def ledger(self) -> list[Any]:
        """All entries of the member."""
        entries: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get("/me/ledger", limit=50, **cursor)
            entries += page["items"]
            if "nextCursor" not in page:
                return entries
            cursor = {"cursor": page["nextCursor"]}

    def totals_agree(self) -> bool:
        """True if the profile's totals are the sums of the ledger's POSTED entries."""
        me = self.get("/me")
        posted = [entry for entry in self.ledger() if entry["state"] == "POSTED"]
        return all(me[name] == sum(entry[name] for entry in posted) for name in ("points", "xp", "reputation"))

    def wait_until_paid(self, quest_id: str, seconds: float = 5) -> Any:
        """The POSTED reward entry of a quest."""

        def paid() -> Any:
            return next(
                (
                    e
                    for e in self.ledger()
                    if e["kind"] == "reward" and e["questId"] == quest_id and e["state"] == "POSTED"
                ),
                None,
            )

        return wait_for(paid, seconds, f"the reward of {quest_id} is posted")


def complete(requestor: Member, performer: Member, **fields: Any) -> Any:
    """A quest taken from its posting to the second attestation."""
    quest = requestor.create(**fields)
    performer.act(quest, "claim")
    performer.act(quest, "submit", {"submission": "It is done, all of it."})
    performer.act(quest, "attest")
    return requestor.act(quest, "attest", {"notes": "Thank you"})
