"""Use one lease by the API with the library, and see that it does what it says.

A test gives the bag of a unit of lxd-pool and the token of its one lease on standard input, as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import unittest
from datetime import timedelta
from typing import Callable, List

from charms.lxd_pool.v0 import lxd_pool_lease as lib


def read() -> lib.Granted:
    given = json.load(sys.stdin)
    answer = lib.parse_answer(given["bag"])
    assert answer.api is not None
    return lib.Granted(**vars(answer.leases[0]), api=answer.api, token=given["token"])


def main() -> None:
    lease, check = read(), unittest.TestCase()

    done = lease.run(["echo", "it's", "$HOME"])
    check.assertEqual((done.exit_status, done.stdout, done.stderr, done.dropped), (0, b"it's $HOME\n", b"", 0))
    check.assertEqual(lease.run("hostname").stdout.decode(), lease.instance + "\n")
    check.assertEqual(lease.run(["env"], env={"COLOUR": "red"}).stdout, b"COLOUR=red\n")
    failed = lease.run("nosuch")
    check.assertEqual((failed.exit_status, failed.stdout), (127, b""))
    check.assertIn(b"not found", failed.stderr)

    with check.assertRaises(TimeoutError):
        lease.run("sleep infinity", timeout=0.5)
    check.assertEqual(lease.call("GET", "/commands"), [], "a command that takes too long is killed, and each is forgotten")

    before = lib.parse_time(lease.show()["expires"])
    check.assertGreater(lib.parse_time(lease.renew(timedelta(hours=5))["expires"]), before)

    stranger = dataclasses.replace(lease, token="lpt_AAAAAAAAAAAAAAAAAAAAAAAAAA")
    calls: List[Callable[[], object]] = [stranger.show, stranger.release, lambda: stranger.run("hostname")]
    for call in calls:
        with check.assertRaises(lib.ApiError) as refused:
            call()
        check.assertEqual((refused.exception.code, refused.exception.status), ("no-lease", 404))

    lease.release()
    check.assertEqual(lease.show()["ended"]["cause"], "released")
    with check.assertRaises(lib.ApiError) as ended:
        lease.run("hostname")
    check.assertEqual((ended.exception.code, ended.exception.status), ("lease-ended", 410))


main()
