# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a program and a provisioner."""


class ApiError(Exception):
    """The provisioner refused; `status` is the HTTP status, the text says what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class NoAnswer(Exception):
    """No provisioner answered at the address, or the answer was cut short: whether it was done is not known."""
