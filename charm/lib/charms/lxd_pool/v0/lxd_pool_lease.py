# Copyright 2026 The lxd-pool authors
# See LICENSE in the repository of lxd-pool for licensing details (Apache-2.0).

"""Lease LXD instances from lxd-pool.

This library is the requirer's end of the interface `lxd_pool_lease`, version 0. A charm says
what it needs, and gets the leases that were granted to its unit. It needs only `ops` (2.10 or
later) and Python's standard library.

In `charmcraft.yaml`:

```yaml
requires:
  pool:
    interface: lxd_pool_lease
    optional: true
```

In the charm:

```python
import ops
from charms.lxd_pool.v0.lxd_pool_lease import ApiError, LxdPoolLeaseRequirer, Request

class WebCharm(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.pool = LxdPoolLeaseRequirer(self, "pool")
        for event in (self.on.config_changed, self.on.pool_relation_created, self.pool.on.leases_changed):
            framework.observe(event, self._reconcile)

    def _reconcile(self, _: ops.EventBase) -> None:
        self.pool.request(Request(id="web", count=3, purpose="tests"))
        for lease in self.pool.leases:
            done = lease.run(["hostname"])
            print(lease.instance, done.exit_status, done.stdout)
        for problem in self.pool.problems:
            print(problem.code, problem.reason, problem.next)
```

Requests stand until they are taken out; each call of `request` says all of them. Leases come
one by one, in further events, and are renewed by lxd-pool as long as the unit is in the relation.
Whatever has changed, `leases_changed` says only "look again".

A lease is used through the API of lxd-pool with its own token: `run` runs a command and returns
what it wrote, `renew` and `release` do what they say. A lease that is released while its request
stands is replaced. Commands with a terminal or with input need a websocket, which the standard
library has not got. Where a public key was given with the request, `lease.ssh` says how to log in,
and `lease.ssh.known_hosts()` which keys to trust.

The interface is specified in docs/interface/v0 of lxd-pool's repository.
"""

from __future__ import annotations

import base64
import dataclasses
import http.client
import json
import logging
import re
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union, cast
from urllib.parse import quote, urlsplit

import ops

# Drawn for this tree; in a store the library has the id that the store gives it.
LIBID = "55824f5969634e6583a02f3c10e184e1"
LIBAPI = 0
LIBPATCH = 1

logger = logging.getLogger(__name__)

INTERFACE = "lxd_pool_lease"

MAX_COUNT = 1000
"""The most that one request may ask for."""

MAX_REQUESTS = 100
"""The most requests of one unit."""


class ParseError(ValueError):
    """A bag, or a part of it, that is not as the interface says."""


# ---- What is said in the relation ----------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What one unit asks for."""

    id: str
    """The unit's own name for it: lower-case letters, digits and hyphens, at most 40."""
    pool: str = "default"
    count: int = 1
    ttl: timedelta = timedelta(0)
    """How long each lease lasts without word from lxd-pool, in whole seconds. Zero: as the pool says."""
    ssh_public_key: str = ""
    """A line as in authorized_keys that may log in as root."""
    purpose: str = ""
    """Told to those who operate the pool."""

    def check(self) -> None:
        """Raise ValueError if this cannot be asked for."""
        if not _ID.fullmatch(self.id):
            raise ValueError(f"cannot use {self.id!r} as the id of a request; use lower-case letters, digits and hyphens, at most 40")
        if not _POOL.fullmatch(self.pool):
            raise ValueError(f"cannot use {self.pool!r} as the name of a pool; use lower-case letters, digits and hyphens, at most 40")
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"cannot lease {self.count} instances for one request; ask for 1 to {MAX_COUNT}")
        if self.ttl < timedelta(0) or self.ttl.microseconds:
            raise ValueError(f"cannot use the ttl {self.ttl}; give whole seconds, and not less than none")
        if "PRIVATE KEY" in self.ssh_public_key:
            raise ValueError("cannot use the ssh key: it is a private one; give the public key, as in the file that ends in .pub")
        if self.ssh_public_key and (re.search(r"[\r\n\0]", self.ssh_public_key) or len(self.ssh_public_key.split()) < 2):
            raise ValueError('cannot use the ssh key; give one line like "ssh-ed25519 AAAA... name"')


