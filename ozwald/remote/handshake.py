"""The steps from a connected socket to an authenticated SSH transport, each bounded by one deadline."""

import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import paramiko

from ozwald.errors import ConnectionFailed, Failure, HostKeyError
from ozwald.remote import hostcerts, hostkeys, openssh
from ozwald.remote.algorithms import Algorithms
from ozwald.remote.hostkeys import HostKey, KnownHosts, KnownKey
from ozwald.remote.identities import Identities, Identity
from ozwald.remote.openssh import OpenSshError
from ozwald.remote.ssh_config import SshTarget
from ozwald.remote.text import clean
from ozwald.remote.transport import GuardedTransport

PARAMIKO_LATER_S: Final = 5.0  # our own wait ends first, and knows that it was one
TURNED_AWAY: Final = (b"MaxStartups", b"Not allowed at this time")  # what sshd says before its name
CLOSE_S: Final = 1.0


class DroppedEarly(ConnectionFailed):
    """The host hung up before it said who it is, as sshd does when too many connect at once (MaxStartups)."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(host, message, failure=Failure.RETRYABLE)


def begin(sock: Any, target: SshTarget, known: KnownHosts, *, deadline: float) -> GuardedTransport:
    """Agrees on keys; the host's key is then known but not yet checked. Raises ConnectionFailed."""
    missing = target.algorithms.missing()
    if missing is not None:
        sock.close()
        message = f"the SSH configuration leaves none of the {missing} that are known here"
        raise ConnectionFailed(target.host.name, message, failure=Failure.TERMINAL)
    transport = GuardedTransport(sock, target.algorithms)
    transport.banner_timeout = max(0.0, deadline - time.monotonic()) + PARAMIKO_LATER_S
    security = transport.get_security_options()
    security.key_types = _key_types(known.of(name_of(target)), target.algorithms)
    done = threading.Event()
    try:
        left = _left(target, deadline)
        transport.start_client(event=done)
        finished = done.wait(left)
    except BaseException:
        end(transport)
        raise
    if not (finished and transport.is_active() and transport.initial_kex_done):
        error = transport.saved_exception
        end(transport)
        raise _not_begun(transport, target, error, finished=finished) from error
    return transport


def shown_key(transport: paramiko.Transport) -> HostKey:
    """The key with which the host has proved itself."""
    key = transport.get_remote_server_key()
    return HostKey(type=key.get_name(), blob=key.asbytes())


def check_host_key(transport: paramiko.Transport, target: SshTarget, known: KnownHosts) -> None:
    """Raises HostKeyError unless the host showed a recorded key. Nothing of ours has been sent by then."""
    _check_strength(transport, target)
    _check_revoked(transport, target)
    name = name_of(target)
    lines = known.of(name)
    if not any(not line.marker for line in lines):
        # OpenSSH accepts the key of the plain address on any port, where that port has none of its own.
        with suppress(HostKeyError):
            _check(transport, target, name, [*lines, *known.off_port(name)])
            return
    _check(transport, target, name, lines)


def authenticate(transport: GuardedTransport, target: SshTarget, identities: Identities, *, deadline: float) -> None:
    """Logs in with the first key that the host accepts; raises ConnectionFailed, TERMINAL when it takes none.

    Time that a person takes for a passphrase does not count.
    """
    offered: list[str] = []
    agent = identities.agent(target)
    try:
        waiting = identities.of(target, agent)
        while True:
            began = time.monotonic()
            identity = next(waiting, None)
            deadline += time.monotonic() - began
            if identity is None:
                raise _denied(target, offered, identities.unusable(target))
            transport.auth_timeout = _left(target, deadline)
            if agent is not None:
                agent.limit(transport.auth_timeout)
            offered.append(identity.label)
            if _accepted(transport, target, identity):
                return
    finally:
        if agent is not None:
            agent.close()


def name_of(target: SshTarget) -> str:
    """What the target is called in known_hosts."""
    return hostkeys.known_name(target.address, target.port, target.host_key_alias)


def end(transport: paramiko.Transport) -> None:
    """Closes a transport and waits for its thread, without paramiko's tenth of a second."""
    if isinstance(transport.sock, paramiko.Channel):
        _end_channel(transport.sock)
    else:
        with suppress(OSError):
            transport.sock.shutdown(socket.SHUT_RDWR)
    transport.close()
    transport.sock.close()
    if transport.is_alive() and transport is not threading.current_thread():
        transport.join(CLOSE_S)


def _end_channel(channel: paramiko.Channel) -> None:
    """Closes a way through a jump host, which may not take the news any more: that must hold nobody up."""
    closing = threading.Thread(target=_close, args=(channel,), name="ssh-close", daemon=True)
    closing.start()
    closing.join(CLOSE_S)


def _close(channel: paramiko.Channel) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):
        channel.close()


def _check(transport: paramiko.Transport, target: SshTarget, name: str, lines: Sequence[KnownKey]) -> None:
    certificate = getattr(transport.get_remote_server_key(), "public_blob", None)
    if certificate is None or not hostcerts.authorities(lines):
        hostkeys.check(target.host.name, name, lines, shown_key(transport), trusted_as=target.trusted_as)
        return
    principal = (target.host_key_alias or target.address).lower()
    allows = target.algorithms.allows_authority
    hostcerts.check_certificate(target.host.name, principal, lines, certificate.key_blob, allows=allows)


def _check_strength(transport: paramiko.Transport, target: SshTarget) -> None:
    key = transport.get_remote_server_key()
    if key.get_name() == "ssh-rsa" and key.get_bits() < target.rsa_bits:
        message = f"its RSA host key has {key.get_bits()} bits, and {target.rsa_bits} are required: make it a new one"
        raise HostKeyError(target.host.name, message)


