"""A stand-in for the part of ops that the Python library and its example charm use.

It is not ops, and nothing that ships has it. The tests of lxd-pool must run where ops cannot be
installed; what is here runs Juju's hook tools in the way ops does, and has its names and types.
"""

from __future__ import annotations

import json
import logging
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, MutableMapping, Optional, Set, Type, TypeVar, Union


class ModelError(Exception):
    """A hook tool that failed."""


class SecretNotFoundError(ModelError):
    """A secret that is not there, or that may not be read."""


def _run(*command: str, stdin: Optional[str] = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ModelError(done.stderr.strip())
    return done.stdout


def _ask(*command: str) -> Any:
    return json.loads(_run(command[0], "--format=json", *command[1:]))


# ---- Events --------------------------------------------------------------------------------


class EventBase:
    """Something that has happened."""


class SecretEvent(EventBase):
    def __init__(self) -> None:
        self.secret = Secret(os.environ.get("JUJU_SECRET_ID"), os.environ.get("JUJU_SECRET_LABEL"))


class SecretChangedEvent(SecretEvent):
    """A secret has a new revision."""


class ActionEvent(EventBase):
    """An action was asked for."""

    def __init__(self) -> None:
        self.params: Dict[str, Any] = _ask("action-get") or {}

    def set_results(self, results: Dict[str, Any]) -> None:
        _run("action-set", *(f"{key}={value}" for key, value in _flattened(results)))

    def fail(self, message: str = "") -> None:
        _run("action-fail", message)


def _flattened(results: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in results.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


class BoundEvent:
    """An event of an object. Whoever observes it is called, in the order in which they came."""

    def __init__(self, kind: Type[EventBase]):
        self._kind = kind
        self._observers: List[Callable[[Any], None]] = []

    def emit(self) -> None:
        event = self._kind()
        for observer in self._observers:
            observer(event)


class EventSource:
    """A place for an event in a class. Each object of the class has its own."""

    def __init__(self, kind: Type[EventBase]):
        self._kind = kind
        self._name = ""

    def __set_name__(self, _: Any, name: str) -> None:
        self._name = name

    def __get__(self, obj: Any, _: Any = None) -> BoundEvent:
        bound: BoundEvent = vars(obj).setdefault("bound_" + self._name, BoundEvent(self._kind))
        return bound


_E = TypeVar("_E", bound="ObjectEvents")


class ObjectEvents:
    """The events of an object."""

    def __get__(self: _E, obj: Any, _: Any = None) -> _E:
        events: _E = vars(obj).setdefault("bound_on", type(self)())
        return events


class Events(ObjectEvents):
    """The events of a charm. Which ones it has follows from their names: this knows no metadata."""

    def __init__(self) -> None:
        self._events: Dict[str, BoundEvent] = {}

    def __getattr__(self, name: str) -> BoundEvent:
        if name.startswith("_"):
            raise AttributeError(name)
        kind: Type[EventBase] = EventBase
        if name == "secret_changed":
            kind = SecretChangedEvent
        elif name.endswith("_action"):
            kind = ActionEvent
        return self._events.setdefault(name, BoundEvent(kind))

    def __getitem__(self, prefix: str) -> PrefixedEvents:
        return PrefixedEvents(self, prefix.replace("-", "_") + "_")


CharmEvents = Events


class PrefixedEvents:
    """The events of one relation."""

    def __init__(self, events: Events, prefix: str):
        self._events = events
        self._prefix = prefix

    def __getattr__(self, name: str) -> BoundEvent:
        event: BoundEvent = getattr(self._events, self._prefix + name)
        return event


class Framework:
    """Knows who wants to be told of what, and the model."""

    def __init__(self, model: Model, charm_dir: pathlib.Path):
        self.model = model
        self.charm_dir = charm_dir

    def observe(self, event: BoundEvent, observer: Callable[[Any], None]) -> None:
        event._observers.append(observer)


class Object:
    """What takes part in events."""

    if TYPE_CHECKING:

        @property
        def on(self) -> ObjectEvents: ...

    def __init__(self, parent: Union[Framework, Object], key: Optional[str]):
        self.framework: Framework = parent if isinstance(parent, Framework) else parent.framework

    @property
    def model(self) -> Model:
        return self.framework.model


class CharmBase(Object):
    """A charm."""

    on = Events()

    def __init__(self, framework: Framework):
        super().__init__(framework, None)

    @property
    def unit(self) -> Unit:
        return self.model.unit

    @property
    def config(self) -> Mapping[str, Any]:
        return self.model.config

    @property
    def charm_dir(self) -> pathlib.Path:
        return self.framework.charm_dir


# ---- The model -----------------------------------------------------------------------------


@dataclass(frozen=True)
class StatusBase:
    """How a unit is."""

    message: str = ""
    name = ""


class ActiveStatus(StatusBase):
    name = "active"


class WaitingStatus(StatusBase):
    name = "waiting"


class BlockedStatus(StatusBase):
    name = "blocked"


class MaintenanceStatus(StatusBase):
    name = "maintenance"


class Unit:
    """This unit, or one at the other end of a relation."""

    def __init__(self, name: str):
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unit) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def _set_status(self, status: StatusBase) -> None:
        _run("status-set", status.name, status.message)

    status = property(None, _set_status)


class RelationDataContent(MutableMapping[str, str]):
    """The bag of one unit. Writing the own one takes effect when the hook ends well."""

    def __init__(self, relation_id: int, endpoint: str, unit: Unit):
        self._relation = f"{endpoint}:{relation_id}"
        self._unit = unit
        self._read: Optional[Dict[str, str]] = None

    @property
    def _values(self) -> Dict[str, str]:
        if self._read is None:
            self._read = _ask("relation-get", "-r", self._relation, "-", self._unit.name) or {}
        return self._read

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __setitem__(self, key: str, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"relation data values must be strings, not {type(value)}")
        _run("relation-set", "-r", self._relation, "--file", "-", stdin=json.dumps({key: value}))
        self._values[key] = value
        if not value:
            del self._values[key]

    def __delitem__(self, key: str) -> None:
        self[key] = ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class RelationData(Mapping[Unit, RelationDataContent]):
    """The bags of a relation."""

    def __init__(self, relation_id: int, endpoint: str, units: Set[Unit]):
        self._bags = {unit: RelationDataContent(relation_id, endpoint, unit) for unit in units}

    def __getitem__(self, unit: Unit) -> RelationDataContent:
        return self._bags[unit]

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._bags)

    def __len__(self) -> int:
        return len(self._bags)


