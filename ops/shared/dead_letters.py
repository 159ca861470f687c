"""The dead letter queues of a stage."""

from typing import Any

from ops.shared.stage import OperatorError, Stage
from services.core.services import QUEUES


def url_of(stage: Stage, queue: str) -> str:
    """The queue's URL. Raises OperatorError for a queue that does not exist."""
    if queue not in QUEUES:
        raise OperatorError(f"There is no queue {queue!r}; choose one of {', '.join(QUEUES)}.")
    try:
        return stage.sqs.get_queue_url(QueueName=stage.resource(f"{queue}-dlq"))["QueueUrl"]
    except stage.sqs.exceptions.QueueDoesNotExist:
        raise OperatorError(
            f"{stage.where}: there is no {stage.resource(f'{queue}-dlq')}; "
            f"`civicforge deploy --refresh --stage {stage.name}` makes it again."
        ) from None


def depths(stage: Stage) -> dict[str, int | None]:
    """The number of messages in each queue, those in flight included; None for a missing queue."""
    names: Any = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found: dict[str, int | None] = {}
    for queue in QUEUES:
        try:
            url = url_of(stage, queue)
        except OperatorError:
            found[queue] = None
            continue
        answer = stage.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        found[queue] = sum(int(answer["Attributes"][name]) for name in names)
    return found
