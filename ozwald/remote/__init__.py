"""The only room that touches a host: connections, the Docker Engine behind them, and probes."""
