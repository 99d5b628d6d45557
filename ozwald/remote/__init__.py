"""The only room that touches a host: connections, the Docker Engine behind them, and probes."""

import sys

# paramiko spends a third of its import on invoke, for `Match exec` in ssh_config, which `ssh -G` answers here.
sys.modules.setdefault("invoke", None)  # type: ignore[arg-type]
import paramiko  # noqa: E402, F401

if sys.modules["invoke"] is None:
    del sys.modules["invoke"]
