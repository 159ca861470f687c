import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core import cursors
from services.core.cursors import BadCursorError

KEYS = [b"current", b"previous"]
QUERY = "board|social|sofa"
POSITION = {"userId": "anna-1", "n": 3}


def test_a_cursor_brings_its_position_back() -> None:
    cursor = cursors.sign(KEYS, QUERY, POSITION)
    assert cursors.read(KEYS, QUERY, cursor) == POSITION
    assert cursor.isascii()
    assert "=" not in cursor


def test_the_former_key_is_honoured_and_a_retired_one_is_not() -> None:
    cursor = cursors.sign([b"previous"], QUERY, POSITION)
    assert cursors.read(KEYS, QUERY, cursor) == POSITION
    with pytest.raises(BadCursorError):
        cursors.read([b"current"], QUERY, cursor)


@pytest.mark.parametrize("query", ["", "board|social|sof", "board|social|sofa ", "ledger|anna-1"])
def test_a_cursor_is_good_for_its_query_only(query: str) -> None:
    with pytest.raises(BadCursorError):
        cursors.read(KEYS, query, cursors.sign(KEYS, QUERY, POSITION))


def test_every_edited_byte_is_found() -> None:
    raw = base64.urlsafe_b64decode(cursors.sign(KEYS, QUERY, "abcd") + "==")
    for index in range(len(raw)):
        for bit in range(8):
            edited = bytearray(raw)
            edited[index] ^= 1 << bit
            with pytest.raises(BadCursorError):
                cursors.read(KEYS, QUERY, base64.urlsafe_b64encode(edited).decode())
    for length in range(len(raw)):
        with pytest.raises(BadCursorError):
            cursors.read(KEYS, QUERY, base64.urlsafe_b64encode(raw[:length]).decode())


@given(st.text())
def test_nonsense_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursorError):
        cursors.read(KEYS, QUERY, cursor)


def test_query_and_position_do_not_run_into_each_other() -> None:
    position = 'x","y'
    cursor = cursors.sign(KEYS, "a", position)
    for query in ("a\x00", 'a\x00"x', ""):
        with pytest.raises(BadCursorError):
            cursors.read(KEYS, query, cursor)
