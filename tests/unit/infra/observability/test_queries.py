"""The saved queries: every field and message is one that is logged, every query is well formed, every one is of use.

The keys are found in the code that logs them and in a line of Powertools' own; what is in AWS's own records is from
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html (`platform.report`).
"""

import ast
import inspect
import io
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache

import pytest

from infra.observability.queries import AUDIT, QUERIES, Query
from infra.paths import REPOSITORY
from localcloud.emulator import lambda_logs
from ops.shared.stage import Stage
from services.core.names import log_group
from services.core.services import SERVICES
from services.core.telemetry import Log
from tests.unit.infra.plan import plan

GUIDE = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
DISCOVERED = {"@timestamp", "@message", "@log", "@logStream"}
REPORT = {
    "type",
    "record.status",
    "record.errorType",
    "record.metrics.initDurationMs",
    "record.metrics.maxMemoryUsedMB",
}
LOGGING = {"info", "warning", "error", "exception"}


# --- what is logged ---


def _sources(service: str) -> Iterator[ast.AST]:
    for folder in (service, "core"):
        for path in sorted((REPOSITORY / "services" / folder).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def _calls(service: str) -> Iterator[tuple[ast.AST, ast.Call]]:
    """The calls of a log, each with the function that it is in."""
    for module in _sources(service):
        for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOGGING:
                    owner = ast.unparse(node.func.value)
                    if owner.rpartition(".")[2] in ("log", "logger"):
                        yield function, node


def _keys(node: ast.AST) -> Iterator[str]:
    """The literal keys of a dict, of those within it by `**`, too."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Dict):
            yield from (key.value for key in inner.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


@cache
def keys_of(log: str) -> frozenset[str]:
    """The keys of the lines of a service, or of the audit log."""
    if log == AUDIT:
        return frozenset(_keys(ast.parse(textwrap.dedent(inspect.getsource(Stage.audited)))))
    found: set[str] = set()
    for function, call in _calls(log):
        for extra in (keyword.value for keyword in call.keywords if keyword.arg == "extra"):
            found.update(_keys(extra))
            if isinstance(extra, ast.Name):
                named = (node for node in ast.walk(function) if isinstance(node, ast.Assign))
                found.update(
                    key for node in named if ast.unparse(node.targets[0]) == extra.id for key in _keys(node.value)
                )
    return frozenset(found)


@cache
def messages_of(service: str) -> frozenset[str]:
    """The messages that a service logs."""
    first = (call.args[0] for _, call in _calls(service) if call.args)
    return frozenset(str(node.value) for node in first if isinstance(node, ast.Constant))


@cache
def always() -> frozenset[str]:
    """The keys that Powertools and our own log put into each line, and Lambda into its records."""
    log, text = Log("api", "unit", "INFO"), io.StringIO()
    log.stream = text
    log.info("a line", {})
    log.logger.handlers[0].setStream(text)  # type: ignore[attr-defined]  # a handler of a stream
    try:
        raise ValueError("of a test")
    except ValueError:
        log.exception("an error")
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    record = json.loads(lambda_logs.error_record("why", "", "id", datetime.now(UTC)))
    return frozenset({key for line in (*lines, record) for key in line} | DISCOVERED | REPORT)


@pytest.mark.parametrize("service", SERVICES)
def test_no_line_has_a_key_of_its_own_in_place_of_one_that_all_have(service: str) -> None:
    assert not keys_of(service) & always()


# --- the language, as far as the queries use it ---

WORDS = {"fields", "filter", "stats", "sort", "limit", "by", "as", "and", "or", "not", "in", "like", "asc", "desc"}
FUNCTIONS = {
    "ispresent": 1,
    "count": 1,
    "count_distinct": 1,
    "max": 1,
    "min": 1,
    "avg": 1,
    "sum": 1,
    "pct": 2,
    "bin": 1,
}
AGGREGATES = FUNCTIONS.keys() - {"ispresent", "bin"}
TOKEN = re.compile(
    r'\s*(?:(?P<text>"[^"\\]*")|(?P<period>\d+[smhd]\b)|(?P<number>\d+)|(?P<name>@?[A-Za-z_][\w.]*)|(?P<sign>>=|<=|!=|[=<>(),*\[\]]))'
)
OPERAND = r"(?:NAME|NAME\(NAME\))"
LITERAL = r"(?:TEXT|NUMBER)"
TERM = rf"(?:NAME\(NAME\)|NAME (?:=|!=|<|<=|>|>=) {LITERAL}|NAME in \[ {LITERAL}(?: , {LITERAL})* \])"
MEASURE = r"NAME\( ?(?:NAME|\*)(?: , NUMBER)? ?\) as NAME"
GROUP = r"(?:NAME|NAME\( ?PERIOD ?\))"
FORMS = {
    "fields": r"fields NAME(?: , NAME)*",
    "filter": rf"filter {TERM}(?: (?:and|or) {TERM})*",
    "stats": rf"stats {MEASURE}(?: , {MEASURE})* by {GROUP}(?: , {GROUP})*",
    "sort": r"sort NAME (?:asc|desc)",
    "limit": r"limit NUMBER",
}
ORDER = ["fields", "filter", "stats", "sort", "limit"]


def tokens(command: str) -> list[tuple[str, str]]:
    """The tokens of a command, each with its kind. Fails at what is none."""
    found, at = [], 0
    while at < len(command.rstrip()):
        match = TOKEN.match(command, at)
        assert match, f"no token: {command[at:]}"
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        at = match.end()
    return found


def shape(command: str) -> str:
    """The command with its names, texts and numbers by their kind."""
    words = [
        value if kind == "sign" or (value in WORDS and kind == "name") else kind.upper()
        for kind, value in tokens(command)
    ]
    return re.sub(r"NAME \( (NAME|\*|PERIOD)((?: , NUMBER)?) \)", r"NAME(\1\2)", " ".join(words))


def parse(query: str) -> list[list[tuple[str, str]]]:
    """The commands as tokens. Fails where a command is none of those of the language, or has another form."""
    commands = [command.strip() for command in query.split("|")]
    names = [command.split(None, 1)[0] for command in commands]
    assert names == [name for name in ORDER if name in names], f"order: {names}"
    for name, command in zip(names, commands, strict=True):
        assert re.fullmatch(FORMS[name], shape(command)), f"{command}: {shape(command)}"
    return [tokens(command) for command in commands]


def fields_of(query: str) -> set[str]:
    """The fields that a query reads, without those that it makes itself; fails at a function that is none."""
    read: set[str] = set()
    made: set[str] = set()
    for command in parse(query):
        name = command[0][1]
        for index, (kind, value) in enumerate(command):
            if kind != "name" or value in WORDS:
                continue
            if command[index + 1 : index + 2] == [("sign", "(")]:
                assert value in (AGGREGATES | {"bin"} if name == "stats" else {"ispresent"}), f"function {value}"
                inside = command[index + 2 : command.index(("sign", ")"), index)]
                assert inside.count(("sign", ",")) + 1 == FUNCTIONS[value], f"arguments of {value}"
            elif command[index - 1][1] == "as":
                made.add(value)
            elif value not in made:
                read.add(value)
    return read


# --- the tests ---


def logged(query: Query) -> set[str]:
    own: Iterable[str] = (key for log in query.logs for key in keys_of(log))
    return {*own, *(() if query.logs == (AUDIT,) else always()), *DISCOVERED}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.key)
def test_a_query_is_well_formed_and_reads_fields_that_its_logs_have(query: Query) -> None:
    assert fields_of(query.text) <= logged(query)
    assert len(query.text) <= 10_000


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.key)
def test_a_message_that_a_query_asks_for_is_logged(query: Query) -> None:
    asked = re.findall(r'message (?:= |in \[)((?:"[^"]+"(?:, )?)+)', query.text)
    messages = {message for part in asked for message in re.findall(r'"([^"]+)"', part)}
    assert messages <= {message for log in query.logs for message in messages_of(log)}


@pytest.mark.parametrize(
    ("was", "wrong"),
    [
        ("duration_ms > 1000", "duration > 1000"),
        ("request_id, cause", "requestId2, cause"),
        ("| sort duration_ms desc", "| sort duration_ms"),
        ("| limit 100", "| limit"),
        ("| limit 100", "| limit ten"),
        ('message = "request"', "message = 'request'"),
        ('message = "request" and', 'message = "request"'),
        ('message = "request"', 'message == "request"'),
        ("fields @timestamp", "select @timestamp"),
        ("| filter", "filter"),
        ("duration_ms > 1000", "present(duration_ms)"),
    ],
)
def test_a_slip_in_a_query_is_told(was: str, wrong: str) -> None:
    (query,) = (query for query in QUERIES if query.key == "slow-requests")
    assert was in query.text
    with pytest.raises((AssertionError, KeyError)):
        assert fields_of(query.text.replace(was, wrong, 1)) <= logged(query)


def test_a_key_or_message_that_is_renamed_is_missed() -> None:
    assert {"request_id", "route", "status", "duration_ms", "user", "code", "cause"} <= keys_of("api")
    assert not {"entry_id", "trigger"} & keys_of("api")
    assert "reward failed" in messages_of("rewards") - messages_of("api")
    assert {"actor", "outcome"} <= keys_of(AUDIT)
    assert {"exception", "exception_name", "level", "service", "errorType", "errorMessage"} <= always()


@pytest.mark.parametrize("stage", ["dev", "staging", "prod", "local"])
def test_every_stage_has_every_query_over_log_groups_that_it_has(stage: str) -> None:
    planned = {query.inputs["name"]: query.inputs for query in plan(stage).of("QueryDefinition")}
    assert set(planned) == {query.name(stage) for query in QUERIES}
    groups = {group.inputs["name"] for group in plan(stage).of("LogGroup")}
    for inputs in planned.values():
        assert inputs["logGroupNames"]
        assert set(inputs["logGroupNames"]) <= groups
    assert planned[f"civicforge-{stage}-errors"]["logGroupNames"] == [log_group(stage, name) for name in SERVICES]


def sections() -> dict[str, str]:
    """The sections of the guide by their headings."""
    parts = re.split(r"^#+ (.+)$", GUIDE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_runbook_names_each_query_where_it_helps_and_none_that_is_gone() -> None:
    named = {
        (heading, key)
        for heading, text in sections().items()
        for key in re.findall(r"`civicforge-STAGE-([a-z-]+)`", text)
    }
    assert named - {("flood", "logs")} == {(heading, query.key) for query in QUERIES for heading in query.runbook}


def test_monitoring_lists_them() -> None:
    page = (REPOSITORY / "docs/monitoring.md").read_text(encoding="utf-8")
    assert [f"`civicforge-<stage>-{query.key}`" in page for query in QUERIES] == [True] * len(QUERIES)
