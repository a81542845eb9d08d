"""The library reads and writes what the vectors of the interface say, as charm/lease does in Go."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import unittest
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Tuple

from charms.lxd_pool.v0 import lxd_pool_lease as lib

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "docs" / "interface" / "v0" / "examples"


def vectors(side: str) -> List[Tuple[str, Dict[str, Any]]]:
    found = [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted((EXAMPLES / side).glob("*.json"))]
    if len(found) < 20:
        raise AssertionError(f"only {len(found)} vectors of the {side} were found")
    return found


def plain(value: Any) -> Any:
    """What is JSON, without fields that are empty, with times and lengths of time in one form, and lists in one order."""
    if dataclasses.is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        value = {key: plain(each) for key, each in value.items()}
        if isinstance(value.get("expires"), str):
            value["expires"] = plain(lib.parse_time(value["expires"]))
        if isinstance(value.get("host_keys"), list):
            value["host_keys"] = [key["key"] if isinstance(key, dict) else key for key in value["host_keys"]]
        if isinstance(value.get("ttl"), str):
            value["ttl"] = plain(lib.parse_duration(value["ttl"]))
        return {key: each for key, each in value.items() if each not in ("", 0, None, [])}
    if isinstance(value, (list, tuple)):
        return sorted((plain(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    return value


def read_requests(bag: Dict[str, str]) -> Any:
    requests, problems = lib.parse_requests(bag)
    return plain({"requests": requests, "problems": [{"request": p.request, "code": p.code} for p in problems]})


def read_answer(bag: Dict[str, str]) -> Any:
    try:
        return plain(lib.parse_answer(bag))
    except lib.ParseError:
        return {"error": True}


class Vectors(unittest.TestCase):
    def test_the_bags_of_a_requirer_are_read_as_the_vectors_say(self) -> None:
        for name, vector in vectors("requirer"):
            with self.subTest(name):
                self.assertEqual(read_requests(vector["bag"]), plain(vector["read"]))

    def test_the_bags_of_a_provider_are_read_as_the_vectors_say(self) -> None:
        for name, vector in vectors("provider"):
            with self.subTest(name):
                self.assertEqual(read_answer(vector["bag"]), plain(vector["read"]))

    def test_what_is_read_and_written_again_reads_the_same(self) -> None:
        for name, vector in vectors("requirer"):
            with self.subTest(name):
                requests, _ = lib.parse_requests(vector["bag"])
                self.assertEqual(lib.parse_requests(lib.format_requests(requests)), (requests, []))
        for name, vector in vectors("provider"):
            if "error" in vector["read"]:
                continue
            with self.subTest(name):
                answer = lib.parse_answer(vector["bag"])
                self.assertEqual(lib.parse_answer(lib.format_answer(answer)), answer)


class Requests(unittest.TestCase):
    def test_what_cannot_be_asked_for_is_refused_before_it_is_said(self) -> None:
        for request in (
            lib.Request(id=""), lib.Request(id="Web"), lib.Request(id="web\n"), lib.Request(id="web", pool="-"),
            lib.Request(id="web", count=0), lib.Request(id="web", count=1001), lib.Request(id="web", ttl=timedelta(seconds=-1)),
            lib.Request(id="web", ttl=timedelta(seconds=1.5)), lib.Request(id="web", ssh_public_key="-----BEGIN PRIVATE KEY-----"),
            lib.Request(id="web", ssh_public_key="ssh-ed25519 AAAA\nssh-ed25519 BBBB"),
        ):
            with self.subTest(request), self.assertRaises(ValueError):
                lib.format_requests([request])
        with self.assertRaises(ValueError):
            lib.format_requests([lib.Request(id="web"), lib.Request(id="web", count=2)])
        with self.assertRaises(ValueError):
            lib.format_requests([lib.Request(id=f"r{i}") for i in range(101)])

    def test_no_requests_take_the_key_back(self) -> None:
        self.assertEqual(lib.format_requests([]), {"requests": ""})

    def test_a_bag_that_is_nested_too_deep_is_a_problem(self) -> None:
        requests, problems = lib.parse_requests({"requests": "[" * 100_000})
        self.assertEqual((requests, [p.code for p in problems]), ([], ["invalid"]))

    def test_lengths_of_time_are_written_as_they_are_read(self) -> None:
        for text, seconds in (("0s", 0), ("90s", 90), ("30m", 1800), ("1d12h", 129600), ("1h1s", 3601)):
            self.assertEqual(lib.parse_duration(text), timedelta(seconds=seconds))
            self.assertEqual(lib.parse_duration(lib.format_duration(timedelta(seconds=seconds))).total_seconds(), seconds)
        for text in ("", "s", "1", "1h ", "-1h", "1m1h", "1.5h", "1h\n", "\u0661h"):
            with self.subTest(text), self.assertRaises(lib.ParseError):
                lib.parse_duration(text)


class Leases(unittest.TestCase):
    def test_a_token_is_not_in_what_is_printed(self) -> None:
        self.assertNotIn("lpt_", repr(lib.Granted(id="ci.x", token="lpt_secret")))

    def test_known_hosts_name_a_port_that_is_not_that_of_ssh(self) -> None:
        way = lib.Ssh("10.0.0.1", 20000, "root", ("ssh-ed25519 AAAA", "ssh-rsa BBBB"))
        self.assertEqual(way.known_hosts(), "[10.0.0.1]:20000 ssh-ed25519 AAAA\n[10.0.0.1]:20000 ssh-rsa BBBB\n")
        self.assertEqual(dataclasses.replace(way, port=22).known_hosts(), "10.0.0.1 ssh-ed25519 AAAA\n10.0.0.1 ssh-rsa BBBB\n")

    def test_a_daemon_that_cannot_be_reached_is_told_as_such(self) -> None:
        for api in (lib.Api("http://127.0.0.1:1", ""), lib.Api("https://127.0.0.1:1", "no certificate"), lib.Api("https://[", "")):
            with self.subTest(api), self.assertRaises(lib.ApiError):
                lib.Granted(id="ci.x", api=api, token="lpt_secret").show()


if __name__ == "__main__":
    unittest.main()
