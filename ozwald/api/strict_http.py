"""Reads HTTP requests strictly: what two readers could take for different requests is refused."""

import json
import re
from collections import Counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import Error

from ozwald.api.answers import JSON

MOST_HEADERS: Final = 100
_REQUEST_LINE = re.compile(rb"[A-Z]{1,20} (?P<path>/[!-\"$-~]*) HTTP/1\.(?P<minor>[01])")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_ONCE = (
    b"authorization",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"expect",
    b"host",
    b"if-match",
    b"transfer-encoding",
)
_DETAILS: Final = {
    413: "the body is larger than 1 MiB",
    431: "the headers are larger than 16 KiB",
    500: "the request could not be answered; see the provisioner's log",
}


class Refused(Error):
    """A request that is answered without being asked of the application."""

    def __init__(self, code: int, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.reason = code, reason


class StrictParser(HTTPRequestParser):
    """waitress's parser, which lets pass what proxies in front of it may read in another way."""

    def parse_header(self, header_plus: bytes) -> None:
        first, *lines = header_plus.removesuffix(b"\r\n\r\n").removesuffix(b"\r\n").split(b"\r\n")
        problem = _line_problem(first) or _header_problem(lines, is_old=first.endswith(b"1.0"))
        if problem:
            raise ParsingError(problem)
        super().parse_header(header_plus)


class KeepingTask(WSGITask):
    """Keeps the connection after an answer without a body, which waitress closes as one of unknown length."""

    request: Any

    def set_close_on_finish(self) -> None:
        is_asked_to = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or is_asked_to or self.version != "1.1":
            super().set_close_on_finish()


class JsonErrorTask(ErrorTask):
    """Answers what never reaches the application in the application's form, and closes."""

    request: Any
    response_headers: Any

    def execute(self) -> None:
        error = self.request.error
        detail = _DETAILS.get(error.code) or error.body.partition('"')[0].strip()
        content = json.dumps({"detail": detail}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(JSON.items())
        self.set_close_on_finish()
        self.content_length = len(content)
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else content)


def _line_problem(line: bytes) -> str:
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        return "the request line must be METHOD /PATH HTTP/1.1"
    if _BAD_ESCAPE.search(match["path"]):
        return "a % in the path must begin an escape such as %20"
    path = unquote_to_bytes(match["path"].partition(b"?")[0])
    if _CONTROL.search(path) or not _is_text(path):
        return "the path must be text in UTF-8"
    return ""


def _header_problem(lines: list[bytes], *, is_old: bool) -> str:
    if len(lines) > MOST_HEADERS:
        return f"there are more than {MOST_HEADERS} headers"
    if any(line.startswith((b" ", b"\t")) for line in lines):
        return "a header must not be folded over lines"
    pairs = [(name.lower(), value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
    counts = Counter(name for name, _ in pairs)
    twice = [name for name in _ONCE if counts[name] > 1]
    if twice:
        return f"the header {twice[0].decode()} is there twice"
    return _length_problem(dict(pairs), is_old=is_old)


def _length_problem(headers: dict[bytes, bytes], *, is_old: bool) -> str:
    """Where the body ends must be said in one way."""
    length, encoding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
    if length is not None and not _LENGTH.fullmatch(length):
        return "Content-Length must be a number"
    if encoding is None:
        return ""
    if length is not None or is_old:
        return "Transfer-Encoding must not stand beside Content-Length or in HTTP/1.0"
    return "" if encoding.lower() == b"chunked" else "Transfer-Encoding can only be chunked"


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
