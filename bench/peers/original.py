"""The original's stack on six routes: FastAPI behind Mangum, boto3.resource, python-jose, bleach.

It is installed beside its packages (`requirements/bench.txt`), not into the repository's environment.
"""

import json
import os
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import bleach
import boto3
from boto3.dynamodb.conditions import Key
from fastapi import Depends, FastAPI, Header, HTTPException  # type: ignore[import-not-found]  # not in our environment
from jose import JWTError, jwt  # type: ignore[import-untyped,unused-ignore]  # nor this
from mangum import Mangum  # type: ignore[import-not-found]  # nor this
from pydantic import BaseModel, Field

dynamodb = boto3.resource("dynamodb")
quests = dynamodb.Table(os.environ["QUESTS_TABLE"])
users = dynamodb.Table(os.environ["USERS_TABLE"])
public_key = json.loads(os.environ["PUBLIC_KEY"])


class NewQuest(BaseModel):
    """The body of a request that creates a quest."""

    title: str = Field(min_length=5, max_length=200)
    description: str = Field(min_length=20, max_length=2000)
    category: str
    tags: list[str] = []
    rewardXp: int = Field(default=100, ge=10, le=1000)  # noqa: N815  # the API's spelling
    rewardReputation: int = Field(default=10, ge=1, le=100)  # noqa: N815


class Quest(NewQuest):
    """A quest as it is stored and answered."""

    description: str
    questId: str  # noqa: N815
    requestorId: str  # noqa: N815
    performerId: str | None = None  # noqa: N815
    status: str = "OPEN"
    createdAt: str  # noqa: N815
    expiresAt: str  # noqa: N815
    version: int = 1


class QuestPage(BaseModel):
    """A page of quests."""

    items: list[Quest]
    nextCursor: str | None = None  # noqa: N815


class User(BaseModel):
    """A member."""

    userId: str  # noqa: N815
    displayName: str  # noqa: N815
    points: int
    xp: int
    reputation: int


def current_user(authorization: Annotated[str, Header()]) -> str:
    """The token's subject, its signature verified here, as behind a gateway without authorizer."""
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), public_key, algorithms=["RS256"])
    except JWTError as error:
        raise HTTPException(status_code=401) from error
    return str(claims["sub"])


CurrentUser = Annotated[str, Depends(current_user)]


def get_health() -> dict[str, str]:
    """Answers that it runs."""
    return {"status": "ok"}


def list_quests(limit: int = 20) -> QuestPage:
    """The newest open quests."""
    page = quests.query(
        IndexName="status-index", KeyConditionExpression=Key("status").eq("OPEN"), ScanIndexForward=False, Limit=limit
    )
    return QuestPage(items=[Quest.model_validate(item) for item in page["Items"]])


def get_quest(quest_id: str) -> Quest:
    """One quest."""
    item = quests.get_item(Key={"questId": quest_id}).get("Item")
    if item is None:
        raise HTTPException(status_code=404)
    return Quest.model_validate(item)


def create_quest(new: NewQuest, user: CurrentUser) -> Quest:
    """Stores a quest, its texts cleaned."""
    now = datetime.now(UTC).isoformat()
    quest = Quest(
        **new.model_dump(exclude={"title", "description"}),
        title=bleach.clean(new.title),
        description=bleach.clean(new.description),
        questId=str(uuid.uuid4()),
        requestorId=user,
        createdAt=now,
        expiresAt=now,
    )
    item: dict[str, Any] = quest.model_dump(exclude_none=True)
    quests.put_item(Item=item, ConditionExpression="attribute_not_exists(questId)")
    return quest


def claim_quest(quest_id: str, user: CurrentUser) -> Quest:
    """Makes the caller the performer."""
    answer = quests.update_item(
        Key={"questId": quest_id},
        UpdateExpression="SET performerId = :user, #status = :claimed",
        ConditionExpression=Key("status").eq("OPEN"),
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":user": user, ":claimed": "CLAIMED"},
        ReturnValues="ALL_NEW",
    )
    return Quest.model_validate(answer["Attributes"])


def get_me(user: CurrentUser) -> User:
    """The caller's account."""
    return User.model_validate(users.get_item(Key={"userId": user})["Item"])


app = FastAPI()
app.add_api_route("/api/health", get_health)
app.add_api_route("/api/v1/quests", list_quests, response_model=QuestPage)
app.add_api_route("/api/v1/quests/{quest_id}", get_quest, response_model=Quest)
app.add_api_route("/api/v1/quests", create_quest, methods=["POST"], response_model=Quest, status_code=201)
app.add_api_route("/api/v1/quests/{quest_id}/claim", claim_quest, methods=["POST"], response_model=Quest)
app.add_api_route("/api/v1/me", get_me, response_model=User)
handler = Mangum(app, lifespan="off")
