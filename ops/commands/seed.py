"""A small believable community for local and dev: members who can sign in, and quests in every state."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import httpx
from pycognito.aws_srp import AWSSRP  # type: ignore[import-untyped]  # it ships no types

from ops.shared.stage import OperatorError, Stage
from ops.shared.synthetic import make_members
from ops.shared.terminal import Terminal
from services.core import stages
from services.core.domain.digests import digest
from services.core.domain.quests import MODERATORS, Change, Status
from services.core.parameters import FLAGS, USER_POOL_CLIENT_ID, USER_POOL_ID, flag_parameter
from services.core.routes import BASE_PATH
from services.core.services import SWEEPS

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp.type_defs import AttributeTypeTypeDef

STAGES: Final = tuple(name for name, stage in stages.STAGES.items() if stage.disposable)
PASSWORD: Final = "sofa-bench-garden"  # noqa: S105 - printed on purpose: these members exist where nothing is secret
_DOMAIN: Final = "example.org"


@dataclass(frozen=True)
class Person:
    """A member of the community; the name before the @ is their key."""

    key: str
    name: str
    bio: str
    interests: tuple[str, ...]
    group: str | None = None

    @property
    def address(self) -> str:
        """The address that they sign in with."""
        return f"{self.key}@{_DOMAIN}"


@dataclass(frozen=True)
class SeedQuest:
    """A quest to create, its parties, and the status to bring it to. `in_days`: its window is that day's afternoon."""

    title: str
    description: str
    category: str
    area: str
    tags: tuple[str, ...]
    xp: int
    reputation: int
    requestor: str
    until: Status = Status.OPEN
    performer: str | None = None
    submission: str = ""
    in_days: int | None = None
    minutes: int = 60
    meeting_point: str = ""


PEOPLE: Final = (
    Person("mira", "Mira Okafor", "Second floor, two cats, one green thumb.", ("gardening", "repairs")),
    Person("jonas", "Jonas Lindqvist", "I own a cargo bike and like to use it.", ("cycling", "moving")),
    Person("amara", "Amara Diallo", "Retired teacher. Ask me about fractions.", ("reading", "maths")),
    Person("tom", "Tom & Jerry's dad", "Two boys, a drill, little time.", ("DIY", "football")),
    Person("lena", "Lena Vogt", "Here to settle things kindly.", ("mediation",), MODERATORS),
)