_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_POOL = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Api:
    """How the daemon of a unit of lxd-pool is reached."""

    url: str = ""
    """https://HOST:PORT."""
    ca: str = ""
    """PEM: the authority that signed the daemon's certificate, or that certificate itself."""


@dataclass(frozen=True)
class Address:
    """An address of an instance, which may be private to its host."""

    family: str = ""
    """inet or inet6."""
    address: str = ""
    interface: str = ""


@dataclass(frozen=True)
class Ssh:
    """How to log in to an instance."""

    address: str = ""
    port: int = 0
    user: str = ""
    host_keys: Tuple[str, ...] = ()
    """The public keys that the instance may show."""

    def known_hosts(self) -> str:
        """Return the lines of a known_hosts file for it."""
        host = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        return "".join(f"{host} {key}\n" for key in self.host_keys)


@dataclass(frozen=True)
class Lease:
    """One leased instance."""

    unit: str = ""
    request: str = ""
    """The id of the request that it is for."""
    id: str = ""
    pool: str = ""
    instance: str = ""
    """Name of the container or virtual machine."""
    expires: Optional[datetime] = None
    """When it ends if lxd-pool does not renew it until then."""
    secret: str = ""
    addresses: Tuple[Address, ...] = ()
    ssh: Optional[Ssh] = None


@dataclass(frozen=True)
class Problem:
    """Why a request is not served, or not wholly."""

    unit: str = ""
    request: str = ""
    """The id of the request; empty when the requests could not be read at all."""
    lease: str = ""
    code: str = ""
    """A stable word: one of those of lxd-pool's API, "revoked" or "no-ssh"."""
    reason: str = ""
    next: str = ""
    """What to do about it."""


@dataclass(frozen=True)
class Answer:
    """What one unit of lxd-pool says to all the units at the other end."""

    api: Optional[Api] = None
    leases: Tuple[Lease, ...] = ()
    problems: Tuple[Problem, ...] = ()


def format_requests(requests: Sequence[Request]) -> Dict[str, str]:
    """Return what to write into the bag of a requirer's unit; an empty text takes the key back."""
    if not requests:
        return {"requests": ""}
    if len(requests) > MAX_REQUESTS or len({r.id for r in requests}) != len(requests):
        raise ValueError(f"cannot make these requests; give each its own id, and make at most {MAX_REQUESTS}")
    for request in requests:
        request.check()
    return {"requests": _dump([_request_fields(r) for r in requests])}


def _request_fields(request: Request) -> Dict[str, Any]:
    fields: Dict[str, Any] = {"id": request.id, "pool": request.pool, "count": request.count}
    if request.ttl:
        fields["ttl"] = format_duration(request.ttl)
    if request.ssh_public_key:
        fields["ssh_public_key"] = request.ssh_public_key
    if request.purpose:
        fields["purpose"] = request.purpose
    return fields


def parse_requests(bag: Mapping[str, str]) -> Tuple[List[Request], List[Problem]]:
    """Read the bag of a requirer's unit. What is wrong comes back as problems; the rest stands."""
    try:
        items = _items(_load(bag, "requests"), "requests")
    except ParseError as e:
        return [], [Problem(code="invalid", reason=str(e))]
    good: Dict[str, Request] = {}
    bad: List[Problem] = []
    for item in items:
        name = item.get("id") if isinstance(item, dict) else None
        try:
            request = _parse_request(item)
            if request.id in good:
                raise ParseError(f"cannot serve two requests with the id {request.id!r}")
            if len(good) >= MAX_REQUESTS:
                raise ParseError(f"cannot serve more than {MAX_REQUESTS} requests of one unit")
            good[request.id] = request
        except ValueError as e:
            bad.append(Problem(request=name if isinstance(name, str) else "", code="invalid", reason=str(e)))
    return list(good.values()), bad


