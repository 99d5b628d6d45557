"""What an instance needs on its host: its image, networks, volumes and data."""

from collections.abc import Iterator
from contextlib import contextmanager

from ozwald.errors import RequestError
from ozwald.execution.deliver import CannotDeliver, Courier
from ozwald.execution.instance import Instance, LaunchFailed
from ozwald.execution.pulls import image_name, pull_image
from ozwald.model.realm import Network
from ozwald.model.service import Pull


def prepare(instance: Instance) -> None:
    """Does everything that can be done before anything that runs is disturbed.

    Raises:
        LaunchFailed: the image cannot be had, a network is missing, or data cannot be brought.
        HostError: the engine failed or the connection broke.
        Interrupted: the user asked to stop.
    """
    _need_image(instance)
    need_networks(instance)
    _need_volumes(instance)
    _need_data(instance)


def need_networks(instance: Instance) -> None:
    """Makes the realm's networks that are missing.

    Raises:
        LaunchFailed: one is declared external and is not there.
    """
    for network in instance.placement.networks:
        _need_network(instance, network)


def furnish(instance: Instance, container_id: str) -> None:
    """Joins the networks after the first, which is joined at creation, and copies files into it.

    Raises:
        LaunchFailed: a file is not what was planned.
    """
    for name, aliases in instance.network_places()[1:]:
        instance.engine.connect(name, container_id, aliases)
    files = [one for one in instance.placement.deliveries if one.volume is None]
    if not files or _is_running(instance, container_id):
        return
    for file in files:
        with _said_plainly():
            _courier(instance).put_file(file, container_id)


def _need_image(instance: Instance) -> None:
    spec = instance.placement.spec
    present = instance.engine.image(spec.image)
    if spec.pull_policy is Pull.NEVER and present is None:
        raise LaunchFailed(
            f"image {spec.image} is not on {instance.engine.host_name} and pull_policy is never; "
            f"load or build it there, or let it be pulled"
        )
    if present and spec.pull_policy is not Pull.ALWAYS:
        instance.tell(f"{spec.image} is on the host: {image_name(present.id)}", quiet=True)
        return
    pull_image(instance.engine, spec.image, tell=instance.tell, stop_asked=instance.stop_asked)


def _need_network(instance: Instance, network: Network) -> None:
    name = network.name_on_host(instance.operation.key.realm)
    if network.external:
        if all(found.name != name for found in instance.engine.networks()):
            host = instance.engine.host_name
            raise LaunchFailed(f"{host} has no network {name}, which is declared external: create it there")
        return
    labels = instance.ownership.labels(instance.operation.key.realm)
    instance.engine.ensure_network(name, labels, driver=network.driver, internal=network.internal)


def _need_volumes(instance: Instance) -> None:
    """Makes the named volumes that are missing, which would carry no label if the engine made them."""
    sent = {delivery.volume for delivery in instance.placement.deliveries}
    mounted = [mount.source for mount in instance.placement.spec.volumes if mount.type == "volume"]
    named = [name for name in mounted if name and name not in sent]
    there = {volume.name for volume in instance.engine.volumes()} if named else set()
    for name in named:
        if name not in there:
            instance.engine.ensure_volume(name, instance.ownership.labels(instance.operation.key.realm))


def _need_data(instance: Instance) -> None:
    for delivery in instance.placement.deliveries:
        if delivery.volume is not None:
            with _said_plainly():
                _courier(instance).bring_volume(delivery)


def _courier(instance: Instance) -> Courier:
    return Courier(
        engine=instance.engine,
        controller=instance.ownership.controller,
        labels=instance.ownership.labels(instance.operation.key.realm),
        image=instance.placement.spec.image,
        tell=instance.tell,
        stop_asked=instance.stop_asked,
        predecessors=frozenset(filter(None, (instance.operation.container_id, *instance.operation.leftovers))),
        turns=instance.turns,
        clock=instance.clock,
        patience_s=instance.patience.stall_s,
    )


def _is_running(instance: Instance, container_id: str) -> bool:
    state = instance.engine.state(container_id)
    return state is not None and state.running


@contextmanager
def _said_plainly() -> Iterator[None]:
    """What is wrong with data is the launch's failure."""
    try:
        yield
    except (CannotDeliver, RequestError) as error:
        raise LaunchFailed(str(error)) from error