QUESTS: Final = (
    SeedQuest(
        "Carry a sofa up to the second floor",
        "It is a three-seater and the stairs are narrow. **Two strong people**, about half an hour.\n\n"
        "- blankets are there\n- tea and cake afterwards",
        "social", "Mill Lane", ("moving", "heavy"), 120, 12, "mira",
        in_days=2, minutes=30, meeting_point="Mill Lane 7, the blue door",
    ),
    SeedQuest(
        "Read aloud at the kindergarten",
        "Twenty minutes, a picture book of your choice, fourteen very curious listeners. We start at ten.",
        "education", "Kindergarten Sunhill", ("children", "reading"), 80, 10, "amara",
        in_days=5, minutes=20, meeting_point="At the gate, somebody will open",
    ),
    SeedQuest(
        "Repaint the bench by the pond",
        "Paint and brushes are in the shed. The old paint wants sanding first; masks are provided.",
        "civic", "Pond meadow", ("painting", "outdoors"), 150, 15, "tom",
    ),
    SeedQuest(
        "Set up a grandmother's new phone",
        "She wants photos from the grandchildren and nothing else. Patience matters more than knowledge.",
        "technical", "Station road", ("phone", "patience"), 60, 8, "jonas",
    ),
    SeedQuest(
        "Count the swifts' nests on our street",
        "One evening walk with a list. The council needs the numbers before the roofs are renewed.",
        "environment", "Old town", ("birds", "walk"), 90, 10, "amara", in_days=9, minutes=120,
    ),
    SeedQuest(
        "Lend a ladder for the weekend",
        "Four metres would be enough. I bring it back on Monday, cleaner than it was.",
        "other", "Mill Lane", ("tools",), 30, 5, "mira",
    ),
    SeedQuest(
        "Water the tomatoes during the holidays",
        "Every second day for a week. Eat as many as you like, they will not wait for us.",
        "environment", "Allotments, plot 12", ("garden", "summer"), 100, 10, "tom", Status.CLAIMED, "mira",
    ),
    SeedQuest(
        "Help with the tax form for the chess club",
        "The form is short, the words are long. One hour at the club, with somebody who has done it before.",
        "education", "Chess club", ("paperwork",), 140, 14, "jonas", Status.SUBMITTED, "amara",
        "We went through the form together and sent it on Tuesday. The receipt is in the club's folder.",
    ),
    SeedQuest(
        "Mend the swing in the courtyard",
        "One chain link is worn through. Spare links are in the caretaker's office, ask for the grey box.",
        "civic", "Courtyard B", ("repairs", "children"), 180, 20, "mira", Status.COMPLETE, "tom",
        "Both chains have new links, and I oiled the joints. It holds me, so it holds anybody.",
    ),
    SeedQuest(
        "Fetch donations from three bakeries",
        "The food bank opens at six. Three stops, four crates in all; a cargo bike is enough.",
        "social", "City centre", ("food bank", "cycling"), 110, 12, "amara", Status.COMPLETE, "jonas",
        "All four crates arrived at half past five. The third bakery asks us to ring at the back door.",
    ),
    SeedQuest(
        "Sort the community library's returns",
        "Two boxes have piled up. Alphabetical is enough, nobody expects a system.",
        "education", "Library corner", ("books",), 70, 8, "amara", Status.DISPUTED, "tom",
        "Both boxes are on the shelves, sorted by seeder.",
    ),
    SeedQuest(
        "Walk the dog while my leg heals",
        "She is a slow and friendly retriever. Mornings would be best.",
        "social", "Mill Lane", ("animals",), 90, 10, "mira", Status.CANCELLED,
    ),
    SeedQuest(
        "Hand out leaflets for the street festival",
        "Two hundred leaflets, four streets. The festival is over by now, so this one has expired.",
        "civic", "Old town", ("festival",), 60, 6, "jonas", Status.EXPIRED,
    ),
)  # fmt: skip


