"""Reads `devices`: device nodes, and devices by their name in the Container Device Interface (CDI)."""

import re

from ozwald.config.context import Context
from ozwald.config.nodes import MapNode, Node
from ozwald.config.values import collect, listed, maybe, refuse, required, text
from ozwald.model.service import Device

_NODE = re.compile(r"(/[^:]*)(?::(/[^:]*)?)?(?::([rwm]{1,3}))?")
_CDI_CARD = re.compile(r"(?:nvidia|amd|intel)\..*|[^/]*/gpu=.*")
_CARD_NODE = re.compile(r"/dev/(?:nvidia|kfd|dri)(?![a-z]).*")


def devices(node: Node, context: Context) -> tuple[Device, ...]:
    """What the container gets; of two with one target the last counts."""
    found = collect(lambda item: _device(item, context), listed(node), context.problems)
    return tuple({device.target: device for device in found}.values())


def _device(node: Node, context: Context) -> Device:
    device = _long(node) if isinstance(node, MapNode) else _short(node)
    if device.is_cdi and _CDI_CARD.fullmatch(device.source):
        raise refuse(
            node,
            "cards are given by Ozwald; write 'hardware: nvidia' or 'hardware: amdgpu' in a variety, and "
            "'requires: {gpus: all}' for all of them",
        )
    if _CARD_NODE.fullmatch(device.source):
        message = (
            "hands over cards that Ozwald does not count; without it the container gets the card chosen for it, "
            "where its variety has 'hardware: amdgpu' or 'hardware: nvidia'"
        )
        context.problems.warn(node.origin, message, path=node.path)
    return device


def _short(node: Node) -> Device:
    written = text(node)
    by_name = Device(source=written, target=written)
    if by_name.is_cdi:
        return by_name
    match = _NODE.fullmatch(written)
    if not match:
        raise refuse(node, "must have the form /dev/SOURCE[:/dev/TARGET[:PERMISSIONS]], or VENDOR/CLASS=NAME")
    return Device(source=match[1], target=match[2] or match[1], permissions=match[3] or "rwm")


def _long(node: MapNode) -> Device:
    source = required(node, "source", text)
    return Device(
        source=source,
        target=maybe(node, "target", text) or source,
        permissions=maybe(node, "permissions", text) or "rwm",
    )