def _check_revoked(transport: paramiko.Transport, target: SshTarget) -> None:
    if target.revoked_keys is None:
        return
    key = shown_key(transport)
    try:
        is_revoked = openssh.is_revoked(target.revoked_keys, key.type, key.blob)
    except OpenSshError as err:
        raise HostKeyError(target.host.name, str(err)) from err
    if is_revoked:
        message = f"the host key {key.fingerprint} ({key.type}) is revoked by {target.revoked_keys}"
        raise HostKeyError(target.host.name, message)


def _key_types(lines: Sequence[KnownKey], algorithms: Algorithms) -> tuple[str, ...]:
    """What the host is asked to show: what can be checked first, so certificates where an authority is known."""
    types = algorithms.chosen("keys")
    preferred = hostkeys.preferred_types(lines, types)
    certificates = tuple(f"{name}{hostcerts.SUFFIX}" for name in types) if hostcerts.authorities(lines) else ()
    recorded = any(not line.marker for line in lines)
    wanted = (*preferred, *certificates) if recorded else (*certificates, *preferred)
    return tuple(name for name in wanted if algorithms.allows_key(name))


def _accepted(transport: GuardedTransport, target: SshTarget, identity: Identity) -> bool:
    """Whether the host lets us in with a key; raises ConnectionFailed where no other key can help."""
    name = target.host.name
    try:
        more = transport.auth_publickey(target.user, identity.key)
    except paramiko.BadAuthenticationType as err:
        message = (
            f"the host takes no keys, only {clean(', '.join(err.allowed_types))}: allow PubkeyAuthentication there"
        )
        raise ConnectionFailed(name, message, failure=Failure.TERMINAL) from err
    except (paramiko.SSHException, EOFError, OSError) as err:
        if not transport.is_active():
            raise _broken_off(transport, target, identity) from err
        if isinstance(err, paramiko.AuthenticationException) and "timeout" not in str(err).lower():
            return False
        message = "logging in took too long: is the host overloaded?"
        raise ConnectionFailed(name, message, failure=Failure.RETRYABLE) from err
    if more and "publickey" not in more:
        message = (
            f"the host wants {clean(' or '.join(more))} after the key, and only keys can be used: "
            "drop that from AuthenticationMethods there"
        )
        raise ConnectionFailed(name, message, failure=Failure.TERMINAL)
    return not more


def _broken_off(transport: GuardedTransport, target: SshTarget, identity: Identity) -> ConnectionFailed:
    if "Too many authentication failures" in transport.parting:
        message = (
            f"user {target.user} was refused: the host takes no more keys after {clean(identity.label)} "
            "(MaxAuthTries): set identity_file to the right one"
        )
        return ConnectionFailed(target.host.name, message, failure=Failure.TERMINAL)
    why = transport.why_lost() or "it hung up"
    message = f"the connection broke while logging in: {why}"
    return ConnectionFailed(target.host.name, message, failure=Failure.RETRYABLE)


def _left(target: SshTarget, deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise ConnectionFailed(
            target.host.name, "connecting took too long: is the host overloaded?", failure=Failure.RETRYABLE
        )
    return left


def _not_begun(
    transport: GuardedTransport, target: SshTarget, error: Exception | None, *, finished: bool
) -> ConnectionFailed:
    place = target.proxy_command and f"the ProxyCommand {clean(target.proxy_command)}"
    place = place or f"{target.address} port {target.port}"
    name = target.host.name
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        message = f"no algorithm in common with {place}: {clean(str(error))}"
        return ConnectionFailed(name, message, failure=Failure.TERMINAL)
    if not finished:
        said = getattr(transport.sock, "said", "")
        why = f" ({said})" if said else ": is that sshd, and is it overloaded?"
        message = f"{place} accepts connections but does not speak SSH in time{why}"
        return ConnectionFailed(name, message, failure=Failure.RETRYABLE)
    opening, speaks = transport.link.opening, bool(transport.remote_version)
    is_other = not speaks and opening and not opening.startswith(b"SSH-") and not _is_turned_away(opening)
    if is_other or transport.link.is_overrun:
        message = f"{place} does not speak SSH but says {clean(opening)!r}: is the port right?"
        return ConnectionFailed(name, message, failure=Failure.TERMINAL)
    if speaks and isinstance(error, paramiko.SSHException):
        message = f"{place} breaks the rules of SSH: {clean(str(error))}"
        return ConnectionFailed(name, message, failure=Failure.TERMINAL)
    said = getattr(transport.sock, "said", "") or transport.why_lost() or "it hung up"
    if getattr(transport.sock, "never_ran", False):
        return ConnectionFailed(name, f"{place} cannot be run: {said}", failure=Failure.TERMINAL)
    return DroppedEarly(name, f"{place} broke off before the SSH handshake was done ({said})")


def _is_turned_away(opening: bytes) -> bool:
    return any(words in opening for words in TURNED_AWAY)


def _denied(target: SshTarget, offered: list[str], unusable: list[str]) -> ConnectionFailed:
    if not offered:
        message = "there is no key to log in with: set identity_file, or run `ssh-add`"
    else:
        message = (
            f"user {target.user} was refused with {clean(', '.join(offered))}: "
            f"put the public key into ~{target.user}/.ssh/authorized_keys there, or correct user and identity_file"
        )
    more = "".join(f"; {clean(note)}" for note in (*unusable, *target.notes))
    return ConnectionFailed(target.host.name, message + more, failure=Failure.TERMINAL)
