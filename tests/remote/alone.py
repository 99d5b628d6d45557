"""One SSH connection by itself, as the tests of what happens on it need it."""

from collections.abc import Mapping

from ozwald.model.host import Host
from ozwald.remote.connection import SshConnection
from ozwald.remote.ssh import SshOpener
from ozwald.remote.ssh_config import SshOptions
from ozwald.remote.transport import GuardedTransport


class _Alone(SshConnection):
    def __init__(self, host: Host, transport: GuardedTransport, opener: SshOpener) -> None:
        super().__init__(host, transport)
        self._opener = opener

    def close(self) -> None:
        super().close()
        self._opener.close()


def open_ssh(
    host: Host,
    *,
    inventory: Mapping[str, Host] | None = None,
    options: SshOptions | None = None,
    deadline: float | None = None,
) -> SshConnection:
    """Opens it; closing it ends its jump connections as well."""
    opener = SshOpener(inventory=inventory or {}, options=options)
    try:
        connection = opener.open(host, deadline=deadline)
    except BaseException:
        opener.close()
        raise
    return _Alone(host, connection.transport, opener)
