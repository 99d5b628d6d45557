"""Who asks: the user of this process, and the command as it was typed."""

import getpass
import os
import shlex
import sys

from ozwald.model.history import Author

_LONGEST_COMMAND = 2000


def author() -> Author:
    """Who asks, and with which command."""
    command = shlex.join(["ozwald", *sys.argv[1:]])
    return Author(owner=_user_name(), command=command[:_LONGEST_COMMAND])


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