def _parse_request(item: Any) -> Request:
    fields = _object(item, "a request")
    ttl = _field(fields, "ttl", str, None)
    request = Request(
        id=_field(fields, "id", str, ""),
        pool=_field(fields, "pool", str, "") or "default",
        count=_field(fields, "count", int, 0) or 1,
        ttl=timedelta(0) if ttl is None else parse_duration(ttl),
        ssh_public_key=_field(fields, "ssh_public_key", str, ""),
        purpose=_field(fields, "purpose", str, ""),
    )
    request.check()
    return request


def format_answer(answer: Answer) -> Dict[str, str]:
    """Return what to write into the bag of a unit of lxd-pool; an empty text takes a key back."""
    return {
        "api": _dump(dataclasses.asdict(answer.api)) if answer.api else "",
        "leases": _dump([_lease_fields(lease) for lease in answer.leases]) if answer.leases else "",
        "problems": _dump([_filled(dataclasses.asdict(p)) for p in answer.problems]) if answer.problems else "",
    }


def _lease_fields(lease: Lease) -> Dict[str, Any]:
    fields = _filled(dataclasses.asdict(lease))
    if lease.expires:
        fields["expires"] = format_time(lease.expires)
    if lease.ssh:
        fields["ssh"] = dict(dataclasses.asdict(lease.ssh), host_keys=[{"key": key} for key in lease.ssh.host_keys])
    return fields


