"""An operation's declaration: what mypy refuses of it, and the errors that it documents."""

from services.api import requests, views
from services.api.operations.lists import list_my_ledger
from services.api.operations.operation import AnyOperation, NoBody, NoQuery, Operation, errors
from services.api.operations.quests import attest_quest, cancel_quest

VIEW = views.QuestView


def test_mypy_refuses_the_wrong_models() -> None:
    """`warn_unused_ignores` fails the check once mypy accepts one of these lines.

    They are expected to be what the declarations are: as `Operation[Any, Any]`, mypy once accepted all of them there.
    """
    wrong: list[AnyOperation] = [
        Operation(attest_quest, requests.ReasonBody, NoQuery, VIEW, "another body"),  # type: ignore[arg-type]
        Operation(attest_quest, NoBody, NoQuery, VIEW, "no body"),  # type: ignore[arg-type]
        Operation(cancel_quest, requests.AttestBody, NoQuery, VIEW, "a body too many"),  # type: ignore[arg-type]
        Operation(list_my_ledger, NoBody, NoQuery, views.LedgerPage, "no query"),  # type: ignore[arg-type]
        Operation(list_my_ledger, NoBody, requests.BoardQuery, views.LedgerPage, "another"),  # type: ignore[arg-type]
        Operation(attest_quest, NoQuery, NoBody, VIEW, "the wrong way round"),  # type: ignore[arg-type, type-var]
    ]
    assert wrong


def test_errors_follow_from_the_declaration() -> None:
    plain = Operation(cancel_quest, NoBody, NoQuery, VIEW, "")
    assert plain.errors(public=True) == {422, 429, 503}
    assert plain.errors(public=False) == {401, 422, 429, 503}
    assert Operation(cancel_quest, NoBody, NoQuery, VIEW, "", always=True).errors(public=True) == {422, 429}
    assert Operation(cancel_quest, NoBody, NoQuery, VIEW, "", errors(403, 404)).errors(public=True) >= {403, 404}
    assert Operation(cancel_quest, NoBody, NoQuery, VIEW, "", idempotency_key=True).errors(public=True) >= {400}
    body = Operation(attest_quest, requests.AttestBody, NoQuery, VIEW, "")
    assert body.errors(public=True) == {400, 413, 415, 422, 429, 503}
    page = Operation(list_my_ledger, NoBody, requests.PageQuery, views.LedgerPage, "")
    assert page.errors(public=True) == {400, 422, 429, 503}
