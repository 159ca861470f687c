"""Resource properties on Pulumi's wire (protocol buffers' `Struct`) to plain values and back."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import pulumi
from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from localcloud.provider.base import Asset
from localcloud.provider.values import SECRET, SIGNATURE, UNKNOWN, asset

# Parts of the wire format, which no public name carries.
_ASSET: Final = rpc._special_asset_sig  # noqa: SLF001
_ARCHIVE: Final = rpc._special_archive_sig  # noqa: SLF001
_RESOURCE: Final = rpc._special_resource_sig  # noqa: SLF001
_OUTPUT: Final = rpc._special_output_value_sig  # noqa: SLF001


def to_plain(message: struct_pb2.Struct) -> dict[str, Any]:
    """The properties without marks of secrets; unknown values as `UNKNOWN`, assets read."""
    items = ((key, _value(value)) for key, value in message.fields.items() if key != "__defaults")
    return {key: value for key, value in items if value is not None}


def _value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return [_value(item) for item in value.list_value.values]
    if kind in (None, "null_value"):
        return None
    found = getattr(value, kind)
    return int(found) if isinstance(found, float) and found.is_integer() else found


def _struct(message: struct_pb2.Struct) -> Any:
    fields = message.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if signature in (SECRET, _OUTPUT):
        return _value(fields["value"]) if "value" in fields else UNKNOWN
    if signature in (_ASSET, _ARCHIVE):
        return _asset(signature, message)
    if signature == _RESOURCE:
        return _value(fields["id"] if "id" in fields else fields["urn"])
    return {key: found for key, item in fields.items() if (found := _value(item)) is not None}


def _asset(signature: str, message: struct_pb2.Struct) -> Any:
    live = _live(signature, message)
    return {"$asset": message.fields["hash"].string_value} if live is None else asset(live)


def _live(signature: str, message: struct_pb2.Struct) -> pulumi.Asset | pulumi.Archive | None:
    """Pulumi's object; None if the engine has only a hash."""
    fields = message.fields
    if "path" in fields and fields["path"].string_value:
        path = fields["path"].string_value
        return pulumi.FileAsset(path) if signature == _ASSET else pulumi.FileArchive(path)
    if signature == _ASSET:
        return pulumi.StringAsset(fields["text"].string_value) if "text" in fields else None
    if "assets" not in fields:
        return None
    inner = {
        name: _live(item.struct_value.fields[SIGNATURE].string_value, item.struct_value)
        for name, item in fields["assets"].struct_value.fields.items()
    }
    return pulumi.AssetArchive({name: item for name, item in inner.items() if item is not None})


def hash_of(message: struct_pb2.Struct, key: str) -> str:
    """The hash that the engine gives an asset."""
    return message.fields[key].struct_value.fields["hash"].string_value


def to_value(value: Any, *, hidden: bool = False) -> struct_pb2.Value:
    """A plain value on the wire, marked as secret where it is `hidden`."""
    if hidden:
        return struct_pb2.Value(
            struct_value=struct_pb2.Struct(
                fields={SIGNATURE: struct_pb2.Value(string_value=SECRET), "value": to_value(value)}
            )
        )
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=to_struct(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[to_value(item) for item in value]))
    return struct_pb2.Value(string_value=str(value))


def to_struct(values: Mapping[str, Any], hidden: Collection[str] = ()) -> struct_pb2.Struct:
    """Plain properties on the wire; those in `hidden` are marked as secret. Assets are left out."""
    return struct_pb2.Struct(
        fields={
            key: to_value(value, hidden=key in hidden)
            for key, value in values.items()
            if not (isinstance(value, Asset) or (isinstance(value, Mapping) and "$asset" in value))
        }
    )


def secret_keys(message: struct_pb2.Struct) -> frozenset[str]:
    """The top-level properties with anything secret in them."""
    return frozenset(key for key, value in message.fields.items() if _has_secret(value))


def _has_secret(value: struct_pb2.Value) -> bool:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET:
            return True
        return any(_has_secret(item) for item in fields.values())
    return kind == "list_value" and any(_has_secret(item) for item in value.list_value.values)


def merged(original: struct_pb2.Struct, changed: Mapping[str, Any]) -> struct_pb2.Struct:
    """`original` as it came (assets, secrets, unknown values), with the values of `changed` that differ."""
    result = struct_pb2.Struct()
    result.CopyFrom(original)
    before, hidden = to_plain(original), secret_keys(original)
    for key, value in changed.items():
        if before.get(key) != value and not isinstance(value, Asset):
            result.fields[key].CopyFrom(to_value(value, hidden=key in hidden))
    return result
