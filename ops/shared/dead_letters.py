"""The dead letter queues of a stage."""

from typing import TYPE_CHECKING, Any

from ops.shared.stage import OperatorError, Stage
from services.core.services import QUEUES

if TYPE_CHECKING:
    pass


def url_of(stage: Stage, queue: str) -> str:
    """The queue's URL. Raises OperatorError for a queue that does not exist."""
    if queue not in QUEUES:
        raise OperatorError(f"There is no queue {queue!r}; choose one of {', '.join(QUEUES)}.")
    try:
        return stage.sqs.get_queue_url(QueueName=stage.resource(f"{queue}-dlq"))["QueueUrl"]
    except stage.sqs.exceptions.QueueDoesNotExist:
        raise OperatorError(f"{stage.where}: there is no {stage.resource(f'{queue}-dlq')}; deploy the stage.") from None


def depths(stage: Stage) -> dict[str, int]:
    """The number of messages in each queue, those that somebody looks at included."""
    names: Any = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = {}
    for queue in QUEUES:
        answer = stage.sqs.get_queue_attributes(QueueUrl=url_of(stage, queue), AttributeNames=names)
        found[queue] = sum(int(answer["Attributes"][name]) for name in names)
    return found