def _filled(fields: Dict[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in fields.items() if value}


def parse_answer(bag: Mapping[str, str]) -> Answer:
    """Read the bag of a unit of lxd-pool. Raises ParseError if it is not as the interface says."""
    api = _load(bag, "api")
    return Answer(
        api=None if api is None else _flat(Api, api, "the api"),
        leases=tuple(_parse_lease(item) for item in _items(_load(bag, "leases"), "leases")),
        problems=tuple(_flat(Problem, item, "a problem") for item in _items(_load(bag, "problems"), "problems")),
    )


def _parse_lease(item: Any) -> Lease:
    fields = {} if item is None else _object(item, "a lease")
    expires = _field(fields, "expires", str, None)
    ssh = fields.get("ssh")
    return dataclasses.replace(
        _flat(Lease, fields, "a lease"),
        expires=None if expires is None else parse_time(expires),
        addresses=tuple(_flat(Address, a, "an address") for a in _items(fields.get("addresses"), "addresses")),
        ssh=None if ssh is None else _parse_ssh(ssh),
    )


def _parse_ssh(item: Any) -> Ssh:
    fields = _object(item, "ssh")
    keys = [{} if key is None else _object(key, "a host key") for key in _items(fields.get("host_keys"), "host_keys")]
    return dataclasses.replace(_flat(Ssh, fields, "ssh"), host_keys=tuple(_field(key, "key", str, "") for key in keys))


_T = TypeVar("_T")


def _flat(kind: Type[_T], item: Any, what: str) -> _T:
    """Make a dataclass of its fields that are texts and numbers; the others keep their defaults."""
    fields = {} if item is None else _object(item, what)
    simple = {"str": str, "int": int}
    values: Dict[str, Any] = {}
    for f in dataclasses.fields(cast(Any, kind)):
        if str(f.type) in simple:
            values[f.name] = _field(fields, f.name, simple[str(f.type)], f.default)
    return kind(**values)


def _field(fields: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ParseError(f"cannot read {name!r}: it is no {'text' if kind is str else 'whole number'}")
    return value


def _object(item: Any, what: str) -> Dict[str, Any]:
    if not isinstance(item, dict):
        raise ParseError(f"cannot read {what}: it is no JSON object")
    return item


def _items(value: Any, what: str) -> List[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ParseError(f"cannot read {what}: they are no JSON list")
    return value


def _load(bag: Mapping[str, str], key: str) -> Any:
    text = bag.get(key, "")
    if not text:
        return None
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as e:
        raise ParseError(f"cannot read {key!r} in the relation: {e}") from e


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Read a length of time such as 30m, 8h or 1d12h."""
    found = _DURATION.fullmatch(text)
    if not text or not found:
        raise ParseError(f"cannot read {text!r} as a length of time; write it like 30m, 8h or 1d12h")
    days, hours, minutes, seconds = (int(n or 0) for n in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a length of time as parse_duration reads it."""
    rest = int(duration.total_seconds())
    text = ""
    for unit, seconds in (("h", 3600), ("m", 60), ("s", 1)):
        n, rest = divmod(rest, seconds)
        text += f"{n}{unit}" if n else ""
    return text or "0s"


def parse_time(text: str) -> datetime:
    """Read a time as of RFC 3339, to the microsecond."""
    found = _TIME.fullmatch(text)
    try:
        if not found:
            raise ValueError("it is not as in RFC 3339")
        date, fraction, zone = found.groups()
        at = datetime.strptime(date + zone.replace("Z", "+00:00"), "%Y-%m-%dT%H:%M:%S%z")
        return at.astimezone(timezone.utc).replace(microsecond=int((fraction or "")[:6].ljust(6, "0")))
    except (ValueError, OverflowError) as e:
        raise ParseError(f"cannot read {text!r} as a time: {e}") from e


def format_time(at: datetime) -> str:
    """Write a time as parse_time reads it."""
    return at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


# ---- The API, with the token of one lease --------------------------------------------------


class ApiError(Exception):
    """What lxd-pool refuses, or why it cannot be reached."""

    def __init__(self, code: str, detail: str, next_step: str = "", status: int = 0):
        super().__init__(f"{detail}; {next_step}" if next_step else detail)
        self.code = code
        """A stable word, such as lease-ended; unreachable when nobody answers."""
        self.detail = detail
        self.next = next_step
        self.status = status
        """The status of HTTP; 0 when there is no answer."""


class _NoAnswer(ApiError):
    """No answer in time; there may be one later."""


@dataclass(frozen=True)
class Completed:
    """A command that has ended."""

    exit_status: int
    stdout: bytes
    stderr: bytes
    dropped: int = 0
    """How many bytes of its output were not kept: of each stream the beginning and the end are."""


@dataclass(frozen=True)
class Granted(Lease):
    """A lease of this unit with what it needs to use it."""

    api: Api = Api()
    token: str = dataclasses.field(default="", repr=False)
    """Opens the lease. It is a secret."""
    relation_id: int = -1
    provider: str = ""
    """The unit of lxd-pool that granted it."""

    def run(self, command: Union[str, Sequence[str]], timeout: float = 120, env: Optional[Mapping[str, str]] = None) -> Completed:
        """Run a command in the instance and return what it did; a text is a line for a shell.

        It runs as root, without input. Raises ApiError if it could not be run, and TimeoutError if
        it takes longer than that many seconds; then it is killed.
        """
        args = ["sh", "-c", command] if isinstance(command, str) else list(command)
        started = self.call("POST", "/commands", {"args": args, "env": dict(env or {})})
        path = "/commands/" + quote(str(started["id"]), safe="")
        try:
            ended = self._wait(path, time.monotonic() + timeout)
            if ended.get("state") not in ("exited", "killed"):
                raise ApiError("failed", f"cannot tell how the command ended: it is {ended.get('state')}: {ended.get('why', '')}")
            return self._completed(ended, path)
        finally:
            try:
                self.call("DELETE", path)
            except ApiError as e:  # it goes with the lease
                logger.warning("cannot forget a command in %s: %s", self.instance, e)

    def _wait(self, path: str, deadline: float) -> Dict[str, Any]:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"the command in {self.instance} has not ended in time")
            try:
                ended: Dict[str, Any] = self.call("GET", path + "?wait=true", timeout=left)
                return ended
            except _NoAnswer:
                continue

    def _completed(self, ended: Mapping[str, Any], path: str) -> Completed:
        streams = {"stdout": b"", "stderr": b""}
        dropped = 0
        for line in self.call("GET", path + "/output", lines=True):
            if line.get("problem"):
                raise _problem(line["problem"], 0)
            if line.get("stream") in streams:
                streams[line["stream"]] += base64.b64decode(line.get("data", ""))
                dropped += line.get("dropped", 0)
        return Completed(ended.get("status", 0), streams["stdout"], streams["stderr"], dropped)

    def show(self) -> Dict[str, Any]:
        """Return the lease as the API has it now; for a day also after its end."""
        answer: Dict[str, Any] = self.call("GET", "")
        return answer

    def renew(self, ttl: timedelta = timedelta(0)) -> Dict[str, Any]:
        """Move the end of the lease, counted from now; zero is the pool's ttl. lxd-pool does so by itself."""
        answer: Dict[str, Any] = self.call("PATCH", "", {"ttl": format_duration(ttl)})
        return answer

    def release(self) -> None:
        """Give the instance back now. While the request stands, another one comes in its place."""
        self.call("DELETE", "")

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 60, lines: bool = False) -> Any:
        """Call a route of the lease, such as /files/list?path=/etc, and return its JSON, or its lines of JSON.

        Raises ApiError, also if the answer takes longer than that many seconds.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            where = urlsplit(self.api.url)
            if where.scheme != "https" or not where.hostname:
                raise ApiError("invalid", f"cannot use the address {self.api.url!r} of lxd-pool: it is not https://HOST:PORT")
            connection = http.client.HTTPSConnection(where.hostname, where.port, timeout=timeout, context=_trust(self.api.ca))
            try:
                target = "/1.0/leases/" + quote(self.id, safe="") + path
                connection.request(method, target, None if body is None else json.dumps(body), headers)
                answer = connection.getresponse()
                text = answer.read()
            finally:
                connection.close()
        except socket.timeout as e:
            raise _NoAnswer("unreachable", f"lxd-pool at {self.api.url} has not answered in {timeout:.0f} s") from e
        except (OSError, http.client.HTTPException, ValueError) as e:
            raise ApiError("unreachable", f"cannot reach lxd-pool at {self.api.url}: {e}") from e
        return _understand(answer.status, text, lines)


def _trust(ca: str) -> ssl.SSLContext:
    """Trust these certificates and no others, also where one is the daemon's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= _PARTIAL_CHAIN
    context.load_verify_locations(cadata=ca)
    return context


# ssl.VERIFY_X509_PARTIAL_CHAIN, which Python has a name for since 3.10.
_PARTIAL_CHAIN = ssl.VerifyFlags(0x80000)


def _understand(status: int, text: bytes, lines: bool) -> Any:
    try:
        values = [json.loads(line) for line in text.splitlines() if line.strip()] if lines and status < 400 else None
        value = values if values is not None else json.loads(text) if text.strip() else None
    except ValueError as e:
        raise ApiError("internal", f"cannot understand what lxd-pool says: {e}", status=status) from e
    if status >= 400:
        raise _problem(value, status)
    return value


def _problem(value: Any, status: int) -> ApiError:
    fields = value if isinstance(value, dict) else {}
    return ApiError(
        str(fields.get("code", "internal")), str(fields.get("detail", f"status {status}")), str(fields.get("next", "")),
        int(fields.get("status", status)),
    )


# ---- The relation, for a charm -------------------------------------------------------------


class LeasesChangedEvent(ops.EventBase):
    """What lxd-pool says to this unit may have changed: look again."""


class LxdPoolLeaseRequirerEvents(ops.ObjectEvents):
    """The events of LxdPoolLeaseRequirer."""

    leases_changed = ops.EventSource(LeasesChangedEvent)


class LxdPoolLeaseRequirer(ops.Object):
    """The end of a charm that needs leased instances.

    It reads and writes what is there, and keeps nothing, so that it can be used in any event.
    """

    on = LxdPoolLeaseRequirerEvents()

    def __init__(self, charm: ops.CharmBase, relation_name: str = "pool"):
        super().__init__(charm, relation_name)
        self._charm = charm
        self._relation_name = relation_name
        events = charm.on[relation_name]
        for event in (events.relation_changed, events.relation_departed, events.relation_broken):
            self.framework.observe(event, self._on_relation)
        self.framework.observe(charm.on.secret_changed, self._on_secret_changed)

    def _on_relation(self, _: ops.EventBase) -> None:
        self.on.leases_changed.emit()

    def _on_secret_changed(self, event: ops.SecretChangedEvent) -> None:
        changed = _secret_name(event.secret.id or "")
        mine = {_secret_name(lease.secret) for _, _, answer in self._answers() for lease in answer.leases}
        if changed in mine:
            self.on.leases_changed.emit()

    @property
    def relations(self) -> List[ops.Relation]:
        """The relations of the endpoint, without one that is breaking."""
        return [r for r in self._charm.model.relations[self._relation_name] if r.active]

    def request(self, *requests: Request) -> None:
        """Say what this unit needs, in place of what it said before, in every relation of the endpoint.

        Without requests everything is taken back. Raises ValueError if one cannot be; then nothing was said.
        """
        bag = format_requests(requests)
        for relation in self.relations:
            ours = relation.data[self._charm.unit]
            for key, text in bag.items():
                if text != ours.get(key, ""):
                    ours[key] = text

    @property
    def leases(self) -> List[Granted]:
        """The leases of this unit. One whose secret cannot be read yet is left out; an event tells when it can."""
        granted = []
        for relation, provider, answer in self._answers():
            for lease in answer.leases:
                if lease.unit != self._charm.unit.name or not answer.api:
                    continue
                token = self._token(lease.secret)
                if token:
                    fields = {f.name: getattr(lease, f.name) for f in dataclasses.fields(lease)}
                    granted.append(Granted(**fields, api=answer.api, token=token, relation_id=relation.id, provider=provider))
        return granted

    @property
    def problems(self) -> List[Problem]:
        """Why something that this unit asked for is not there."""
        found = []
        for relation in self.relations:
            for unit in _in_order(relation):
                try:
                    answer = parse_answer(relation.data[unit])
                except ParseError as e:
                    found.append(Problem(unit=self._charm.unit.name, code="invalid", reason=f"cannot read what {unit.name} says: {e}"))
                    continue
                found += [p for p in answer.problems if p.unit == self._charm.unit.name]
        return found

    def _answers(self) -> List[Tuple[ops.Relation, str, Answer]]:
        """What the units of lxd-pool say, as far as it can be read."""
        answers = []
        for relation in self.relations:
            for unit in _in_order(relation):
                try:
                    answers.append((relation, unit.name, parse_answer(relation.data[unit])))
                except ParseError as e:
                    logger.error("cannot read what %s says: %s", unit.name, e)
        return answers

    def _token(self, secret: str) -> str:
        if not secret:
            return ""
        try:
            return self._charm.model.get_secret(id=secret).get_content(refresh=True).get("token", "")
        except ops.ModelError as e:  # not there, or not granted, as yet
            logger.info("cannot read the secret of a lease: %s", e)
            return ""


def _secret_name(secret: str) -> str:
    """What is the same in secret:NAME and secret://MODEL/NAME."""
    return re.split("[:/]", secret)[-1]


def _in_order(relation: ops.Relation) -> List[ops.Unit]:
    return sorted(relation.units, key=lambda unit: (len(unit.name), unit.name))
