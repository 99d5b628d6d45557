"""An inventory while Ansible's files fill it, with Ansible's rules for what they add."""

from dataclasses import dataclass, field

from ozwald.config.problems import Problems
from ozwald.config.sources import GROUP_VALUES, HOST_VALUES, Variable
from ozwald.model.realm import Origin

_PRIORITY = "ansible_group_priority"


@dataclass(slots=True, kw_only=True)
class DraftGroup:
    """A group so far."""

    origin: Origin
    hosts: dict[str, Origin] = field(default_factory=dict)
    children: dict[str, Origin] = field(default_factory=dict)
    vars: dict[str, Variable] = field(default_factory=dict)
    priority: int = 1


@dataclass(slots=True, kw_only=True)
class DraftHost:
    """A host so far."""

    origin: Origin
    vars: dict[str, Variable] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Draft:
    """All Ansible files write into one draft: a host or group of several files is one and the same."""

    problems: Problems
    groups: dict[str, DraftGroup] = field(default_factory=dict)
    hosts: dict[str, DraftHost] = field(default_factory=dict)

    def add_group(self, name: str, origin: Origin) -> DraftGroup:
        """The group of this name, added where it is new."""
        if name not in self.groups:
            self.problems.spend(GROUP_VALUES, origin)
            self.groups[name] = DraftGroup(origin=origin)
        return self.groups[name]

    def add_child(self, parent: str, child: str, origin: Origin) -> None:
        """Put one group into another."""
        self.add_group(parent, origin).children.setdefault(child, origin)

    def add_host(self, name: str, group: str, origin: Origin, *, port: int | None = None) -> None:
        """Put a host into a group; a port counts where the host is new."""
        if name not in self.hosts:
            self.problems.spend(HOST_VALUES, origin)
            self.hosts[name] = DraftHost(origin=origin)
            if port:
                self.hosts[name].vars["ansible_port"] = Variable(value=port, origin=origin)
        self.add_group(group, origin).hosts.setdefault(name, origin)

    def set_variable(self, entity: str, name: str, variable: Variable) -> None:
        """Set a variable of a group or host; where both have the name, Ansible means the group."""
        if entity not in self.groups:
            self.hosts[entity].vars[name] = variable
        elif name == _PRIORITY:
            self._set_priority(self.groups[entity], variable)
        else:
            self.groups[entity].vars[name] = variable
        if entity in self.groups and entity in self.hosts:
            self.problems.warn(variable.origin, "a group and a host share a name: this counts for the group")

    def _set_priority(self, group: DraftGroup, variable: Variable) -> None:
        try:
            group.priority = int(variable.value)  # type: ignore[call-overload]
        except (TypeError, ValueError, OverflowError):
            self.problems.error(variable.origin, f"{_PRIORITY} must be a whole number")
