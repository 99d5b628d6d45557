# SPDX-License-Identifier: Apache-2.0
"""The public SDK for programs that call a provisioner's HTTP API (Apache-2.0, unlike the rest)."""

from ozwald.client.client import DEFAULT_URL, Client
from ozwald.client.documents import (
    ActiveService,
    Definition,
    Event,
    FootprintLog,
    FootprintRequest,
    FootprintRun,
    Health,
    HostFacts,
    LaunchLog,
    LogLine,
    MeasuredService,
    Prune,
    Removal,
    ServiceLog,
    Status,
    VarietyDocument,
    Wanted,
    WantedInstance,
)
from ozwald.client.errors import ApiError, NoAnswer

__all__ = [
    "DEFAULT_URL",
    "ActiveService",
    "ApiError",
    "Client",
    "Definition",
    "Event",
    "FootprintLog",
    "FootprintRequest",
    "FootprintRun",
    "Health",
    "HostFacts",
    "LaunchLog",
    "LogLine",
    "MeasuredService",
    "NoAnswer",
    "Prune",
    "Removal",
    "ServiceLog",
    "Status",
    "VarietyDocument",
    "Wanted",
    "WantedInstance",
]
