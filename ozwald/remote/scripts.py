"""A script of the controller as a remote command: it travels on standard input and is gone when it has ended."""

import re
from collections.abc import Sequence

# sh of the host keeps it in a folder of its own. `timeout` signals the whole process group, so the trap finds the
# script ended. Named by its interpreter, it runs where temporary files may not be executed, too.
_KEEP = """\
umask 077
folder=$(mktemp -d "${TMPDIR:-/tmp}/ozwald-script.XXXXXXXX") || exit 126
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' HUP INT TERM
cat >"$folder/script" || exit 126
interpreter=$1 option=$2
shift 2
"$interpreter" ${option:+"$option"} "$folder/script" "$@" </dev/null
exit $?
"""
_FIRST_LINE = re.compile(rb"#![ \t]*([^ \t\n]+)[ \t]*([^\n]*)")


def script_words(script: bytes, arguments: Sequence[str]) -> list[str]:
    """The command that runs a script with arguments; the script itself is its standard input.

    The interpreter is the one the script's first line names, as execve(2) reads it, else sh.
    """
    named = _FIRST_LINE.match(script)
    interpreter, option = named.groups() if named else (b"sh", b"")
    texts = [part.decode("utf-8", "surrogateescape").strip() for part in (interpreter, option)]
    return ["sh", "-c", _KEEP, "ozwald-script", *texts, *arguments]
