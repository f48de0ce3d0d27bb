"""A client of Hearsay, a cache whose nodes gossip. It needs Python 3.9 and nothing beside it.

    from hearsay import Client

    with Client(["http://localhost:8001", "http://localhost:8002"]) as cache:
        cache.put("user/1", {"name": "Ada"}, ttl_ms=60_000)
        print(cache.get("user/1").value)

A call asks one endpoint after another until it gets an answer. A client may be used by many threads at once.
Every call may raise InvalidRequestError, UnavailableError, TimeoutError, ServerError or ClosedError.
"""
from __future__ import annotations

import asyncio
import base64
import builtins
import functools
import http.client
import inspect
import json
import random
import secrets
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import (
    Any,
    Callable,
    Dict,
    Generator,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Set,
    Sequence,
    Tuple,
    TypeVar,
    Union,
    cast,
)
from urllib.parse import quote, urlencode, urlsplit

__all__ = [
    "Bytes",
    "Client",
    "ClosedError",
    "ConflictError",
    "Deleted",
    "Entry",
    "Event",
    "HearsayError",
    "InvalidRequestError",
    "ServerError",
    "Stored",
    "TimeoutError",
    "UnavailableError",
    "UnknownOutcomeError",
    "Watch",
    "WatchRefusedError",
    "cached",
]
__version__ = "0.3.0"

Version = Union[int, str]
TokenSource = Union[str, Callable[[str], str]]


class HearsayError(Exception):
    """The base of all errors. `may_be_stored`: the change may have been made all the same."""

    def __init__(self, message: str, may_be_stored: bool = False) -> None:
        super().__init__(message)
        self.may_be_stored = may_be_stored


class ConflictError(HearsayError):
    """The live version does not admit the change: nothing was stored."""

    def __init__(self, key: str, current_version: int, token: Optional[str]) -> None:
        super().__init__(f"{key!r} is at version {current_version}, which does not admit this change.")
        self.key, self.current_version, self.token = key, current_version, token


class UnknownOutcomeError(HearsayError):
    """An attempt went unanswered, and a later one met a version that does not admit the write."""

    def __init__(self, key: str, current_version: int) -> None:
        super().__init__(
            f"Whether the write of {key!r} was stored is unknown: an attempt went unanswered, and the key is at "
            f"version {current_version} now. Read it before you write again.",
            may_be_stored=True,
        )
        self.key, self.current_version = key, current_version


class UnavailableError(HearsayError):
    """No node took the request: none answered, or each was starting, stopping, full or overloaded."""


class TimeoutError(HearsayError, builtins.TimeoutError):
    """No answer came within `timeout_ms`."""


class InvalidRequestError(HearsayError):
    """The request would be refused each time. `status` is None if it was not sent."""

    def __init__(self, message: str, status: Optional[int] = None, may_be_stored: bool = False) -> None:
        super().__init__(message, may_be_stored)
        self.status = status


class ServerError(HearsayError):
    """A node failed, or the server at the URL is no node."""


class WatchRefusedError(HearsayError):
    """No node serves the watch: none goes on from the cursor, or takes the token."""


class ClosedError(HearsayError):
    """The client has been closed."""


@dataclass(frozen=True)
class Bytes:
    """A value that is bytes of a media type: a node stores them as they are."""

    data: bytes
    type: str = "application/octet-stream"


@dataclass(frozen=True)
class Entry:
    """`meta` holds annotations of types that clients in JavaScript make; `value` is then plain JSON."""

    key: str
    value: Any
    version: int
    expires_at: Optional[datetime] = None
    meta: Any = None


@dataclass(frozen=True)
class Stored:
    """A read `after` the token sees the write on any node."""

    version: int
    expires_at: Optional[datetime]
    token: Optional[str]


@dataclass(frozen=True)
class Deleted:
    """`existed` is None where a lost answer leaves unknown whether the key was live."""

    existed: Optional[bool]
    token: Optional[str]


@dataclass(frozen=True)
class Event:
    """`type` is put, delete, expire, synced, bookmark or reset. A watch with the cursor goes on after the event."""

    type: str
    cursor: str
    key: Optional[str] = None
    value: Any = None
    version: Optional[int] = None
    expires_at: Optional[datetime] = None
    meta: Any = None


