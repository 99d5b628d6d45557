"""Ozwald runs AI containers on remote hosts over SSH, with nothing installed there but sshd and Docker."""

__version__ = "0.1.0"