class Relation:
    """A relation of an endpoint."""

    def __init__(self, endpoint: str, full_id: str, this: Unit, breaking: bool):
        self.name = endpoint
        self.id = int(full_id.rpartition(":")[2])
        self.active = not breaking
        self.units = {Unit(name) for name in _ask("relation-list", "-r", full_id) or []}
        self.data = RelationData(self.id, endpoint, self.units | {this})


class RelationMapping(Mapping[str, List[Relation]]):
    """The relations of the charm by endpoint."""

    def __init__(self, this: Unit):
        self._this = this
        self._known: Dict[str, List[Relation]] = {}

    def __getitem__(self, endpoint: str) -> List[Relation]:
        if endpoint not in self._known:
            breaking = ""
            if os.environ.get("JUJU_DISPATCH_PATH", "").endswith("-relation-broken"):
                breaking = os.environ.get("JUJU_RELATION_ID", "")
            self._known[endpoint] = [
                Relation(endpoint, full_id, self._this, full_id == breaking) for full_id in _ask("relation-ids", endpoint) or []
            ]
        return self._known[endpoint]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class Secret:
    """A secret of Juju."""

    def __init__(self, id: Optional[str], label: Optional[str] = None):
        self.id = id
        self.label = label

    def get_content(self, *, refresh: bool = False) -> Dict[str, str]:
        content: Dict[str, str] = _ask("secret-get", str(self.id), *(["--refresh"] if refresh else []))
        return content


class Model:
    """What Juju knows, as far as this unit may see it."""

    def __init__(self) -> None:
        self.unit = Unit(os.environ["JUJU_UNIT_NAME"])
        self.relations = RelationMapping(self.unit)
        self._config: Optional[Dict[str, Any]] = None

    @property
    def config(self) -> Mapping[str, Any]:
        if self._config is None:
            self._config = _ask("config-get")
        return self._config or {}

    def get_secret(self, *, id: str) -> Secret:
        try:
            _ask("secret-get", id)
        except ModelError as e:
            if "not found" in str(e):
                raise SecretNotFoundError(str(e)) from e
            raise
        return Secret(id)


# ---- One run of a charm --------------------------------------------------------------------


class _JujuLog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _run("juju-log", "-l", record.levelname, "--", self.format(record))


def main(charm_class: Callable[[Framework], CharmBase]) -> None:
    """Make the charm, and tell it of the event that Juju runs it for. One that it does not observe is fine."""
    logging.getLogger().addHandler(_JujuLog(logging.INFO))
    logging.getLogger().setLevel(logging.INFO)
    charm_dir = pathlib.Path(os.environ.get("JUJU_CHARM_DIR") or sys.path[0])
    charm = charm_class(Framework(Model(), charm_dir))
    kind, _, name = os.environ["JUJU_DISPATCH_PATH"].rpartition("/")
    event = name.replace("-", "_") + ("_action" if kind.endswith("actions") else "")
    bound: BoundEvent = getattr(charm.on, event)
    bound.emit()
