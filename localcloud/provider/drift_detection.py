"""AWS's description of a resource, compared with what the program sets: the values that somebody changed by hand.

A handler's `read` asks AWS to describe the resource. Here the answers themselves are looked at, so that every type
whose `read` gets a description shows changed values, without a list of its own. An input and a member of the answer
are the same thing by the names by which `base.translate` sends it. What an answer does not name is not compared; nor is
what AWS adds (defaults).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from localcloud.provider.base import Cloud, Handler, Inputs
from localcloud.provider.values import has_unknown, is_asset

Answer = Mapping[str, Any]

_PAIRS: Final = (("Name", "Value"), ("Key", "Value"), ("TagKey", "TagValue"))
_NEVER_COMPARED: Final = frozenset({"tags", "tagsAll", "region"})
_ABSENT: Final = object()


class RecordingCloud(Cloud):
    """A cloud that notes the answers of AWS to whoever uses it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.endpoint, self.region = cloud.endpoint, cloud.region
        self.answers: list[Answer] = []

    def client(self, service: str) -> Any:
        """The boto3 client of a service, whose answers are noted."""
        return _Client(self._cloud.client(service), self.answers)

    @property
    def account(self) -> str:
        """The account's 12 digits."""
        return self._cloud.account


class _Client:
    def __init__(self, client: Any, answers: list[Answer]) -> None:
        self._client = client
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._noted(found) if name in self._client.meta.method_to_api_mapping else found

    def _noted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            answer = method(**parameters)
            self._answers.append({key: value for key, value in answer.items() if key != "ResponseMetadata"})
            return answer

        return call


def changed_values(handler: Handler, inputs: Inputs, answers: Sequence[Answer]) -> dict[str, Any]:
    """The inputs whose live value differs from the declared one, with the live value in Pulumi's form.

    Inputs in `replace_on` are skipped: AWS cannot change them in place.
    """
    live = {key: value for answer in answers for key, value in answer.items()}
    left_out = _NEVER_COMPARED | handler.replace_on | handler.not_compared
    found = {}
    for key, declared in {**handler.defaults, **inputs}.items():
        if key in left_out or declared is None or is_asset(declared) or has_unknown(declared):
            continue
        described = _find(live, key, handler.names)
        if described is not _ABSENT:
            seen = _seen(declared, described, handler.names)
            if seen != declared:
                found[key] = seen
    return found


def _find(live: Any, key: str, names: Mapping[str, str]) -> Any:
    """The member of a description that an input is sent as: the one that lies least deep, if there is one such."""
    level = [live]
    while level:
        found = [value for part in level if (value := _member(part, key, names)) is not _ABSENT]
        if found:
            return found[0] if len(found) == 1 else _ABSENT
        level = [inner for part in level for inner in _inside(part)]
    return _ABSENT


def _inside(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for value in part.values():
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(one, dict):
            yield one


def _member(part: Mapping[str, Any], key: str, names: Mapping[str, str]) -> Any:
    by_name = {name.lower(): value for name, value in part.items()}
    lowered = key.lower()
    candidates = [lowered, lowered.removesuffix("s"), f"{lowered}s", f"{lowered.removesuffix('y')}ies"]
    candidates = [names[key].lower()] if key in names else candidates
    return next((by_name[name] for name in candidates if name in by_name), _ABSENT)


def _seen(declared: Any, live: Any, names: Mapping[str, str]) -> Any:
    """The declared value with what is described in place of what differs."""
    if isinstance(live, bytes):
        live = live.decode("utf-8", "replace")
    if isinstance(declared, dict):
        return _seen_structure(declared, live, names)
    if isinstance(declared, list):
        return _seen_list(declared, live, names)
    if isinstance(live, list) and len(live) == 1:
        live = live[0]
    if isinstance(declared, str) and declared[:1] in ("{", "["):
        return declared if _document(declared) == _document(live) else _text(live)
    if isinstance(live, dict | list) or live is None:
        return declared
    return declared if _scalar(declared) == _scalar(live) else _like(declared, live)


def _seen_structure(declared: dict[str, Any], live: Any, names: Mapping[str, str]) -> Any:
    if isinstance(live, list):
        pairs = _as_map(live)
        if pairs is None:
            return declared if len(live) != 1 else _seen(declared, live[0], names)
        live = pairs
    if not isinstance(live, dict):
        return declared
    seen = {}
    for key, value in declared.items():
        described = live[key] if key in live else _find(live, key, names)
        seen[key] = value if described is _ABSENT or value is None else _seen(value, described, names)
    return seen


def _seen_list(declared: list[Any], live: Any, names: Mapping[str, str]) -> Any:
    if isinstance(live, dict):
        if len(declared) == 1 and isinstance(declared[0], dict) and "Items" not in live:
            return [_seen(declared[0], live, names)]
        live = live.get("Items", [] if live.get("Quantity") == 0 else None)
    if not isinstance(live, list):
        return declared
    if not any(isinstance(item, dict) for item in [*declared, *live]):
        return declared if sorted(map(_scalar, declared)) == sorted(map(_scalar, live)) else live
    left, seen = list(live), []
    for item in declared:
        same = next((one for one in left if _seen(item, one, names) == item), _ABSENT)
        if same is not _ABSENT:
            left.remove(same)
        seen.append(item if same is not _ABSENT else _ABSENT)
    # A declared item without a match pairs with the next unmatched live one, in order; surplus live ones were added.
    for index, item in enumerate(seen):
        if item is _ABSENT and left:
            seen[index] = _seen(declared[index], left.pop(0), names)
    return [*(item for item in seen if item is not _ABSENT), *(_camel(item) for item in left)]


def _as_map(live: list[Any]) -> dict[str, Any] | None:
    for key, value in _PAIRS:
        if live and all(isinstance(item, dict) and set(item) == {key, value} for item in live):
            return {item[key]: item[value] for item in live}
    return None


def _document(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _text(live: Any) -> str:
    return live if isinstance(live, str) else json.dumps(live, default=str)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return str(float(value))
    except (TypeError, ValueError):
        return str(value)


def _like(declared: Any, live: Any) -> Any:
    """The live value in the declared one's type."""
    if isinstance(declared, bool):
        return str(live).lower() == "true"
    if isinstance(declared, int | float):
        try:
            return type(declared)(float(live))
        except ValueError:
            return live
    return str(live)


def _camel(item: Any) -> Any:
    if isinstance(item, dict):
        return {key[:1].lower() + key[1:]: _camel(value) for key, value in item.items()}
    return [_camel(part) for part in item] if isinstance(item, list) else item
