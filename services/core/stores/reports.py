"""The reports table: what members reported, the moderators' queue, and what was decided on whom."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from services.core.domain.reports import Report, waiting_since
from services.core.stores.dynamo import (
    ConditionFailedError,
    Item,
    StoreUnavailableError,
    batch_get,
    call,
    decode_item,
    dump,
    encode_item,
    pages,
    update_expression,
)
from services.core.stores.users import NoSuchUserError, Quota, spend_quota
from services.core.tables import REPORTS, Index

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_QUEUE, CONCERNED, REPORTER = map(REPORTS.index, ("queue", "concerned", "reporter"))
_WAITING_PARTITION = "WAITING"


class ReportExistsError(Exception):
    """There is a report of this id."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.report_id)
        self.report = report


class ReportMovedError(Exception):
    """Somebody else changed the report since it was read."""


class ReportPage(NamedTuple):
    """`last` is the key to continue after, or None at the end."""

    reports: list[Report]
    last: Item | None


class ReportStore:
    """Reads and writes reports. Every method raises StoreUnavailableError when the tables do not answer."""

    def __init__(self, client: "DynamoDBClient", reports_table: str, users_table: str) -> None:
        self._client, self._table, self._users = client, reports_table, users_table

    def create(self, report: Report, quota: Quota) -> None:
        """Stores a new report. Raises ReportExistsError, RateLimitedError, NoSuchUserError."""
        put = {
            "TableName": self._table,
            "Item": encode_item(_stored(report)),
            "ConditionExpression": "attribute_not_exists(reportId)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        for used_lately in (False, True):
            spend = spend_quota(
                self._users, report.reporter_id, quota.spend(report.created_at, used_lately=used_lately)
            )
            try:
                call(self._client.transact_write_items, TransactItems=[{"Put": put}, spend])
            except ConditionFailedError as failure:
                stored, row = failure.items
                if stored:
                    raise ReportExistsError(Report.model_validate(stored)) from None
                if not row or row.get("deleted"):
                    raise NoSuchUserError(report.reporter_id) from None
                quota.check(row, report.created_at)
            else:
                return
        raise StoreUnavailableError("the member's quota kept changing")

    def file(self, report: Report) -> None:
        """Stores a decision of operators in the form of a report; one that is there already stays as it is."""
        with suppress(ConditionFailedError):
            call(
                self._client.put_item,
                TableName=self._table,
                Item=encode_item(_stored(report)),
                ConditionExpression="attribute_not_exists(reportId)",
            )

    def get(self, report_id: str) -> Report | None:
        """The report as stored, or None."""
        answer = call(self._client.get_item, TableName=self._table, Key=_key(report_id), ConsistentRead=True)
        return Report.model_validate(decode_item(answer["Item"])) if "Item" in answer else None

    def save(self, before: Report, after: Report) -> None:
        """Stores a report's next state if it is still as it was read. Raises ReportMovedError."""
        update = update_expression(_stored(before), _stored(after))
        update["ExpressionAttributeNames"] |= {"#state": "state"}
        update["ExpressionAttributeValues"] |= encode_item({":state": before.state})
        try:
            call(
                self._client.update_item,
                TableName=self._table,
                Key=_key(before.report_id),
                ConditionExpression="#state = :state",
                **update,
            )
        except ConditionFailedError:
            raise ReportMovedError(before.report_id) from None

    def queue(self, limit: int, after: Item | None) -> ReportPage:
        """A page of the reports that wait for a moderator, the longest waiting first."""
        return self._page(_QUEUE, _WAITING_PARTITION, limit, after, newest_first=False)

    def of_member(self, index: Index, user_id: str, limit: int, after: Item | None) -> ReportPage:
        """A page of the reports that a member made (REPORTER) or that concern them (CONCERNED), newest first."""
        return self._page(index, user_id, limit, after, newest_first=True)

    def _page(self, index: Index, value: str, limit: int, after: Item | None, *, newest_first: bool) -> ReportPage:
        start: Any = {"ExclusiveStartKey": encode_item(after)} if after else {}
        answer = call(
            self._client.query,
            TableName=self._table,
            IndexName=index.name,
            KeyConditionExpression=f"{index.partition_key} = :value",
            ExpressionAttributeValues=encode_item({":value": value}),
            ScanIndexForward=not newest_first,
            Limit=limit,
            **start,
        )
        ids = [str(decode_item(item)["reportId"]) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        return ReportPage(self._in_order(ids), decode_item(last) if last else None)

    def _in_order(self, ids: list[str]) -> list[Report]:
        items = batch_get(self._client, self._table, [{"reportId": id_} for id_ in ids], consistent=True)
        found = {item["reportId"]: Report.model_validate(item) for item in items}
        return [found[id_] for id_ in ids if id_ in found]

    def erase(self, user_id: str) -> None:
        """Takes what a member wrote out of every report: the words of theirs, the evidence of those on them."""
        for report_id in self._ids(REPORTER, user_id):
            self._remove(report_id, "words", "requestDigest")
        for report_id in self._ids(CONCERNED, user_id):
            self._remove(report_id, "evidence", "objection")

    def _ids(self, index: Index, user_id: str) -> Iterator[str]:
        found = pages(
            self._client.query,
            TableName=self._table,
            IndexName=index.name,
            KeyConditionExpression=f"{index.partition_key} = :user",
            ExpressionAttributeValues=encode_item({":user": user_id}),
        )
        for page in found:
            yield from (str(item["reportId"]) for item in page)

    def _remove(self, report_id: str, *attributes: str) -> None:
        call(
            self._client.update_item,
            TableName=self._table,
            Key=_key(report_id),
            UpdateExpression="REMOVE " + ", ".join(f"#a{number}" for number, _ in enumerate(attributes)),
            ExpressionAttributeNames={f"#a{number}": name for number, name in enumerate(attributes)},
            ConditionExpression="attribute_exists(reportId)",
        )


def _stored(report: Report) -> Item:
    item = dump(report)
    if since := waiting_since(report):
        item |= {_QUEUE.partition_key: _WAITING_PARTITION, _QUEUE.sort_key: since}
    return item


def _key(report_id: str) -> dict[str, Any]:
    return encode_item({"reportId": report_id})
