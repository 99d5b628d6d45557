# SPDX-License-Identifier: Apache-2.0
"""The public SDK for programs that call a provisioner's HTTP API (Apache-2.0, unlike the rest)."""