@dataclass(frozen=True)
class _Answer:
    status: int
    body: Dict[str, Any]
    endpoint: str
    may_be_stored: bool


class _AttemptFailed(Exception):
    def __init__(self, message: str, may_have_arrived: bool, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.may_have_arrived, self.retry_after_ms = may_have_arrived, retry_after_ms


_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_MAX_VERSION = 2**53 - 2
_MAX_PATH_LENGTH = 8 * 1024
_PAGE_SIZE = 500
_ABSENT = ("Not found", "Expired")


class Client:
    """A cache of several nodes as one object. The options have the names and units of the client in JavaScript."""

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        token: Optional[TokenSource] = None,
        timeout_ms: int = 10_000,
        attempt_timeout_ms: int = 3_000,
        max_rounds: int = 7,
        backoff_ms: int = 50,
        max_backoff_ms: int = 5_000,
        read_your_writes: bool = False,
        after: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        if isinstance(endpoints, str) or len(endpoints) == 0:
            raise InvalidRequestError("endpoints must hold the base URL of at least one node.")
        self._endpoints = [_checked_endpoint(endpoint) for endpoint in endpoints]
        self._token_source = token
        self._access_tokens: Dict[str, str] = {}
        self._timeout_ms, self._attempt_timeout_ms = timeout_ms, attempt_timeout_ms
        self._max_rounds, self._backoff_ms, self._max_backoff_ms = max_rounds, backoff_ms, max_backoff_ms
        self._read_your_writes = read_your_writes or after is not None
        self._after = after
        self._headers = dict(headers or {})
        self._ssl_context = ssl_context
        self._current = 0
        self._written: Dict[str, str] = {}
        self._local = threading.local()
        self._connections: List[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def token(self) -> Optional[str]:
        """Stands for all writes of this client so far; None before the first."""
        with self._lock:
            tokens = [*([self._after] if self._after else []), *self._written.values()]
        return ",".join(dict.fromkeys(tokens)) or None

    def get(self, key: str, *, after: Optional[str] = None) -> Optional[Entry]:
        """Returns None if the key is absent: never written, deleted or expired."""
        answer = self._op({"op": "get", "key": key}, after=after)
        return None if _is_absent(answer) else _entry(key, _expect(answer, 200))

    def get_many(self, keys: Sequence[str], *, after: Optional[str] = None) -> List[Optional[Entry]]:
        """Reads many keys as they are at one moment of one node; None where a key is absent."""
        body = {"keys": [_checked_key(key) for key in keys]}
        answer = self._send("POST", "/cache/get", body, after=after, is_write=False)
        rows = _expect(answer, 200)["entries"]
        return [None if row is None else _entry(row["key"], row) for row in rows]

    def put(
        self,
        key: str,
        value: Any,
        *,
        version: Version = "next",
        ttl_ms: Optional[int] = None,
    ) -> Stored:
        """Stores JSON, or `Bytes`. With a version, only if the live one is lower: 0 stores only an absent key.

        Raises ConflictError if the version is not above the live one, and UnknownOutcomeError if a lost answer
        leaves that unknown.
        """
        op = _put_op(key, value, version, ttl_ms)
        answer = self._op(op)
        if answer.status == 409 and answer.may_be_stored:
            return self._known_again(op, answer)
        return _stored(key, answer)

    def delete(self, key: str, *, up_to_version: Optional[int] = None) -> Deleted:
        """Deletes a key, present or not. Raises ConflictError if the live version is above `up_to_version`."""
        op: Dict[str, Any] = {"op": "delete", "key": key}
        if up_to_version is not None:
            op["version"] = _checked_version(up_to_version)
        return _deleted(key, self._op(op))

    def touch(self, key: str, ttl_ms: Optional[int]) -> Optional[Stored]:
        """Gives a live entry another time to live; None: for ever. Returns None if the key is absent."""
        answer = self._op({"op": "touch", "key": key, "ttl_ms": ttl_ms})
        return None if _is_absent(answer) else _stored(key, answer)

    def delete_prefix(self, prefix: str, *, all: bool = False) -> int:
        """Deletes every key with the prefix, and returns their number. An empty prefix needs `all=True`."""
        if prefix == "" and not all:
            raise InvalidRequestError("An empty prefix means every key: confirm it with all=True.")
        query = {"prefix": prefix, **({"all": "true"} if all else {})}
        answer = self._send("DELETE", f"/cache?{urlencode(query)}", None, is_write=True)
        return cast(int, _expect(answer, 200)["count"])

    def list(
        self,
        prefix: str = "",
        *,
        start_after: Optional[str] = None,
        limit: Optional[int] = None,
        values: bool = True,
        after: Optional[str] = None,
    ) -> Iterator[Entry]:
        """Entries in the order of their keys' code points, fetched page by page as the loop goes on."""
        left = limit
        while left is None or left > 0:
            size = _PAGE_SIZE if left is None else min(_PAGE_SIZE, left)
            query = {"prefix": prefix, "limit": str(size)}
            if start_after is not None:
                query["after"] = start_after
            if not values:
                query["values"] = "false"
            path = f"/cache?{urlencode(query)}"
            page = _expect(self._send("GET", path, None, after=after, is_write=False), 200)
            for row in page["entries"]:
                yield _entry(row["key"], row)
            if left is not None:
                left -= len(page["entries"])
            start_after = page.get("next")
            if start_after is None:
                return

    def batch(self, ops: Iterable[Mapping[str, Any]]) -> List[Union[Entry, Stored, Deleted, HearsayError, None]]:
        """Carries ops out in order, in one request and one commit: `{"op": "put", "key", "value", "ttl_ms"}` and so on.

        A conflict is a result, and does not keep the other ops from being stored.
        """
        wire = [_batch_op(op) for op in ops]
        if not wire:
            return []
        answer = self._send("POST", "/cache", {"ops": wire}, is_write=any(op["op"] != "get" for op in wire))
        results = _expect(answer, 200)["results"]
        return [
            _result(op, _Answer(row["status"], row, answer.endpoint, answer.may_be_stored))
            for op, row in zip(wire, results)
        ]

    def watch(
        self,
        prefix: str = "",
        *,
        cursor: Optional[str] = None,
        initial: bool = False,
        values: bool = True,
        idle_timeout_ms: int = 45_000,
    ) -> Watch:
        """Every change of the keys with a prefix, from now on or after a cursor. See `Watch`."""
        return Watch(self, prefix, cursor, initial, values, idle_timeout_ms)

    def close(self) -> None:
        """Ends every call and watch of this client."""
        with self._lock:
            self._is_closed = True
            connections, self._connections = self._connections, []
        for connection in connections:
            _end(connection)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Sending

    def _op(self, op: Dict[str, Any], after: Optional[str] = None) -> _Answer:
        """One op as a request of its own, or as a batch where its key is no segment of a path."""
        key, kind = _checked_key(op["key"]), op["op"]
        path = f"/cache/{quote(key, safe='')}"
        if key in (".", "..") or len(path) > _MAX_PATH_LENGTH:
            answer = self._send("POST", "/cache", {"ops": [op]}, after=after, is_write=kind != "get")
            row = _expect(answer, 200)["results"][0]
            return _Answer(row["status"], row, answer.endpoint, answer.may_be_stored)
        if kind == "get":
            return self._send("GET", path, None, after=after, is_write=False)
        if kind == "delete":
            query = f"?version={op['version']}" if "version" in op else ""
            return self._send("DELETE", path + query, None, is_write=True)
        if kind == "touch":
            return self._send("POST", f"{path}/touch", {"ttl_ms": op["ttl_ms"]}, is_write=True)
        if op.get("meta") == "bytes":
            headers = {"Content-Type": op["value"]["type"], "Hearsay-Version": str(op["version"])}
            if op["ttl_ms"] is not None:
                headers["Hearsay-TTL-Ms"] = str(op["ttl_ms"])
            data = base64.b64decode(op["value"]["bytes"])
            return self._send("PUT", path, data, headers=headers, is_write=True)
        body = {name: part for name, part in op.items() if name not in ("op", "key")}
        return self._send("PUT", path, body, is_write=True)

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        after: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        is_write: bool,
    ) -> _Answer:
        """Asks one endpoint after another, round by round."""
        own = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = _json_text(body)
            own["Content-Type"] = "application/json"
        if not is_write:
            waited = ",".join(filter(None, [after, self.token if self._read_your_writes else None]))
            if waited:
                own["Hearsay-After"] = waited
        deadline = time.monotonic() + self._timeout_ms / 1000
        may_be_stored, last = False, "no endpoint was asked"
        for round_number in range(self._max_rounds):
            retry_after_ms = 0
            for _ in self._endpoints:
                with self._lock:
                    place, endpoint = self._current, self._endpoints[self._current]
                try:
                    status, answer_headers, data = self._attempt(endpoint, method, path, body, own, deadline)
                    return self._answer(status, answer_headers, data, endpoint, is_write, may_be_stored)
                except _AttemptFailed as failure:
                    may_be_stored = may_be_stored or (is_write and failure.may_have_arrived)
                    last, retry_after_ms = str(failure), failure.retry_after_ms
                with self._lock:
                    if self._current == place:
                        self._current = (place + 1) % len(self._endpoints)
            wait_ms = min(self._backoff_ms * 2**round_number, self._max_backoff_ms)
            wait_ms = wait_ms * (0.5 + random.random() / 2)
            if len(self._endpoints) == 1:
                wait_ms = max(wait_ms, min(retry_after_ms, self._max_backoff_ms))
            if time.monotonic() + wait_ms / 1000 >= deadline:
                raise TimeoutError(f"No answer within {self._timeout_ms} ms: {last}.", may_be_stored)
            if round_number + 1 < self._max_rounds:
                time.sleep(wait_ms / 1000)
        raise UnavailableError(f"No node took the request: {last}.", may_be_stored)

    def _answer(
        self,
        status: int,
        headers: http.client.HTTPMessage,
        data: bytes,
        endpoint: str,
        is_write: bool,
        may_be_stored: bool,
    ) -> _Answer:
        if status == 200 and "Hearsay-Version" in headers:
            body: Any = {
                "value": Bytes(data, headers.get("Content-Type", "")),
                "version": int(headers["Hearsay-Version"]),
                "expires_at": headers.get("Hearsay-Expires-At"),
            }
        else:
            body = _parsed(data)
        if not isinstance(body, dict):
            raise ServerError(f"{endpoint} answered {status} without JSON: is it a node of Hearsay?", may_be_stored)
        detail = str(body.get("detail", "it gave no reason"))
        if status in _RETRIED:
            wait = headers.get("Retry-After", "")
            # A node that says it is not able to has not carried the request out, but for a failure of its own.
            raise _AttemptFailed(
                f"{endpoint} answered {status}: {detail}",
                status in (500, 502, 504, 408),
                int(wait) * 1000 if wait.isdigit() else 0,
            )
        if 400 <= status < 500 and status not in (404, 409):
            raise InvalidRequestError(f"{endpoint} refused the request ({status}): {detail}", status, may_be_stored)
        if is_write and isinstance(body.get("token"), str):
            with self._lock:
                self._written[endpoint] = body["token"]
        return _Answer(status, body, endpoint, may_be_stored)

    def _attempt(
        self, endpoint: str, method: str, path: str, body: Any, headers: Mapping[str, str], deadline: float
    ) -> Tuple[int, http.client.HTTPMessage, bytes]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _AttemptFailed("the time was over", False)
        timeout = min(self._attempt_timeout_ms / 1000, left)
        for is_last in (False, True):
            access = self._access_token(endpoint)
            status, answer_headers, data = self._exchange(endpoint, method, path, body, headers, access, timeout)
            if status != 401 or access is None or is_last or not self._renew(endpoint, access):
                break
        return status, answer_headers, data

    def _exchange(
        self,
        endpoint: str,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        access: Optional[str],
        timeout: float,
    ) -> Tuple[int, http.client.HTTPMessage, bytes]:
        connection = self._connection(endpoint, timeout)
        has_sent = False
        try:
            connection.request(method, _base_path(endpoint) + path, body, self._all_headers(headers, access))
            has_sent = True
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._drop(endpoint, connection)
            if self._is_closed:
                raise ClosedError("The client has been closed.", has_sent) from error
            raise _AttemptFailed(f"{endpoint} can't be reached: {error or type(error).__name__}", has_sent) from error
        except BaseException:
            self._drop(endpoint, connection)
            raise

    def _all_headers(self, headers: Mapping[str, str], access: Optional[str]) -> Dict[str, str]:
        shown = {"Authorization": f"Bearer {access}"} if access is not None else {}
        return {**self._headers, **shown, **headers}

    def _access_token(self, endpoint: str) -> Optional[str]:
        if self._token_source is None or isinstance(self._token_source, str):
            return self._token_source
        with self._lock:
            known = self._access_tokens.get(endpoint)
        if known is None:
            known = self._token_source(endpoint)
            with self._lock:
                self._access_tokens[endpoint] = known
        return known

    def _renew(self, endpoint: str, refused: str) -> bool:
        """Whether another token may be had than the one that the node has refused."""
        if not callable(self._token_source):
            return False
        with self._lock:
            if self._access_tokens.get(endpoint) == refused:
                del self._access_tokens[endpoint]
        return True

    def _connection(self, endpoint: str, timeout: float) -> http.client.HTTPConnection:
        """The connection of this thread, which stays open between calls."""
        kept: Dict[str, http.client.HTTPConnection] = self._local.__dict__.setdefault("connections", {})
        connection = kept.get(endpoint)
        if connection is not None and connection.sock is not None and _has_ended(connection.sock):
            self._drop(endpoint, connection)
            connection = None
        if connection is None:
            connection = kept[endpoint] = self._dial(endpoint, timeout)
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        return connection

    def _dial(self, endpoint: str, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(endpoint)
        host = cast(str, parts.hostname)
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=self._ssl_context)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=timeout)
        )
        with self._lock:
            if self._is_closed:
                raise ClosedError("The client has been closed.")
            self._connections.append(connection)
        return connection

    def _drop(self, endpoint: Optional[str], connection: http.client.HTTPConnection) -> None:
        connection.close()
        if endpoint is not None:
            self._local.__dict__.get("connections", {}).pop(endpoint, None)
        with self._lock:
            if connection in self._connections:
                self._connections.remove(connection)

    def _known_again(self, op: Mapping[str, Any], conflict: _Answer) -> Stored:
        """After a lost answer the conflict may be with this very write, which the id beside its value tells."""
        current, token = conflict.body["current_version"], conflict.body.get("token")
        meta = op.get("meta")
        if not isinstance(meta, dict) or op["version"] != current:
            raise UnknownOutcomeError(op["key"], current)
        found = self.get(op["key"], after=token)
        if found is None or found.version != current or found.meta != meta:
            raise UnknownOutcomeError(op["key"], current)
        return Stored(current, found.expires_at, token)


