"""Collecting of what is declared, so that no list beside the declarations can forget one."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def collected(namespace: Mapping[str, Any], kind: type[T]) -> tuple[T, ...]:
    """The values of a type among the names of a module or an object, in order, once each.

    Tuples, lists and mappings are looked into. Names with a leading underscore are left out.
    """
    public = [value for name, value in namespace.items() if not name.startswith("_")]
    return tuple({id(found): found for value in public for found in _within(value, kind)}.values())


def _within(value: Any, kind: type[T]) -> Iterator[T]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _within(item, kind)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _within(item, kind)
