"""Reads the keys of a service that have parts: healthcheck, depends_on, networks and the like."""

from collections.abc import Callable

from ozwald.config.context import Context
from ozwald.config.nodes import ListNode, MapNode, Node, Scalar
from ozwald.config.values import (
    boolean,
    collect,
    duration,
    entries,
    field,
    integer,
    listed,
    maybe,
    refuse,
    required,
    text,
    text_or_texts,
    texts,
)
from ozwald.model.service import Attachment, Dependency, Healthcheck, Ulimit


def healthcheck(node: Node, context: Context) -> Healthcheck:
    """How the engine checks the service."""
    if maybe(node, "disable", boolean):
        return Healthcheck(test=("NONE",))
    return Healthcheck(
        test=maybe(node, "test", _test) or (),
        interval_s=maybe(node, "interval", duration),
        timeout_s=maybe(node, "timeout", duration),
        start_period_s=maybe(node, "start_period", duration),
        start_interval_s=maybe(node, "start_interval", duration),
        retries=maybe(node, "retries", integer),
    )


_TEST_LENGTHS: dict[str, Callable[[int], bool]] = {
    "NONE": lambda following: following == 0,
    "CMD": lambda following: following > 0,
    "CMD-SHELL": lambda following: following == 1,
}


def _test(node: Node) -> tuple[str, ...]:
    if isinstance(node, Scalar):
        return ("CMD-SHELL", node.text)
    test = texts(node)
    if test and test[0] not in _TEST_LENGTHS:
        raise refuse(node, "must begin with CMD, CMD-SHELL or NONE")
    if test and not _TEST_LENGTHS[test[0]](len(test) - 1):
        raise refuse(node, "CMD needs words behind it, CMD-SHELL one text, NONE nothing")
    return test


def depends_on(node: Node, context: Context) -> tuple[Dependency, ...]:
    """What must be there first."""
    if isinstance(node, ListNode):
        return tuple(Dependency(instance=name) for name in texts(node))
    return tuple(_dependency(name, body) for name, body in entries(node).items())


def _dependency(name: str, body: Node) -> Dependency:
    condition = field(body, "condition")
    if condition and text(condition) == "service_completed_successfully":
        message = "'service_completed_successfully' is not supported, since services here run on; use service_healthy"
        raise refuse(condition, message)
    needed = field(body, "required")
    return Dependency(
        instance=name,
        condition=maybe(body, "condition", text) or "service_healthy",
        required=needed is None or boolean(needed),
        restart=bool(maybe(body, "restart", boolean)),
    )


def networks(node: Node, context: Context) -> tuple[Attachment, ...]:
    """The networks that it joins."""
    if isinstance(node, ListNode):
        return tuple(Attachment(network=name) for name in dict.fromkeys(texts(node)))
    return tuple(
        Attachment(network=name, aliases=maybe(body, "aliases", texts) or ()) for name, body in entries(node).items()
    )


def ulimits(node: Node, context: Context) -> dict[str, Ulimit]:
    """Resource limits by name."""
    return {
        name: Ulimit(soft=required(body, "soft", integer), hard=required(body, "hard", integer))
        if isinstance(body, MapNode)
        else Ulimit(soft=integer(body), hard=integer(body))
        for name, body in entries(node).items()
    }


def extra_hosts(node: Node, context: Context) -> tuple[str, ...]:
    """Lines of /etc/hosts, each `name:address`."""
    if isinstance(node, MapNode):
        return tuple(
            _extra_host(name, address, body) for name, body in node.values.items() for address in text_or_texts(body)
        )
    return tuple(line for found in collect(_written_extra_hosts, listed(node), context.problems) for line in found)


def _written_extra_hosts(node: Node) -> tuple[str, ...]:
    written = text(node)
    name, _, addresses = written.partition("=" if "=" in written else ":")
    return tuple(_extra_host(name, address, node) for address in addresses.split(","))


def _extra_host(name: str, address: str, node: Node) -> str:
    if not name or not address or ":" in name or "=" in name:
        raise refuse(node, "must have the form NAME:ADDRESS")
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    return f"{name}:{bare}"
