"""Checks before a stage is stood up in its account: settings, quotas, mails, domain.

`doctor` shows it and `deploy` asks it before anything is made. A remedy that is a setting carries the setting, so that
a test can hold every one of them against the rules of `StageConfig`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from botocore.exceptions import ClientError

from infra.config import SizeChange
from infra.paths import REPOSITORY
from infra.stack_config import load_config
from ops.shared.interrupted import find_interrupted, remedy
from ops.shared.stage import OperatorError, Stage
from services.core.names import LIVE_ALIAS, PROJECT
from services.core.parameters import SITE_URL
from services.core.services import SERVICES
from services.core.stages import ON_AWS, STAGES

Verdict = Literal["ok", "missing", "optional"]

UNRESERVED: Final = 100
"""Concurrent executions that AWS keeps from being reserved, for the functions that reserve none."""
_REFUSED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        verdict: `missing` keeps the stage from working, `optional` does not.
        remedy: what to do; empty if nothing is to be done.
        settings: the keys and values of the stage's file by which it is mended, if it can be.
    """

    verdict: Verdict
    what: str
    found: str
    remedy: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> dict[str, str]:
        """The finding as `--json` prints it."""
        return {"verdict": self.verdict, "what": self.what, "found": self.found, "remedy": self.remedy}


def require(stage: Stage) -> None:
    """Ask before a deployment what `doctor` asks of the account. Raises OperatorError naming what is missing.

    Mails and alarms that reach nobody keep a stage from its members, not from being deployed.
    """
    missing = [finding for finding in account(stage) if finding.verdict == "missing"]
    if missing:
        lines = [f"{finding.what}: {finding.found}  ->  {finding.remedy}" for finding in missing]
        raise OperatorError("\n".join(["AWS would refuse the deployment; nothing was changed.", *lines]))


def account(stage: Stage) -> Iterator[Finding]:
    """Findings about the account."""
    for ask in (_room, _board, _mails, _domain, _state):
        try:
            yield from ask(stage)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            what = error.operation_name
            yield Finding("optional", what, "may not be asked by these credentials", "ask as somebody who may")


# The board.


def _board(stage: Stage) -> Iterator[Finding]:
    """Partitions of the board index that the stage reads now, would not read any more, and that hold quests."""
    try:
        live = stage.lambda_.get_function_configuration(FunctionName=stage.resource("api"), Qualifier=LIVE_ALIAS)
    except stage.lambda_.exceptions.ResourceNotFoundException:
        return
    before = int(live["Environment"]["Variables"]["BOARD_SHARDS"])
    wanted = int(_setting(stage.name, "boardShards"))
    holding = [shard for shard in range(wanted, before) if stage.quests.has_quests_in(shard)]
    if holding:
        least = str(holding[-1] + 1)
        yield Finding(
            "missing",
            "board",
            f"{wanted} partitions are configured, and quests are in {before}: lists would lack some of them",
            f"set boardShards to {least} in {_file(stage.name)}",
            {"boardShards": least},
        )


# Concurrency.


def reservations(stage_name: str) -> dict[str, int]:
    """The concurrency that each Lambda of a stage reserves; those that share the account's are left out."""
    changes = [SizeChange.parse(text) for text in json.loads(_setting(stage_name, "lambdaSizes"))]
    changed = {change.service: change.value for change in changes if change.field == "concurrency"}
    wanted = {name: changed.get(name, service.concurrency) for name, service in SERVICES.items()}
    return {name: number for name, number in wanted.items() if number > 0}


def _room(stage: Stage) -> Iterator[Finding]:
    """The account's limit against what this stage wants, what others have, and what the other stages will want."""
    settings = stage.lambda_.get_account_settings()["AccountLimit"]
    limit = settings["ConcurrentExecutions"]
    wanted = reservations(stage.name)
    taken = limit - settings["UnreservedConcurrentExecutions"] - _reserved_now(stage)
    most = limit - UNRESERVED
    if wanted and sum(wanted.values()) + taken > most:
        free = max(0, most - taken)
        yield Finding(
            "missing",
            "concurrency",
            f"{limit} in the account, {taken} reserved by others, the last {UNRESERVED} by nobody: {free} are left, "
            f"{stage.name} reserves {sum(wanted.values())}",
            "ask Service Quotas for more concurrent executions of Lambda, or set under lambdaSizes in "
            f"{_file(stage.name)}: {', '.join(_sizes(stage.name, wanted))}",
            {"lambdaSizes": json.dumps(_sizes(stage.name, wanted))},
        )
        return
    planned = sum(sum(reservations(name).values()) for name in ON_AWS if name != stage.name)
    together = sum(wanted.values()) + max(taken, planned)
    text = f"{limit} in the account, {sum(wanted.values())} of them reserved by {stage.name}"
    if planned and together > most:
        yield Finding(
            "optional",
            "concurrency",
            f"{text}; with the other stages {together}, of {max(0, most)} that can be",
            "ask Service Quotas for more before the next stage is stood up",
        )
    else:
        yield Finding("ok", "concurrency", f"{text}, {together} by all stages")


