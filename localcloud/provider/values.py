"""Resource properties between Pulumi's forms and plain Python: secrets, assets, unknown values, property paths.

Plain means what handlers take: dict, list, str, int, float, bool, `Asset`. The forms are Pulumi's live objects (as the
SDK hands them over in this process) and the JSON of the engine's stack state (`storable`).
"""

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pulumi
from pulumi.runtime import rpc

from localcloud.provider.base import Asset, Inputs

UNKNOWN: Final[str] = rpc.UNKNOWN
SIGNATURE: Final[str] = rpc._special_sig_key  # noqa: SLF001 - part of the wire format, which no public name carries
SECRET: Final[str] = rpc._special_secret_sig  # noqa: SLF001 - as above

Path_ = tuple[str | int, ...]


class AssetError(Exception):
    """An asset cannot be read; the message names it."""


def secret(value: object) -> dict[str, Any]:
    """Mark a value as secret in the way that the SDK's wire format does."""
    return {SIGNATURE: SECRET, "value": value}


def unwrap_secrets(value: Any) -> tuple[Any, bool]:
    """The plain value, and whether anything in it was secret."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return unwrap_secrets(value["value"])[0], True
        plain = {key: unwrap_secrets(item) for key, item in value.items()}
        return {key: item for key, (item, _) in plain.items()}, any(hidden for _, hidden in plain.values())
    if isinstance(value, list):
        items = [unwrap_secrets(item) for item in value]
        return [item for item, _ in items], any(hidden for _, hidden in items)
    return value, False


def plain(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Inputs without marks of secrets, whole numbers as int, assets loaded; and the top-level keys that were secret."""
    result: dict[str, Any] = {}
    hidden = set()
    for key, value in inputs.items():
        unwrapped, was_secret = unwrap_secrets(value)
        if key == "__defaults" or unwrapped is None:
            continue
        result[key] = _plain(unwrapped)
        if was_secret:
            hidden.add(key)
    return result, frozenset(hidden)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        return asset(value)
    return value


def asset(value: pulumi.Asset | pulumi.Archive) -> Asset:
    """A file or archive of the program, read. Raises `AssetError`."""
    content = _bytes(value)
    return Asset(hashlib.sha256(content).hexdigest(), lambda: content)


def _bytes(value: pulumi.Asset | pulumi.Archive) -> bytes:
    if isinstance(value, pulumi.FileAsset | pulumi.FileArchive):
        path = Path(value.path)
        try:
            return _zipped(_files(path)) if path.is_dir() else path.read_bytes()
        except OSError as error:
            raise AssetError(f"{path} cannot be read: {error}") from error
    if isinstance(value, pulumi.StringAsset):
        return value.text.encode()
    if isinstance(value, pulumi.AssetArchive):
        files: dict[str, bytes] = {}
        for name, item in value.assets.items():
            if isinstance(item, pulumi.FileArchive) and Path(item.path).is_dir():
                files |= {f"{name}/{inner}": content for inner, content in _files(Path(item.path)).items()}
            elif isinstance(item, pulumi.Asset | pulumi.Archive):
                files[name] = _bytes(item)
        return _zipped(files)
    raise AssetError(f"{type(value).__name__} is not an asset that the local cloud can read")


def _files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip that depends on nothing but names and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def storable(value: Any) -> Any:
    """The JSON form that a stack state keeps; an asset by its hash."""
    if isinstance(value, Asset):
        return {"$asset": value.sha256}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {key: storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def is_asset(value: Any) -> bool:
    """True if a value is an asset, live or stored."""
    return isinstance(value, Asset) or (isinstance(value, Mapping) and "$asset" in value)


def comparable(old: Inputs, new: Inputs) -> dict[str, Any]:
    """The old inputs, with the new one's live asset where it is the same, so that handlers can compare."""
    same = {key for key, value in new.items() if storable(value) == storable(old.get(key))}
    return {key: new[key] if key in same else value for key, value in old.items()}


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from texts(item, f"{path}[{number}]")


def has_unknown(value: Any) -> bool:
    """True if a part of the value is known only after the deployment."""
    return any(UNKNOWN in text for _, text in texts(value))


_ELEMENT: Final = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|\.?([^.\[\]"]+)')


def parse_path(text: str) -> Path_:
    """A property path: `tags.owner`, `indexes[0].units`, `indexes[*].units`, `tags["a.b"]`, `*`."""
    parts: list[str | int] = []
    for quoted, index, name in _ELEMENT.findall(text):
        if index:
            parts.append("*" if index == "*" else int(index))
        else:
            parts.append(quoted.replace('\\"', '"') or name)
    return tuple(parts)


def contains(path: Path_, other: Path_) -> bool:
    """True if `other` is at or below `path`, whose `*` stands for any key or index."""
    return len(other) >= len(path) and all(wanted in ("*", found) for wanted, found in zip(path, other, strict=False))


def differing(old: Any, new: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The paths of the innermost values that differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not (is_asset(old) or is_asset(new)):
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                yield from differing(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for number in range(max(len(old), len(new))):
            before, after = old[number : number + 1], new[number : number + 1]
            if before != after:
                yield from differing(before[0] if before else None, after[0] if after else None, (*path, number))
    else:
        yield path


def path_text(path: Path_) -> str:
    """The path as Pulumi writes it."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"\w+", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def keep_ignored(new: Mapping[str, Any], old: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """`new` with the values at `paths` as in `old`, by the rules of Pulumi's `ignoreChanges`.

    An element of a list that only one side has is neither added nor removed; a key that `old` lacks is removed.
    """
    result = _copied(new)
    for path in paths:
        _reset(parse_path(path), old, result)
    return dict(result)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _reset(path: Path_, old: Any, new: Any) -> None:
    head, rest = path[0], path[1:]
    if isinstance(new, dict) and isinstance(old, Mapping) and not isinstance(head, int):
        for key in [*{*old, *new}] if head == "*" else [head]:
            if rest:
                if key in old and key in new:
                    _reset(rest, old[key], new[key])
            elif key in old:
                new[key] = old[key]
            else:
                new.pop(key, None)
    elif isinstance(new, list) and isinstance(old, list):
        both = min(len(old), len(new))
        for index in range(both) if head == "*" else [head] if isinstance(head, int) and head < both else []:
            if rest:
                _reset(rest, old[index], new[index])
            else:
                new[index] = old[index]