class Watch:
    """An iterator of events that connects again by itself, to any node, and goes on where it was: no event is missed
    and none comes twice. It blocks until the next event. `close`, or closing the client, ends it.
    """

    def __init__(
        self, client: Client, prefix: str, cursor: Optional[str], initial: bool, values: bool, idle_timeout_ms: int
    ) -> None:
        self.cursor = cursor
        self._client, self._idle_timeout_ms = client, idle_timeout_ms
        self._query = {"prefix": prefix, "initial": str(initial).lower(), "values": str(values).lower()}
        self._connection: Optional[http.client.HTTPConnection] = None
        self._is_closed = False
        self._events = self._run()

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> Event:
        event = next(self._events)
        self.cursor = event.cursor
        return event

    def close(self) -> None:
        self._is_closed = True
        if self._connection is not None:
            _end(self._connection)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> Generator[Event, None, None]:
        client, place, failures = self._client, self._client._current, 0
        refused: Set[str] = set()
        while not self._is_over:
            endpoint = client._endpoints[place % len(client._endpoints)]
            try:
                for event in self._connected(endpoint):
                    failures, refused = 0, set()
                    yield event
            except WatchRefusedError:
                refused.add(endpoint)
                if len(refused) == len(client._endpoints):
                    raise
            except (_AttemptFailed, OSError, http.client.HTTPException, ValueError):
                pass
            finally:
                if self._connection is not None:
                    client._drop(None, self._connection)
            if self._is_over:
                return
            place, failures = place + 1, failures + 1
            wait_ms = min(client._backoff_ms * 2 ** min(failures, 20), client._max_backoff_ms)
            time.sleep(wait_ms / 1000 * (0.5 + random.random() / 2))

    @property
    def _is_over(self) -> bool:
        return self._is_closed or self._client._is_closed

    def _connected(self, endpoint: str) -> Generator[Event, None, None]:
        client = self._client
        query = dict(self._query)
        if self.cursor is not None:
            query["cursor"] = self.cursor
        access = client._access_token(endpoint)
        connection = self._connection = client._dial(endpoint, client._attempt_timeout_ms / 1000)
        headers = client._all_headers({"Accept": "text/event-stream"}, access)
        connection.request("GET", f"{_base_path(endpoint)}/watch?{urlencode(query)}", headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            detail = _parsed(response.read())
            why = f"{endpoint} refuses the watch ({response.status}): {detail}"
            if response.status == 401 and access is not None and client._renew(endpoint, access):
                raise _AttemptFailed(why, False)
            if response.status in (400, 401, 403, 409, 422):
                raise WatchRefusedError(why)
            raise _AttemptFailed(why, False)
        if connection.sock is not None:
            connection.sock.settimeout(self._idle_timeout_ms / 1000)
        yield from _events(response)


def _events(lines: Iterable[bytes]) -> Generator[Event, None, None]:
    """Server-sent events, each ended by an empty line."""
    fields: Dict[str, str] = {}
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if line != "":
            name, _, text = line.partition(":")
            text = text[1:] if text.startswith(" ") else text
            fields[name] = f"{fields[name]}\n{text}" if name == "data" and name in fields else text
            continue
        if "data" in fields and "id" in fields:
            yield _event(fields.get("event", ""), fields["id"], json.loads(fields["data"]))
        fields = {}


def _event(kind: str, cursor: str, told: Dict[str, Any]) -> Event:
    value, meta = _decoded(told)
    instant = _instant(told.get("expires_at"))
    return Event(kind, cursor, told.get("key"), value, told.get("version"), instant, meta)


Function = TypeVar("Function", bound=Callable[..., Any])


def cached(
    client: Client,
    ttl_ms: Optional[int],
    *,
    prefix: Optional[str] = None,
    key: Optional[Callable[..., str]] = None,
) -> Callable[[Function], Function]:
    """Keeps the results of a function, also of an async one, in the cache. They must be JSON or `Bytes`.

    Callers of one process that ask for the same key at once wait for one call; of several processes each may call.
    While no node answers, the function is called each time: a cache must not take its program down.

    prefix: of the keys; by default the module and the name of the function. key: makes the rest of the key of the
    arguments; by default they are written as JSON.
    """

    def decorate(function: Function) -> Function:
        front = f"{function.__module__}.{function.__qualname__}/" if prefix is None else prefix
        flights: Dict[str, Any] = {}
        guard = threading.Lock()

        def key_of(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> str:
            rest = key(*args, **kwargs) if key else json.dumps([args, kwargs], sort_keys=True, default=str)
            return front + rest

        def look_up(name: str) -> Optional[Entry]:
            try:
                return client.get(name)
            except (UnavailableError, TimeoutError):
                return None

        def store(name: str, value: Any) -> None:
            try:
                client.put(name, value, ttl_ms=ttl_ms)
            except (UnavailableError, TimeoutError):
                pass

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            name = key_of(args, kwargs)
            with guard:
                lock, waiting = flights.get(name, (threading.Lock(), 0))
                flights[name] = (lock, waiting + 1)
            try:
                with lock:
                    entry = look_up(name)
                    if entry is not None:
                        return entry.value
                    value = function(*args, **kwargs)
                    store(name, value)
                    return value
            finally:
                with guard:
                    lock, waiting = flights[name]
                    if waiting == 1:
                        del flights[name]
                    else:
                        flights[name] = (lock, waiting - 1)

        async def load(name: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
            entry = await asyncio.to_thread(look_up, name)
            if entry is not None:
                return entry.value
            value = await function(*args, **kwargs)
            await asyncio.to_thread(store, name, value)
            return value

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            name = key_of(args, kwargs)
            flight = flights.get(name)
            if flight is None or flight.get_loop() is not asyncio.get_running_loop():
                flight = flights[name] = asyncio.ensure_future(load(name, args, kwargs))
                flight.add_done_callback(lambda _: flights.pop(name, None))
            # One caller that gives up must not end the call of the others.
            return await asyncio.shield(flight)

        return cast(Function, call_async if inspect.iscoroutinefunction(function) else call)

    return decorate


# The forms on the wire


def _put_op(key: str, value: Any, version: Version, ttl_ms: Optional[int]) -> Dict[str, Any]:
    op: Dict[str, Any] = {"op": "put", "key": key, "value": value, "version": version, "ttl_ms": ttl_ms}
    if isinstance(value, Bytes):
        op["value"] = {"bytes": base64.b64encode(value.data).decode(), "type": value.type}
        op["meta"] = "bytes"
    elif version != "next":
        op["meta"] = {"write": secrets.token_hex(8)}
    if version != "next":
        _checked_version(version)
    return op


def _batch_op(op: Mapping[str, Any]) -> Dict[str, Any]:
    _checked_key(op["key"])
    if op["op"] == "put":
        return _put_op(op["key"], op["value"], op.get("version", "next"), op.get("ttl_ms"))
    if op["op"] == "delete" and "up_to_version" in op:
        return {"op": "delete", "key": op["key"], "version": op["up_to_version"]}
    return dict(op)


def _result(op: Mapping[str, Any], answer: _Answer) -> Union[Entry, Stored, Deleted, HearsayError, None]:
    key, kind = op["key"], op["op"]
    try:
        if kind in ("get", "touch") and _is_absent(answer):
            return None
        if kind == "get":
            return _entry(key, _expect(answer, 200))
        return _deleted(key, answer) if kind == "delete" else _stored(key, answer)
    except (ConflictError, UnknownOutcomeError) as refusal:
        return refusal


def _stored(key: str, answer: _Answer) -> Stored:
    _refuse_conflict(key, answer)
    body = _expect(answer, 200)
    return Stored(body["version"], _instant(body.get("expires_at")), body.get("token"))


def _deleted(key: str, answer: _Answer) -> Deleted:
    _refuse_conflict(key, answer)
    body = _expect(answer, 200)
    existed = body.get("existed")
    return Deleted(None if answer.may_be_stored and not existed else existed, body.get("token"))


def _refuse_conflict(key: str, answer: _Answer) -> None:
    if answer.status != 409 or "current_version" not in answer.body:
        return
    current = answer.body["current_version"]
    if answer.may_be_stored:
        raise UnknownOutcomeError(key, current)
    raise ConflictError(key, current, answer.body.get("token"))


def _expect(answer: _Answer, status: int) -> Dict[str, Any]:
    if answer.status == status:
        return answer.body
    detail = answer.body.get("detail", "no node of Hearsay gives this answer")
    raise ServerError(f"{answer.endpoint} answered {answer.status}: {detail}", answer.may_be_stored)


def _is_absent(answer: _Answer) -> bool:
    return answer.status == 404 and answer.body.get("detail") in _ABSENT


def _entry(key: str, body: Mapping[str, Any]) -> Entry:
    value, meta = _decoded(body)
    return Entry(key, value, body["version"], _instant(body.get("expires_at")), meta)


def _decoded(body: Mapping[str, Any]) -> Tuple[Any, Any]:
    value, meta = body.get("value"), body.get("meta")
    if meta == "bytes" and isinstance(value, dict):
        return Bytes(base64.b64decode(value["bytes"]), value["type"]), None
    return value, meta


def _instant(text: Optional[str]) -> Optional[datetime]:
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _json_text(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"The value can't be stored: {error}.") from error


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _checked_key(key: str) -> str:
    if not isinstance(key, str) or key == "":
        raise InvalidRequestError("A key must be a string that is not empty.")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequestError(f"A key must not hold half of a surrogate pair: {key!r}.") from error
    return key


def _checked_version(version: Version) -> int:
    if isinstance(version, int) and not isinstance(version, bool) and 0 <= version <= _MAX_VERSION:
        return version
    raise InvalidRequestError(f"version must be 'next' or an integer from 0 to {_MAX_VERSION}.")


def _checked_endpoint(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment or parts.username):
        return endpoint.rstrip("/")
    raise InvalidRequestError(f"An endpoint must be a URL such as http://localhost:8000, not {endpoint!r}.")


def _base_path(endpoint: str) -> str:
    return urlsplit(endpoint).path


def _has_ended(sock: socket.socket) -> bool:
    """Whether the node has closed a connection that nobody used: a request on it would be lost."""
    sock.settimeout(0)
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except (OSError, ValueError):
        # A socket of TLS can't be peeked at: a request on it shows.
        return not isinstance(sock, ssl.SSLSocket)


def _end(connection: http.client.HTTPConnection) -> None:
    """Wakes a thread that reads from the connection, too."""
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    connection.close()
