"""The steps from a connected socket to an authenticated SSH transport, each bounded by one deadline."""

import logging
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import paramiko

from ozwald.errors import ConnectionFailed, Failure
from ozwald.remote import hostcerts, hostkeys
from ozwald.remote.hostkeys import HostKey, KnownHosts, KnownKey
from ozwald.remote.identities import Identities
from ozwald.remote.ssh_config import SshTarget
from ozwald.remote.text import clean

PARAMIKO_LATER_S: Final = 5.0  # our own wait ends first, and knows that it was one
SSH_LOG: Final = f"{__name__}.paramiko"

# paramiko logs at ERROR what it also raises.
logging.getLogger(SSH_LOG).setLevel(logging.CRITICAL)


class DroppedEarly(ConnectionFailed):
    """The host hung up before it said who it is, as sshd does when too many connect at once (MaxStartups)."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(host, message, failure=Failure.RETRYABLE)


def begin(sock: Any, target: SshTarget, known: KnownHosts, *, deadline: float) -> paramiko.Transport:
    """Agrees on keys; the host's key is then known but not yet checked. Raises ConnectionFailed."""
    transport = paramiko.Transport(sock)
    transport.set_log_channel(SSH_LOG)
    left = _left(target, deadline)
    transport.banner_timeout = transport.handshake_timeout = left + PARAMIKO_LATER_S
    security = transport.get_security_options()
    lines = known.of(name_of(target))
    security.key_types = _key_types(lines, security.key_types)
    done = threading.Event()
    try:
        transport.start_client(event=done)
        finished = done.wait(left)
    except BaseException:
        end(transport)
        raise
    if not (finished and transport.is_active() and transport.initial_kex_done):
        error = transport.get_exception()
        end(transport)
        raise _not_begun(target, error, finished=finished) from error
    return transport


def shown_key(transport: paramiko.Transport) -> HostKey:
    """The key with which the host has proved itself."""
    key = transport.get_remote_server_key()
    return HostKey(type=key.get_name(), blob=key.asbytes())


def check_host_key(transport: paramiko.Transport, target: SshTarget, known: KnownHosts) -> None:
    """Raises HostKeyError unless the host showed a recorded key. Nothing of ours has been sent by then."""
    name = name_of(target)
    lines = known.of(name)
    certificate = getattr(transport.get_remote_server_key(), "public_blob", None)
    if certificate is not None and hostcerts.authorities(lines):
        principal = (target.host_key_alias or target.address).lower()
        hostcerts.check_certificate(target.host.name, principal, lines, certificate.key_blob)
    else:
        hostkeys.check(target.host.name, name, lines, shown_key(transport))


def authenticate(transport: paramiko.Transport, target: SshTarget, identities: Identities, *, deadline: float) -> None:
    """Logs in with the first key that the host accepts; raises ConnectionFailed, TERMINAL when it takes none."""
    offered: list[str] = []
    agent = identities.agent()
    try:
        for identity in identities.of(target, agent):
            transport.auth_timeout = _left(target, deadline)
            offered.append(identity.label)
            if _accepted(transport, target, identity.key):
                return
            if not transport.is_active():
                break
    finally:
        if agent is not None:
            agent.close()
    raise _denied(target, offered)


def name_of(target: SshTarget) -> str:
    """What the target is called in known_hosts."""
    return hostkeys.known_name(target.address, target.port, target.host_key_alias)


def end(transport: paramiko.Transport) -> None:
    """Closes a transport and waits for its thread, without paramiko's tenth of a second."""
    with suppress(OSError, EOFError):
        transport.sock.shutdown(socket.SHUT_RDWR)
    transport.close()
    transport.sock.close()
    if transport.is_alive() and transport is not threading.current_thread():
        transport.join(1.0)


def _key_types(lines: Sequence[KnownKey], types: Sequence[str]) -> tuple[str, ...]:
    """What the host is asked to show: what can be checked first, so certificates where an authority is known."""
    preferred = hostkeys.preferred_types(lines, types)
    if not hostcerts.authorities(lines):
        return preferred
    certificates = tuple(f"{name}{hostcerts.SUFFIX}" for name in types)
    recorded = any(not line.marker for line in lines)
    return (*preferred, *certificates) if recorded else (*certificates, *preferred)


def _accepted(transport: paramiko.Transport, target: SshTarget, key: paramiko.PKey) -> bool:
    try:
        return not transport.auth_publickey(target.user, key)
    except paramiko.BadAuthenticationType as err:
        wanted = ", ".join(err.allowed_types)
        raise ConnectionFailed(
            target.host.name,
            f"the host takes no keys, only {clean(wanted)}: allow PubkeyAuthentication there",
            failure=Failure.TERMINAL,
        ) from err
    except paramiko.AuthenticationException as err:
        if "timeout" in str(err).lower():
            raise ConnectionFailed(
                target.host.name, "logging in took too long: is the host overloaded?", failure=Failure.RETRYABLE
            ) from err
        return False
    except (paramiko.SSHException, EOFError, OSError) as err:
        raise ConnectionFailed(
            target.host.name, f"the connection broke while logging in: {clean(str(err))}", failure=Failure.RETRYABLE
        ) from err


def _left(target: SshTarget, deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise ConnectionFailed(
            target.host.name, "connecting took too long: is the host overloaded?", failure=Failure.RETRYABLE
        )
    return left


def _not_begun(target: SshTarget, error: Exception | None, *, finished: bool) -> ConnectionFailed:
    place = target.proxy_command and f"the ProxyCommand {clean(target.proxy_command)}"
    place = place or f"{target.address} port {target.port}"
    name = target.host.name
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        message = f"no algorithm in common with {place}: {clean(str(error))}"
        return ConnectionFailed(name, message, failure=Failure.TERMINAL)
    if not finished:
        message = f"{place} accepts connections but does not speak SSH in time: is that sshd, and is it overloaded?"
        return ConnectionFailed(name, message, failure=Failure.RETRYABLE)
    said = clean(str(error)) if error else "it hung up"
    return DroppedEarly(name, f"{place} broke off before the SSH handshake was done ({said})")


def _denied(target: SshTarget, offered: list[str]) -> ConnectionFailed:
    if not offered:
        message = "there is no key to log in with: set identity_file, or run `ssh-add`"
    else:
        message = (
            f"user {target.user} was refused with {clean(', '.join(offered))}: "
            f"put the public key into ~{target.user}/.ssh/authorized_keys there, or correct user and identity_file"
        )
    return ConnectionFailed(target.host.name, message, failure=Failure.TERMINAL)
