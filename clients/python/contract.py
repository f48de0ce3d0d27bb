"""Runs the cases of contract.json, which lies beside this folder, against a node.

    python3 contract.py LIVE_URL DEAD_URL

One line of JSON for each case says its name and the reason why it failed, or null.
"""
from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from hearsay import Bytes, Client, Deleted, Entry, Event, HearsayError, Stored


def value_of(value: Any) -> Any:
    if isinstance(value, dict) and "$bytes" in value:
        return Bytes(base64.b64decode(value["$bytes"]), value["type"])
    return value


def shown(value: Any) -> Any:
    if isinstance(value, Bytes):
        return {"$bytes": base64.b64encode(value.data).decode(), "type": value.type}
    return value


def told(result: Any) -> Any:
    """The result in the form of the table."""
    if isinstance(result, Entry):
        return [shown(result.value), result.version, result.expires_at is not None]
    if isinstance(result, Stored):
        return [result.version, result.expires_at is not None]
    if isinstance(result, Deleted):
        return {"existed": result.existed}
    if isinstance(result, HearsayError):
        return {"error": type(result).__name__, "currentVersion": getattr(result, "current_version", None)}
    return result


class Case:
    def __init__(self, case: Dict[str, Any], number: int, urls: Dict[str, str]) -> None:
        self.steps: List[Dict[str, Any]] = case["steps"]
        self.front = "" if case.get("isWhole") else f"python/{number}/"
        self.cursor: Optional[str] = None
        options = case.get("client", {})
        tokens: Iterator[str] = iter(options.get("tokens", []))
        self.client = Client(
            [urls[name] for name in options.get("endpoints", ["live"])],
            token=(lambda _: next(tokens)) if "tokens" in options else None,
            max_rounds=options.get("maxRounds", 7),
            read_your_writes=options.get("readYourWrites", False),
            backoff_ms=1,
            max_backoff_ms=20,
        )

    def run(self) -> Optional[str]:
        with self.client:
            for number, step in enumerate(self.steps):
                expected = {name: step[name] for name in ("result", "error", "currentVersion", "status") if name in step}
                try:
                    actual: Dict[str, Any] = {"result": self.call(step)}
                except HearsayError as error:
                    actual = {"error": type(error).__name__, "currentVersion": getattr(error, "current_version", None)}
                    actual["status"] = getattr(error, "status", None)
                got = {name: actual.get(name) for name in expected}
                if got != expected or ("error" in actual) != ("error" in step):
                    return f"step {number}, {step['call']}: {actual} and not {expected}"
        return None

    def call(self, step: Dict[str, Any]) -> Any:
        client, front = self.client, "" if step.get("isWhole") else self.front
        kind = step["call"]
        key = front + step.get("key", "")
        if kind == "get":
            return told(client.get(key))
        if kind == "put":
            options = {name: step[name] for name in ("version", "ttl_ms") if name in step}
            return told(client.put(key, value_of(step["value"]), **options))
        if kind == "delete":
            return told(client.delete(key, up_to_version=step.get("up_to_version")))
        if kind == "touch":
            return told(client.touch(key, step["ttl_ms"]))
        if kind == "getMany":
            return [told(entry) for entry in client.get_many([front + key for key in step["keys"]])]
        if kind == "deletePrefix":
            return client.delete_prefix(front + step["prefix"])
        if kind == "batch":
            ops = [{**op, "key": front + op["key"]} for op in step["ops"]]
            ops = [{**op, "value": value_of(op["value"])} if "value" in op else op for op in ops]
            return [told(result) for result in client.batch(ops)]
        if kind == "list":
            after = step.get("start_after")
            entries = client.list(
                front + step["prefix"],
                start_after=None if after is None else front + after,
                limit=step.get("limit"),
                values=step.get("values", True),
            )
            return [[entry.key[len(front):], *told(entry)] for entry in entries]
        if kind == "watch":
            return self.watch(step, front)
        raise ValueError(f"There is no call {kind}.")

    def watch(self, step: Dict[str, Any], front: str) -> List[Any]:
        watch = self.client.watch(
            front + step["prefix"],
            initial=step.get("initial", False),
            values=step.get("values", True),
            cursor=self.cursor if step.get("resume") else None,
        )
        with watch:
            events = [next(watch) for _ in range(step["take"])]
        self.cursor = watch.cursor
        return [self.told_event(event, front) for event in events]

    def told_event(self, event: Event, front: str) -> List[Any]:
        if event.key is None:
            return [event.type]
        return [event.type, event.key[len(front):], shown(event.value), event.version]


def main(live: str, dead: str) -> None:
    path = Path(__file__).resolve().parent.parent / "contract.json"
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    for number, case in enumerate(cases):
        try:
            failure = Case(case, number, {"live": live, "dead": dead}).run()
        except Exception as error:  # A fault of the client is the failure of its case alone.
            failure = f"{type(error).__name__}: {error}"
        print(json.dumps({"name": case["name"], "failure": failure}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