def _reserved_now(stage: Stage) -> int:
    """The reservations that the stage's Lambdas hold already; a breaker at `stopped` holds zero."""
    held = 0
    for service in SERVICES:
        try:
            answer = stage.lambda_.get_function_concurrency(FunctionName=stage.resource(service))
        except stage.lambda_.exceptions.ResourceNotFoundException:
            continue
        held += answer.get("ReservedConcurrentExecutions", 0)
    return held


def _sizes(stage_name: str, wanted: Mapping[str, int]) -> list[str]:
    """The stage's `lambdaSizes` with no reservations."""
    kept = [text for text in json.loads(_setting(stage_name, "lambdaSizes")) if " concurrency " not in text]
    return [*kept, *(f"{service} concurrency -1" for service in wanted)]


# Mails.


def _mails(stage: Stage) -> Iterator[Finding]:
    """SES delivers to verified addresses alone until somebody asks AWS for production access."""
    if not _setting(stage.name, "mailFrom"):
        return
    if stage.sesv2.get_account().get("ProductionAccessEnabled"):
        yield Finding("ok", "mail delivery", "SES sends to everybody")
        return
    people = not STAGES[stage.name].disposable
    yield Finding(
        "missing" if people else "optional",
        "mail delivery",
        "SES is in its sandbox, which sends to verified addresses alone",
        "ask for production access: aws sesv2 put-account-details --production-access-enabled "
        f"--mail-type TRANSACTIONAL --website-url ADDRESS --region {stage.region}",
    )


# The domain.


def _domain(stage: Stage) -> Iterator[Finding]:
    """If the stage's domain leads to its distribution; before the first deployment nobody can know."""
    if not _setting(stage.name, "domain") or stage.find_parameter(SITE_URL.key) is None:
        return
    record = stage.missing_dns_record()
    if record is None:
        yield Finding("ok", "domain", _setting(stage.name, "domain"))
    else:
        yield Finding("optional", "domain", f"{record.name} leads nowhere yet", f"make the DNS record {record}")


# Pulumi's state.


def _state(stage: Stage) -> Iterator[Finding]:
    """Remains of a killed deployment; and the state's bucket, which the bootstrap makes."""
    try:
        left = find_interrupted(stage)
    except stage.s3.exceptions.NoSuchBucket:
        yield Finding(
            "missing",
            "state",
            "there is no bucket for it",
            "run scripts/setup-oidc.sh, or on the local cloud `python -m localcloud up --stage bootstrap`",
        )
        return
    if left:
        yield Finding("missing", "state", left.summary, remedy(stage))


# Settings.


def settings(stage_name: str) -> Iterator[Finding]:
    """Settings that must be changed before a stage with members is deployed."""
    if STAGES[stage_name].disposable:
        return
    mails = json.loads(_setting(stage_name, "alertMails"))
    nobody = [mail for mail in mails if mail.endswith(".example")]
    remedy = f"name people under alertMails in {_file(stage_name)}; nobody reads {', '.join(nobody)}"
    own = {"alertMails": '["operators@town.org"]'}
    yield (
        Finding("missing", "alerts", "go to nobody", remedy, own)
        if nobody
        else Finding("ok", "alerts", ", ".join(mails))
    )
    sender = _setting(stage_name, "mailFrom")
    remedy = f"set mailFrom and mailIdentityArn in {_file(stage_name)} to a verified identity of SES"
    own = {"mailFrom": "hello@town.org", "mailIdentityArn": "arn:aws:ses:us-east-1:123456789012:identity/town.org"}
    yield (
        Finding("ok", "mails", f"from {sender}")
        if sender
        else Finding("optional", "mails", "Cognito's own mailer, which sends 50 a day", remedy, own)
    )


def _setting(stage_name: str, key: str) -> str:
    return load_config(stage_name, REPOSITORY).values.get(f"{PROJECT}:{key}", "")


def _file(stage_name: str) -> str:
    return f"Pulumi.{stage_name}.yaml"