class _Seeder:
    """Creates members and quests in a stage, through its API as members would."""

    def __init__(self, stage: Stage, http: httpx.Client) -> None:
        self._stage, self._http = stage, http
        self._pool, self._client = stage.parameter(USER_POOL_ID), stage.parameter(USER_POOL_CLIENT_ID)
        self._tokens: dict[str, str] = {}

    def exists(self, person: Person) -> bool:
        try:
            self._stage.cognito.admin_get_user(UserPoolId=self._pool, Username=person.address)
        except self._stage.cognito.exceptions.UserNotFoundException:
            return False
        return True

    def sign_up(self, person: Person) -> None:
        """Creates the member, unless an interrupted run has, and signs them in."""
        cognito, user = self._stage.cognito, {"UserPoolId": self._pool, "Username": person.address}
        attributes: list[AttributeTypeTypeDef] = [
            {"Name": "email", "Value": person.address},
            {"Name": "email_verified", "Value": "true"},
        ]
        if not self.exists(person):
            cognito.admin_create_user(
                UserPoolId=self._pool, Username=person.address, MessageAction="SUPPRESS", UserAttributes=attributes
            )
        cognito.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
        if person.group:
            cognito.admin_add_user_to_group(**user, GroupName=person.group)
        srp = AWSSRP(
            username=person.address,
            password=PASSWORD,
            pool_id=self._pool,
            client_id=self._client,
            client=cognito,
        )
        self._tokens[person.key] = srp.authenticate_user()["AuthenticationResult"]["AccessToken"]
        profile = {"displayName": person.name, "bio": person.bio, "interests": list(person.interests)}
        self._call(person.key, "PATCH", "/me", profile)

    def create(self, seed_quest: SeedQuest) -> None:
        """Creates a quest and brings it to its status."""
        draft = {
            "title": seed_quest.title,
            "description": seed_quest.description,
            "category": seed_quest.category,
            "area": seed_quest.area,
            "tags": list(seed_quest.tags),
            "rewardXp": seed_quest.xp,
            "rewardReputation": seed_quest.reputation,
            "minutes": seed_quest.minutes,
            "meetingPoint": seed_quest.meeting_point,
            "when": _afternoon(seed_quest.in_days),
        }
        path = f"/quests/{self._call(seed_quest.requestor, 'POST', '/quests', draft, seed_quest.title)['questId']}"
        if seed_quest.until is Status.CANCELLED:
            self._call(seed_quest.requestor, "DELETE", path)
        if seed_quest.until is Status.EXPIRED:
            self._let_expire(path.rsplit("/", 1)[1])
        if not seed_quest.performer:
            return
        self._call(seed_quest.performer, "POST", f"{path}/claim")
        if seed_quest.until is not Status.CLAIMED:
            self._call(seed_quest.performer, "POST", f"{path}/submit", {"submission": seed_quest.submission})
        if seed_quest.until is Status.COMPLETE:
            self._call(seed_quest.requestor, "POST", f"{path}/attest", {"notes": "Thank you, that helped a lot!"})
        if seed_quest.until is Status.DISPUTED:
            reason = "One of the two boxes still stands unopened behind the door; please have a look."
            self._call(seed_quest.requestor, "POST", f"{path}/dispute", {"reason": reason})
            statement = "Both boxes are empty and on the shelves; what stands behind the door came yesterday."
            self._call(seed_quest.performer, "POST", f"{path}/state", {"statement": statement})

    def _let_expire(self, quest_id: str) -> None:
        """The one thing that no member can do: time passes."""
        stored = self._stage.quests.get(quest_id)
        assert stored is not None, "it was created a moment ago"
        past = datetime.now(UTC) - timedelta(minutes=1)
        aged = stored.quest.model_copy(update={"expires_at": past, "version": stored.quest.version + 1})
        self._stage.quests.save(stored.quest, Change(aged))
        self._stage.invoke("housekeeping", {})

    def _call(self, who: str, method: str, path: str, body: Any = None, key: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self._tokens[who]}", "Idempotency-Key": digest("seed", key)}
        answer = self._http.request(method, BASE_PATH + path, json=body or {}, headers=headers)
        if not answer.is_success:
            raise OperatorError(f"{method} {path} answers {answer.status_code}: {answer.text[:300]}")
        return answer.json()


def seed(stage: Stage, terminal: Terminal) -> None:
    """Fill a new local or dev stage with members and quests; a stage that has them stays as it is."""
    if stage.name not in STAGES:
        raise OperatorError(f"Only {' and '.join(STAGES)} get invented members; {stage.name} has real ones.")
    # Nobody runs a smoke test after `make up`, and without its members the canary's alarm would be on.
    make_members(stage)
    accounts = {"password": PASSWORD, "members": [person.address for person in PEOPLE]}
    with stage.http() as http:
        seeder = _Seeder(stage, http)
        if seeder.exists(PEOPLE[-1]):
            terminal.result(accounts, _introduction())
            return
        for flag in FLAGS:
            _switch_on(stage, flag)
        terminal.say(f"Seeding {len(PEOPLE)} members and {len(QUESTS)} quests ...")
        for person in PEOPLE[:-1]:
            seeder.sign_up(person)
        for seed_quest in QUESTS:
            seeder.create(seed_quest)
        seeder.sign_up(PEOPLE[-1])  # last, so that an interrupted run is not taken for a finished one
        for service in SWEEPS:  # else a new stage's first alarms are that nothing was heard of them
            stage.start(service)
    terminal.result(accounts, _introduction())


def _afternoon(in_days: int | None) -> dict[str, str] | None:
    """The window from noon to six o'clock (UTC) of a day from now; None for a quest at any time."""
    if in_days is None:
        return None
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=in_days)
    return {"start": noon.isoformat(), "end": (noon + timedelta(hours=6)).isoformat()}


def _switch_on(stage: Stage, flag: str) -> None:
    if stage.find_parameter(flag_parameter(flag).key) in (None, "off"):
        stage.put_parameter(flag_parameter(flag).key, "on")


def _introduction() -> str:
    names = ", ".join(f"{person.key}{' (moderator)' if person.group else ''}" for person in PEOPLE)
    return f"Sign in as {names}, each @{_DOMAIN}, password {PASSWORD}"
