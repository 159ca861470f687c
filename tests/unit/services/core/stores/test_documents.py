"""Documents are rewritten by condition, whoever else writes meanwhile."""

from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from services.core.stores.documents import Body, DocumentStore
from services.core.stores.dynamo import StoreUnavailableError
from tests.unit.services.bucket import Bucket, refused

KEY = "published/quests/q.json"


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def store(bucket: Bucket) -> DocumentStore:
    client: Any = bucket
    return DocumentStore(client, "site", sleep=lambda _: None)


def constant(body: Body) -> Any:
    return lambda _: body


def test_a_document_is_made_changed_kept_and_taken_away(store: DocumentStore, bucket: Bucket) -> None:
    assert store.rewrite(KEY, constant(b"one"))
    assert store.read(KEY) == b"one"
    assert store.rewrite(KEY, constant(b"two"))
    writes = len(bucket.history)
    assert not store.rewrite(KEY, constant(b"two"))
    assert len(bucket.history) == writes, "nothing is written where nothing changes"
    assert store.rewrite(KEY, constant(None))
    assert store.read(KEY) is None
    assert not store.rewrite(KEY, constant(None))


def test_who_comes_before_the_first_publication_is_sent_again_and_nobody_keeps_it(
    store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[tuple[bytes, str]] = []
    original = Bucket.put_object

    def recorded(bucket: Bucket, **asked: Any) -> dict[str, Any]:
        put.append((asked["Body"], asked["CacheControl"]))
        return original(bucket, **asked)

    monkeypatch.setattr(Bucket, "put_object", recorded)
    store.rewrite(KEY, constant(b"one"))
    (placeholder, kept), (document, _) = put
    assert (b'http-equiv="refresh"' in placeholder, kept) == (True, "no-store")
    assert document == b"one"


def test_the_etags_of_every_page_are_found(store: DocumentStore) -> None:
    keys = [f"published/quests/{number}.json" for number in range(8)]
    for key in keys:
        store.rewrite(key, constant(key.encode()))
    assert [key for key, _ in store.etags("published/quests/")] == keys
    assert [key for key, _ in store.etags("published/quests/", keys[2])] == keys[3:]
    assert [*store.etags("published/quests/", keys[7])] == []


def test_a_writer_who_lost_reads_again(store: DocumentStore, bucket: Bucket) -> None:
    bucket.objects[KEY] = b"0"
    rivals = iter([b"1", b"2"])

    def rival(operation: str, key: str) -> None:
        if operation == "PutObject" and (body := next(rivals, None)):
            bucket.objects[key] = body

    bucket.before = rival
    store.rewrite(KEY, lambda before: (before or b"") + b"!")
    assert bucket.objects[KEY] == b"2!"


def test_what_was_taken_away_meanwhile_is_not_put_back(store: DocumentStore, bucket: Bucket) -> None:
    """The writer read the table before the quest was hidden, and writes after its document went."""
    table: list[Body] = [b"visible"]

    def hide_and_publish(operation: str, key: str) -> None:
        if operation == "PutObject" and table[0] and bucket.objects:
            table[0] = None
            del bucket.objects[key]

    bucket.before = hide_and_publish
    assert not store.rewrite(KEY, lambda _: table[0])
    assert not bucket.objects
    assert not [body for _, body in bucket.history if body == b"visible"], "it was never public"


def test_a_first_writer_does_not_overtake_a_withdrawal_that_found_nothing(store: DocumentStore, bucket: Bucket) -> None:
    """Nothing was published yet when the quest was hidden, so that there was nothing to take away."""
    table: list[Body] = [b"visible"]

    def hide(operation: str, _: str) -> None:
        if operation == "PutObject":
            table[0] = None

    bucket.before = hide
    store.rewrite(KEY, lambda _: table[0])
    assert not bucket.objects
    assert not [body for _, body in bucket.history if body == b"visible"]


def test_a_placeholder_that_a_dead_writer_left_is_no_document(store: DocumentStore, bucket: Bucket) -> None:
    def die(operation: str, _: str) -> None:
        if operation == "PutObject" and bucket.objects:
            raise KeyboardInterrupt

    bucket.before = die
    with pytest.raises(KeyboardInterrupt):
        store.rewrite(KEY, constant(b"one"))
    bucket.before = lambda *_: None
    assert bucket.objects
    assert store.read(KEY) is None
    assert store.rewrite(KEY, constant(b"one"))
    assert bucket.objects[KEY] == b"one"


def test_two_placeholders_are_never_alike(store: DocumentStore, bucket: Bucket) -> None:
    for _ in range(2):
        store.rewrite(KEY, constant(b"one"))
        store.rewrite(KEY, constant(None))
    placeholders = [body for _, body in bucket.history if body not in (b"one", None)]
    assert len(set(placeholders)) == len(placeholders) == 2


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable"])
def test_an_outage_is_told(store: DocumentStore, bucket: Bucket, code: str) -> None:
    def fail(operation: str, _: str) -> None:
        raise refused(operation, code, 503)

    bucket.before = fail
    for attempt in (lambda: store.read(KEY), lambda: [*store.etags("")], lambda: store.rewrite(KEY, constant(b"x"))):
        with pytest.raises(StoreUnavailableError):
            attempt()


def test_a_lost_connection_is_an_outage(store: DocumentStore, bucket: Bucket) -> None:
    def fail(_: str, __: str) -> None:
        raise ConnectionClosedError(endpoint_url="unit")

    bucket.before = fail
    with pytest.raises(StoreUnavailableError):
        store.rewrite(KEY, constant(b"x"))


def test_a_writer_who_always_loses_gives_up(store: DocumentStore, bucket: Bucket) -> None:
    count = iter(range(1, 1000))

    def rival(operation: str, key: str) -> None:
        if operation == "PutObject":
            bucket.objects[key] = str(next(count)).encode()

    bucket.objects[KEY], bucket.before = b"0", rival
    with pytest.raises(StoreUnavailableError):
        store.rewrite(KEY, constant(b"mine"))


def test_a_refusal_of_permission_is_a_defect_not_an_outage(store: DocumentStore, bucket: Bucket) -> None:
    def fail(operation: str, _: str) -> None:
        raise refused(operation, "AccessDenied", 403)

    bucket.before = fail
    with pytest.raises(Exception, match="AccessDenied"):
        store.rewrite(KEY, constant(b"x"))
