"""moto without what costs most of its time: half of a call was matching addresses and walking through attributes."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from moto import backend_index, mock_aws
from moto.core.serialize import BaseJSONSerializer

SERVICES = frozenset(
    {
        "dynamodb",
        "ssm",
        "sqs",
        "cognitoidp",
        "cloudwatch",
        "sesv2",
        "sts",
        "iam",
        "s3",
        "awslambda",
        "logs",
        "sns",
        "budgets",
    }
)
_SCALARS = frozenset({"S", "N", "BOOL", "NULL"})

_serialize = BaseJSONSerializer._serialize_type_structure


def _serialize_type_structure(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """A DynamoDB scalar as it is, without asking for each member that an AttributeValue could have."""
    if shape.name == "AttributeValue" and isinstance(value, dict) and value.keys() <= _SCALARS:
        serializer._default_serialize(serialized, value, shape, key)
    else:
        _serialize(serializer, serialized, value, shape, key)


@contextlib.contextmanager
def quick_moto(services: frozenset[str] = SERVICES) -> Iterator[None]:
    """`mock_aws` for these services (moto's own names)."""
    patterns = [pattern for pattern in backend_index.backend_url_patterns if pattern[0] in services]
    with (
        mock_aws(),
        patch.object(backend_index, "backend_url_patterns", patterns),
        patch.object(BaseJSONSerializer, "_serialize_type_structure", _serialize_type_structure),
    ):
        yield
