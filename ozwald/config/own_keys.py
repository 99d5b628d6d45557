"""Reads the keys of a service that Compose does not have: requires, footprint, bridge-connector."""

from collections.abc import Callable
from typing import Any

from ozwald.config.context import Context
from ozwald.config.nodes import Node, Scalar, is_null
from ozwald.config.values import duration, entries, integer, maybe, refuse, required, size, text
from ozwald.model.service import BridgeConnector, Requires, RunScript


def start_time(node: Node) -> float:
    """Seconds that a start may take; none at all would fail every start."""
    seconds = duration(node)
    if seconds <= 0:
        raise refuse(node, "must be more than 0 seconds")
    return seconds


def requires(node: Node, context: Context) -> Requires:
    """What it needs of its host."""
    return Requires(
        gpus=maybe(node, "gpus", lambda gpus: "all" if text(gpus) == "all" else integer(gpus)),
        memory_bytes=maybe(node, "memory", size),
        vram_bytes=maybe(node, "vram", size),
    )


def footprint(node: Node, context: Context) -> dict[str, Any]:
    """How it is measured: `run_time` in seconds and a `run_script`; None removes what a lower layer says."""
    readers: dict[str, Callable[[Node], Any]] = {
        "run-time": duration,
        "run-script": lambda node: _run_script(node, context),
    }
    return {
        key.replace("-", "_"): None if is_null(value) else readers[key](value) for key, value in entries(node).items()
    }


def _run_script(node: Node, context: Context) -> RunScript:
    """A line for the controller's shell, in the settings' folder, or `in-container` for one in the service's."""
    if isinstance(node, Scalar):
        return RunScript(line=text(node), folder=str(context.folder))
    return RunScript(line=required(node, "in-container", text), in_container=True)


def bridge_connector(node: Node, context: Context) -> BridgeConnector:
    """The port that can be reached from outside the realm, and its name there."""
    return BridgeConnector(name=required(node, "name", text), port=required(node, "port", _port))


def _port(node: Node) -> int:
    port = integer(node)
    if not 1 <= port <= 65535:
        raise refuse(node, "a port lies between 1 and 65535")
    return port
