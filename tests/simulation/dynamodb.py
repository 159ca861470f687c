"""A model of DynamoDB for the simulation: conditions, updates, transactions with client tokens, sparse indexes, pages,
streams, and reads that lag behind.

Stored items are never changed in place, so that keeping every former version costs nothing. Numbers are integers, as
in the platform's tables. `tests/platform/test_model_of_dynamodb.py` compares it with the emulator, request by request.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from services.core.tables import Table

Item = dict[str, Any]
Value = Mapping[str, Any]
Key = tuple[str, ...]
Answer = dict[str, Any]


class RefusedError(Exception):
    """An error answer; `fields` are added to its document."""

    def __init__(self, code: str, status: int = 400, **fields: Any) -> None:
        super().__init__(code)
        self.code, self.status, self.fields = code, status, fields


def _invalid(why: str) -> RefusedError:
    return RefusedError("ValidationException", message=why)


class Scope(NamedTuple):
    """The item, names and values that an expression is evaluated on."""

    item: Item
    names: Mapping[str, str]
    values: Mapping[str, Value]


Read = Callable[[Scope], Value | None]
Test = Callable[[Scope], bool]
Step = str | int


class Action(NamedTuple):
    """One assignment of an update expression; `read` is None for REMOVE."""

    verb: str
    path: tuple[Step, ...]
    read: Read | None


_TOKEN = re.compile(r"\s*(<>|<=|>=|[()=<>,+\-.\[\]]|\d+|[#:]?[A-Za-z_][A-Za-z0-9_]*)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _number(value: Value | None) -> int:
    if value is None or "N" not in value:
        raise _invalid("an operand in the update expression has an incorrect data type")
    return int(value["N"])


def _comparable(value: Value) -> tuple[str, Any]:
    ((kind, content),) = value.items()
    return (kind, int(content)) if kind == "N" else (kind, content)


def _compare(operator: str, left: Value | None, right: Value | None) -> bool:
    if operator == "<>":
        return left is None or right is None or _comparable(left) != _comparable(right)
    if left is None or right is None:
        return False
    (left_kind, a), (right_kind, b) = _comparable(left), _comparable(right)
    return left_kind == right_kind and _COMPARE[operator](a, b)


def _contains(whole: Value | None, part: Value | None) -> bool:
    if whole is None or part is None:
        return False
    ((kind, content),) = whole.items()
    return part in content if kind == "L" else next(iter(part.values())) in content


def _begins(whole: Value | None, part: Value | None) -> bool:
    return whole is not None and part is not None and str(whole.get("S", "")).startswith(part["S"])


class _Parser:
    """Recursive descent over one expression."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        self.placeholders: set[str] = set()
        self._at, position, text = 0, 0, text.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise _invalid(f"syntax error: {text[position:]}")
            self._tokens.append(match[1])
            position = match.end()

    def peek(self, ahead: int = 0) -> str:
        """The next token, or an empty text at the end."""
        return self._tokens[self._at + ahead] if self._at + ahead < len(self._tokens) else ""

    def take(self, wanted: str = "") -> str:
        """The next token, which is now behind. Raises RefusedError if it is another than `wanted`."""
        token = self.peek()
        self._at += 1
        if not token or (wanted and token.upper() != wanted):
            raise _invalid(f"syntax error: {token or 'end'} for {wanted}")
        if token[0] in "#:":
            self.placeholders.add(token)
        return token

    def skip(self, token: str) -> bool:
        """Skips the next token if it is this one, and returns True then."""
        found = self.peek().upper() == token
        self._at += found
        return found

    def condition(self) -> Test:
        """Alternatives."""
        parts = [self._conjunction()]
        while self.skip("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda scope: any(part(scope) for part in parts)

    def _conjunction(self) -> Test:
        parts = [self._negation()]
        while self.skip("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda scope: all(part(scope) for part in parts)

    def _negation(self) -> Test:
        if self.skip("NOT"):
            inner = self._negation()
            return lambda scope: not inner(scope)
        if self.skip("("):
            inner = self.condition()
            self.take(")")
            return inner
        return self._function() if self.peek(1) == "(" and self.peek() != "size" else self._comparison()

    def _function(self) -> Test:
        name = self.take()
        first, *others = self._arguments()
        match name:
            case "attribute_exists":
                return lambda scope: first(scope) is not None
            case "attribute_not_exists":
                return lambda scope: first(scope) is None
            case "begins_with":
                return lambda scope: _begins(first(scope), others[0](scope))
            case "contains":
                return lambda scope: _contains(first(scope), others[0](scope))
        raise _invalid(f"unknown function {name}")

    def _arguments(self) -> list[Read]:
        self.take("(")
        found = [self.operand()]
        while self.skip(","):
            found.append(self.operand())
        self.take(")")
        return found

    def _comparison(self) -> Test:
        left = self.operand()
        if self.peek().upper() == "IN":
            self.take()
            choices = self._arguments()
            return lambda scope: any(_compare("=", left(scope), choice(scope)) for choice in choices)
        if self.skip("BETWEEN"):
            low = self.operand()
            self.take("AND")
            high = self.operand()
            return lambda scope: _compare(">=", left(scope), low(scope)) and _compare("<=", left(scope), high(scope))
        operator, right = self.take(), self.operand()
        if operator not in (*_COMPARE, "<>"):
            raise _invalid(f"unknown operator {operator}")
        return lambda scope: _compare(operator, left(scope), right(scope))

    def operand(self) -> Read:
        """A value, a path or a function of one."""
        if self.peek(1) == "(":
            name, arguments = self.take(), self._arguments()
            return _value_function(name, arguments)
        if self.peek().startswith(":"):
            token = self.take()
            return lambda scope: scope.values[token]
        path = self.path()
        return lambda scope: _look_up(scope, path)

    def path(self) -> tuple[Step, ...]:
        """A document path: names, placeholders of names, and places in lists."""
        steps: list[Step] = [self.take()]
        while True:
            if self.skip("."):
                steps.append(self.take())
            elif self.skip("["):
                steps.append(int(self.take()))
                self.take("]")
            else:
                return tuple(steps)

    def actions(self) -> list[Action]:
        """The assignments of an update expression."""
        found: list[Action] = []
        verb = ""
        while self.peek():
            if self.peek().upper() in ("SET", "REMOVE", "ADD", "DELETE"):
                verb = self.take().upper()
            path = self.path()
            if verb == "SET":
                self.take("=")
                found.append(Action(verb, path, self._sum()))
            else:
                found.append(Action(verb, path, self.operand() if verb in ("ADD", "DELETE") else None))
            self.skip(",")
        return found

    def _sum(self) -> Read:
        left = self.operand()
        if self.peek() not in ("+", "-"):
            return left
        sign = 1 if self.take() == "+" else -1
        right = self.operand()
        return lambda scope: {"N": str(_number(left(scope)) + sign * _number(right(scope)))}


def _value_function(name: str, arguments: list[Read]) -> Read:
    match name:
        case "size":
            return lambda scope: _size(arguments[0](scope))
        case "if_not_exists":
            return lambda scope: found if (found := arguments[0](scope)) is not None else arguments[1](scope)
        case "list_append":
            return lambda scope: {"L": [part for list_ in arguments for part in (list_(scope) or {})["L"]]}
    raise _invalid(f"unknown function {name}")


def _size(value: Value | None) -> Value | None:
    return None if value is None else {"N": str(len(next(iter(value.values()))))}


def _named(scope: Scope, step: Step) -> Step:
    return scope.names[step] if isinstance(step, str) and step[0] == "#" else step


def _look_up(scope: Scope, path: tuple[Step, ...]) -> Value | None:
    found: Any = {"M": scope.item}
    for step in path:
        name = _named(scope, step)
        inside = found.get("L" if isinstance(name, int) else "M")
        if inside is None or (isinstance(name, int) and name >= len(inside)):
            return None
        found = inside[name] if isinstance(name, int) else inside.get(name)
        if found is None:
            return None
    return found  # type: ignore[no-any-return]  # an attribute value


def _replaced(content: Any, path: Sequence[Step], value: Value | None) -> Any:
    """A copy of a map's or list's content with the value at the path, or without what is there."""
    step, copy = path[0], content.copy()
    try:
        if len(path) > 1:
            ((kind, inside),) = copy[step].items()
            copy[step] = {kind: _replaced(inside, path[1:], value)}
        elif value is not None:
            if isinstance(step, int) and step >= len(copy):
                copy.append(value)
            else:
                copy[step] = value
        elif isinstance(step, int):
            del copy[step : step + 1]
        else:
            copy.pop(step, None)
    except (KeyError, IndexError):
        raise _invalid("the document path is invalid for update") from None
    return copy


@lru_cache(4096)
def condition(text: str) -> tuple[Test, frozenset[str]]:
    """A condition, and the placeholders that it uses. Raises RefusedError."""
    parser = _Parser(text)
    test = parser.condition()
    if parser.peek():
        raise _invalid(f"syntax error: {parser.peek()}")
    return test, frozenset(parser.placeholders)


@lru_cache(4096)
def update(text: str) -> tuple[list[Action], frozenset[str]]:
    """An update's assignments, and the placeholders that they use. Raises RefusedError."""
    parser = _Parser(text)
    return parser.actions(), frozenset(parser.placeholders)


def _added(former: Value | None, more: Value) -> Value:
    ((kind, content),) = more.items()
    if kind == "N":
        return {"N": str((int(former["N"]) if former else 0) + int(content))}
    there = former[kind] if former else []
    return {kind: [*there, *(part for part in content if part not in there)]}


def _without(former: Value | None, less: Value) -> Value | None:
    ((kind, content),) = less.items()
    left = [part for part in (former[kind] if former else []) if part not in content]
    return {kind: left} if left else None


def _applied(item: Item, actions: list[Action], names: Mapping[str, str], values: Mapping[str, Value]) -> Item:
    """Every action reads the item as it was."""
    scope, new = Scope(item, names, values), item
    for verb, path, read in actions:
        steps = [_named(scope, step) for step in path]
        value = read(scope) if read else None
        if verb == "SET" and value is None:
            raise _invalid("the provided expression refers to an attribute that does not exist in the item")
        if verb == "ADD" and value is not None:
            value = _added(_look_up(scope, path), value)
        if verb == "DELETE" and value is not None:
            value = _without(_look_up(scope, path), value)
        new = _replaced(new, steps, value)
    return new


class Change(NamedTuple):
    """A change of one item: virtual time in seconds, its author (see `Database`), and the item before and after."""

    at: float
    by: Any
    key: Key
    old: Item | None
    new: Item | None


class _Write(NamedTuple):
    """A write that is prepared: what it would make of an item, and whether its condition holds."""

    table: "StoredTable"
    key: Key
    old: Item | None
    new: Item | None
    holds: bool
    returns_old: bool


class StoredTable:
    """A table's items and its history."""

    def __init__(self, declared: Table) -> None:
        self.declared = declared
        self.keys = [declared.partition_key, *([declared.sort_key] if declared.sort_key else [])]
        self.items: dict[Key, Item] = {}
        self.former: dict[Key, list[tuple[float, Item | None]]] = {}
        """For each key the items that were replaced, and when, oldest first."""
        self.log: list[Change] = []
        self.stream: list[dict[str, Any]] = []
        """Its stream's records; empty if the table has none."""

    def key_of(self, item: Mapping[str, Any]) -> Key:
        """The item's primary key."""
        return tuple(item[name]["S"] for name in self.keys)

    def index(self, name: str | None) -> tuple[list[str], tuple[str, ...] | None]:
        """The key attributes and the projected ones of an index; all (None) of the table itself."""
        if name is None:
            return self.keys, None
        index = self.declared.index(name)
        return [index.partition_key, *([index.sort_key] if index.sort_key else [])], index.projected


class Database:
    """The tables.

    `now` returns the virtual time in seconds, `author` the value that `Change.by` records. `lag` returns the age in
    seconds of one key in one eventually consistent read, `unprocessed` how many of a batch's keys are left out.
    """

    def __init__(self, tables: Iterable[Table], now: Callable[[], float], author: Callable[[], Any]) -> None:
        self.tables = {table.base_name: StoredTable(table) for table in tables}
        self.page_size = 1000
        self.lag: Callable[[], float] = lambda: 0.0
        self.unprocessed: Callable[[int], int] = lambda _: 0
        self._now, self._author = now, author
        self._sequence = 0
        self._tokens: set[str] = set()

    def table(self, name: str) -> StoredTable:
        """The table of this name, `civicforge-<stage>-<base name>`. Raises RefusedError."""
        try:
            return self.tables[name.split("-", 2)[2]]
        except (IndexError, KeyError):
            raise RefusedError("ResourceNotFoundException") from None

    def call(self, operation: str, body: Answer) -> Answer:
        """Carries a request out. Raises RefusedError."""
        answer: Answer = getattr(self, f"_{operation}")(body)
        return answer

    def write(self, base_name: str, item: Item) -> None:
        """Puts an item into a table without a request, as part of the state that a test begins with."""
        table = self.tables[base_name]
        self._apply(table, table.key_of(item), table.items.get(table.key_of(item)), item)

    # --- writes ---

    def _prepare(self, kind: str, write: Answer) -> _Write:
        table = self.table(write["TableName"])
        key = table.key_of(write["Item"] if kind == "Put" else write["Key"])
        old = table.items.get(key)
        names, values = write.get("ExpressionAttributeNames") or {}, write.get("ExpressionAttributeValues") or {}
        used: frozenset[str] = frozenset()
        holds = True
        if "ConditionExpression" in write:
            test, used = condition(write["ConditionExpression"])
        actions: list[Action] = []
        if "UpdateExpression" in write:
            if not write["UpdateExpression"].strip():
                raise _invalid("Invalid UpdateExpression: The expression can not be empty;")
            actions, more = update(write["UpdateExpression"])
            used |= more
        _check_placeholders(used, names, values)
        if "ConditionExpression" in write:
            holds = test(Scope(old or {}, names, values))
        new = {"Put": write.get("Item"), "Delete": None}.get(kind, old)
        if kind == "Update" and holds:
            new = _applied(old if old is not None else dict(write["Key"]), actions, names, values)
        return _Write(table, key, old, new, holds, write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")

    def _apply(self, table: StoredTable, key: Key, old: Item | None, new: Item | None) -> None:
        if new == old:
            return
        now = self._now()
        if new is None:
            del table.items[key]
        else:
            table.items[key] = new
        table.former.setdefault(key, []).append((now, old))
        table.log.append(Change(now, self._author(), key, old, new))
        if table.declared.stream:
            self._sequence += 1
            image = new if new is not None else old
            assert image is not None
            table.stream.append(
                {
                    "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
                    "eventSource": "aws:dynamodb",
                    "dynamodb": {
                        "SequenceNumber": str(self._sequence),
                        "ApproximateCreationDateTime": now,
                        "Keys": {name: image[name] for name in table.keys},
                        **({"NewImage": new} if new is not None else {}),
                        **({"OldImage": old} if old is not None else {}),
                    },
                }
            )

    def _single(self, kind: str, body: Answer) -> Answer:
        write = self._prepare(kind, body)
        if not write.holds:
            fields: Answer = {"Item": write.old} if write.returns_old and write.old else {}
            raise RefusedError("ConditionalCheckFailedException", **fields)
        self._apply(write.table, write.key, write.old, write.new)
        updated = {name: value for name, value in (write.new or {}).items() if (write.old or {}).get(name) != value}
        images = {"ALL_NEW": write.new, "ALL_OLD": write.old, "UPDATED_NEW": updated}
        image = images.get(body.get("ReturnValues", "NONE"))
        return {"Attributes": image} if image else {}

    def _PutItem(self, body: Answer) -> Answer:  # noqa: N802  # AWS's name of the operation, as all below
        return self._single("Put", body)

    def _UpdateItem(self, body: Answer) -> Answer:  # noqa: N802
        return self._single("Update", body)

    def _DeleteItem(self, body: Answer) -> Answer:  # noqa: N802
        return self._single("Delete", body)

    def _BatchWriteItem(self, body: Answer) -> Answer:  # noqa: N802
        writes = [(name, *one.popitem()) for name, asked in body["RequestItems"].items() for one in map(dict, asked)]
        if not 0 < len(writes) <= 25:
            raise _invalid("1 to 25 requests")
        for name, kind, asked in writes:
            write = self._prepare(kind.removesuffix("Request"), {"TableName": name, **asked})
            self._apply(write.table, write.key, write.old, write.new)
        return {"UnprocessedItems": {}}

    def _TransactWriteItems(self, body: Answer) -> Answer:  # noqa: N802
        token = body.get("ClientRequestToken")
        if token in self._tokens:
            return {}
        writes = [self._prepare(kind, write) for item in body["TransactItems"] for kind, write in item.items()]
        if len({(write.table.declared.base_name, write.key) for write in writes}) < len(writes):
            raise _invalid("transaction request cannot include multiple operations on one item")
        if not all(write.holds for write in writes):
            raise RefusedError("TransactionCanceledException", CancellationReasons=[_reason(write) for write in writes])
        for write in writes:
            self._apply(write.table, write.key, write.old, write.new)
        if token:
            self._tokens.add(token)
        return {}

    # --- reads ---

    def _seen(self, table: StoredTable, key: Key, consistent: bool) -> Item | None:
        """The item as a read sees it."""
        if not consistent and (former := table.former.get(key)) and (age := self.lag()):
            since = self._now() - age
            for replaced_at, was in former:  # oldest first: the first one that still stood at that moment
                if replaced_at > since:
                    return was
        return table.items.get(key)

    def _all_seen(self, table: StoredTable, consistent: bool) -> list[Item]:
        if consistent:
            return list(table.items.values())
        keys = {**table.items, **table.former}
        return [item for key in keys if (item := self._seen(table, key, consistent=False)) is not None]

    def _GetItem(self, body: Answer) -> Answer:  # noqa: N802
        table = self.table(body["TableName"])
        item = self._seen(table, table.key_of(body["Key"]), body.get("ConsistentRead", False))
        return {"Item": _projected(item, body)} if item else {}

    def _BatchGetItem(self, body: Answer) -> Answer:  # noqa: N802
        found: dict[str, list[Item]] = {}
        left: Answer = {}
        for name, asked in body["RequestItems"].items():
            table, keys = self.table(name), asked["Keys"]
            if not 0 < len(keys) <= 100 or len({table.key_of(key) for key in keys}) < len(keys):
                raise _invalid("1 to 100 keys, each once")
            if skipped := self.unprocessed(len(keys)):
                keys, left[name] = keys[skipped:], {**asked, "Keys": keys[:skipped]}
            items = (self._seen(table, table.key_of(key), asked.get("ConsistentRead", False)) for key in keys)
            found[name] = [_projected(item, asked) for item in items if item]
        return {"Responses": found, "UnprocessedKeys": left}

    def _Query(self, body: Answer) -> Answer:  # noqa: N802
        table, index = self.table(body["TableName"]), body.get("IndexName")
        if index and body.get("ConsistentRead"):
            raise _invalid("consistent reads are not supported on global secondary indexes")
        sort, _ = table.index(index)
        names, values = body.get("ExpressionAttributeNames") or {}, body.get("ExpressionAttributeValues") or {}
        test, used = condition(body["KeyConditionExpression"])
        _check_placeholders(used | _placeholders(body), names, values)
        rows = [
            item
            for item in self._all_seen(table, body.get("ConsistentRead", False))
            if all(name in item for name in sort) and test(Scope(item, names, values))
        ]

        def order(item: Mapping[str, Any]) -> tuple[str, ...]:
            return (*(_sortable(item[name]) for name in sort[1:]), *table.key_of(item))

        return _page(table, rows, body, order, [*sort, *table.keys], self.page_size)

    def _Scan(self, body: Answer) -> Answer:  # noqa: N802
        table, segments = self.table(body["TableName"]), body.get("TotalSegments", 1)
        _check_placeholders(
            _placeholders(body), body.get("ExpressionAttributeNames") or {}, body.get("ExpressionAttributeValues") or {}
        )
        rows = [
            item
            for item in self._all_seen(table, body.get("ConsistentRead", False))
            if sum(map(ord, table.key_of(item)[0])) % segments == body.get("Segment", 0)
        ]
        return _page(table, rows, body, table.key_of, table.keys, self.page_size)


def _reason(write: _Write) -> Answer:
    if write.holds:
        return {"Code": "None"}
    return {"Code": "ConditionalCheckFailed", **({"Item": write.old} if write.returns_old and write.old else {})}


def _check_placeholders(used: frozenset[str], names: Mapping[str, str], values: Mapping[str, Value]) -> None:
    given = names.keys() | values.keys()
    if unused := given - used:
        raise _invalid(f"unused in expressions: {sorted(unused)}")
    if unknown := used - given:
        raise _invalid(f"not defined: {sorted(unknown)}")


def _placeholders(body: Answer) -> frozenset[str]:
    """Those of a read's filter and projection."""
    used = condition(body["FilterExpression"])[1] if "FilterExpression" in body else frozenset()
    return used | {name for name in _projection(body) if name[0] == "#"}


def _projection(body: Answer) -> list[str]:
    text = body.get("ProjectionExpression", "")
    return [name.strip() for name in text.split(",")] if text else []


def _projected(item: Item, body: Answer) -> Item:
    names = body.get("ExpressionAttributeNames") or {}
    wanted = {names.get(name, name) for name in _projection(body)}
    return {name: value for name, value in item.items() if name in wanted} if wanted else item


def _sortable(value: Value) -> str:
    """Text that orders as the sort key does; numbers are not negative."""
    return str(value["S"]) if "S" in value else f"{int(value['N']):030d}"


def _page(
    table: StoredTable,
    rows: list[Item],
    body: Answer,
    order: Callable[[Mapping[str, Any]], tuple[str, ...]],
    keys: list[str],
    page_size: int,
) -> Answer:
    """A page in order; filters apply after the limit, as on AWS."""
    backward = body.get("ScanIndexForward") is False
    rows.sort(key=order, reverse=backward)
    if start := body.get("ExclusiveStartKey"):
        rows = [row for row in rows if (order(row) < order(start) if backward else order(row) > order(start))]
    most = min(body.get("Limit", page_size), page_size)
    page = rows[:most]
    last = {"LastEvaluatedKey": {name: page[-1][name] for name in dict.fromkeys(keys)}} if len(rows) >= most else {}
    _, projected = table.index(body.get("IndexName"))
    names, values = body.get("ExpressionAttributeNames") or {}, body.get("ExpressionAttributeValues") or {}
    if "FilterExpression" in body:
        test, _ = condition(body["FilterExpression"])
        page = [item for item in page if test(Scope(item, names, values))]
    if projected is not None:
        page = [{name: value for name, value in item.items() if name in keys or name in projected} for item in page]
    page = [_projected(item, body) for item in page]
    return {"Items": page, "Count": len(page), **last}
