#!/usr/bin/env python3
"""An example of a charm that leases instances from lxd-pool.

Each of its units leases as many as its config says, runs a command in each of them once, and tells
in its status what it has. Every event does the same: it says what is needed, looks at what there
is, and does what is left to do.
"""

from __future__ import annotations

import json
import os
import pathlib
from datetime import timedelta
from typing import Any, Dict, List, Optional

import ops
from charms.lxd_pool.v0.lxd_pool_lease import (
    ApiError,
    Granted,
    LxdPoolLeaseRequirer,
    Problem,
    Request,
    parse_duration,
)

# What goes by itself. Everything else somebody has to mend.
PASSING = ("exhausted", "unavailable", "closed", "failed")

# As much of what a command writes as fits into the result of an action.
MOST_OUTPUT = 16 << 10


class PythonWeb(ops.CharmBase):
    """The charm."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.pool = LxdPoolLeaseRequirer(self, "pool")
        for event in (
            self.on.install,
            self.on.start,
            self.on.config_changed,
            self.on.update_status,
            self.on.upgrade_charm,
            self.on.pool_relation_created,
            self.pool.on.leases_changed,
        ):
            framework.observe(event, self._reconcile)
        framework.observe(self.on.show_action, self._show)
        framework.observe(self.on.run_action, self._run)

    def _reconcile(self, _: ops.EventBase) -> None:
        self.unit.status = self._work()

    def _work(self) -> ops.StatusBase:
        """Ask, look and work, and return what there is to say of it."""
        relations = self.pool.relations
        if not relations:
            self._outcome_file.unlink(missing_ok=True)
            return ops.BlockedStatus("relate me to lxd-pool")
        try:
            self.pool.request(*self._requests())
        except ValueError as e:
            return ops.BlockedStatus(str(e))
        leases = self._leases()
        trouble = self._run_everywhere(leases)
        have = f"{len(leases)} of {int(self.config['count']) * len(relations)} leases"
        for problem in self._problems():
            text = f"{have}: {problem.reason}" + (f"; {problem.next}" if problem.next else "")
            return ops.WaitingStatus(text) if problem.code in PASSING else ops.BlockedStatus(text)
        if len(leases) != int(self.config["count"]) * len(relations):
            return ops.WaitingStatus(have)
        return trouble or ops.ActiveStatus(f"{have}: " + " ".join(lease.instance for lease in leases))

    def _requests(self) -> List[Request]:
        if self.config["count"] == 0:
            return []
        ttl = str(self.config["ttl"])
        return [
            Request(
                id=str(self.config["request"]),
                pool=str(self.config["pool"]),
                count=int(self.config["count"]),
                ttl=parse_duration(ttl) if ttl else timedelta(0),
                purpose=str(self.config["purpose"]),
            )
        ]

    def _leases(self) -> List[Granted]:
        """The leases of what is asked for now. What was asked for before is on its way out."""
        now = (self.config["request"], self.config["pool"])
        return sorted((lease for lease in self.pool.leases if (lease.request, lease.pool) == now), key=lambda lease: lease.instance)

    def _problems(self) -> List[Problem]:
        return [p for p in self.pool.problems if p.request in ("", self.config["request"])]

    # ---- The command of the config -------------------------------------------------------

    def _run_everywhere(self, leases: List[Granted]) -> Optional[ops.StatusBase]:
        """Run the command where it has not run yet, note what it did, and return what went wrong."""
        before, now = self._outcomes(), {}
        trouble: Optional[ops.StatusBase] = None
        command = str(self.config["command"])
        for lease in leases:
            did = before.get(lease.id, {})
            if did.get("command", "") != command:
                try:
                    did = {**outcome(lease, command), "command": command} if command else {}
                except (ApiError, TimeoutError) as e:
                    trouble = ops.WaitingStatus(f"cannot run the command in {lease.instance}: {e}")
                    continue
            now[lease.id] = did
            if did.get("exit-status", "0") != "0":
                trouble = ops.BlockedStatus(f"the command ends with status {did['exit-status']} in {lease.instance}; set another one")
        beside = self._outcome_file.with_suffix(".new")
        beside.write_text(json.dumps(now), encoding="utf-8")
        beside.replace(self._outcome_file)
        return trouble

    def _outcomes(self) -> Dict[str, Dict[str, str]]:
        if not self._outcome_file.exists():
            return {}
        outcomes: Dict[str, Dict[str, str]] = json.loads(self._outcome_file.read_text(encoding="utf-8"))
        return outcomes

    @property
    def _outcome_file(self) -> pathlib.Path:
        return pathlib.Path(os.environ.get("CHARM_STATE") or self.charm_dir) / "outcomes.json"

    # ---- Actions -------------------------------------------------------------------------

    def _show(self, event: ops.ActionEvent) -> None:
        """Tell what the unit has, without tokens."""
        outcomes = self._outcomes()
        leases = self._leases()
        results: Dict[str, Any] = {"leases": str(len(leases))}
        for lease in leases:
            results[lease.instance] = {
                "lease": lease.id,
                "pool": lease.pool,
                "provider": lease.provider,
                "relation": f"pool:{lease.relation_id}",
                "api": lease.api.url,
                "expires": str(lease.expires),
                **{f"address-{i}": a.address for i, a in enumerate(lease.addresses)},
                **outcomes.get(lease.id, {}),
            }
        for i, problem in enumerate(self._problems()):
            results[f"problem-{i}"] = f"{problem.code}: {problem.reason}; {problem.next}"
        event.set_results(results)

    def _run(self, event: ops.ActionEvent) -> None:
        """Run the command of the action in one or every leased instance."""
        only = event.params.get("lease")
        leases = [lease for lease in self._leases() if only in (None, lease.id)]
        if not leases:
            event.fail(f"there is no lease {only}; the action show lists them" if only else "there are no leases; juju status says why")
            return
        results: Dict[str, Dict[str, str]] = {}
        for lease in leases:
            results[lease.instance] = {"lease": lease.id}
            try:
                results[lease.instance].update(outcome(lease, event.params["command"]))
            except (ApiError, TimeoutError) as e:
                results[lease.instance]["error"] = str(e)
                event.fail(f"cannot run the command in {lease.instance}: {e}")
        event.set_results(results)


def outcome(lease: Granted, command: Any) -> Dict[str, str]:
    """Run a command in a leased instance, with nothing but what the relation gave."""
    done = lease.run(command)
    text = (done.stdout + done.stderr)[:MOST_OUTPUT].decode(errors="replace").replace("\0", "")
    return {"exit-status": str(done.exit_status), "output": text}


if __name__ == "__main__":
    ops.main(PythonWeb)
