"""waitress in front of the application, with limits that hostile clients cannot exceed."""

import logging
from collections.abc import Callable
from typing import Any

from waitress.server import create_server

from ozwald.api.strict_json import MOST_BYTES
from ozwald.errors import RequestError

log = logging.getLogger(__name__)

THREADS = 8


class ApiServer:
    """A server that listens once it is made; `run` serves until `stop`."""

    def __init__(self, app: Callable[..., Any], *, host: str, port: int) -> None:
        try:
            self._server = create_server(
                app,
                host=host,
                port=port,
                threads=THREADS,
                connection_limit=4096,
                channel_timeout=30,
                cleanup_interval=5,
                max_request_body_size=MOST_BYTES,
                max_request_header_size=16 * 1024,
                inbuf_overflow=MOST_BYTES * 2,
                outbuf_overflow=MOST_BYTES,
                asyncore_use_poll=True,
                ident="ozwald",
                clear_untrusted_proxy_headers=True,
            )
        except OSError as err:
            raise RequestError(f"cannot listen on {host}:{port}: {err.strerror}; choose another with --listen") from err

    def run(self) -> None:
        """Serves until it is stopped."""
        self._server.run()

    def stop(self) -> None:
        """Ends `run`."""
        self._server.close()
