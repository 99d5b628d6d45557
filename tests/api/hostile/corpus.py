"""The requests, as the bytes that are sent, each with the statuses that it may be answered with."""

from typing import Final

from tests.api.calling import KEY

NO_ANSWER: Final = 0

_TOKEN = f"Authorization: Bearer {KEY}\r\n".encode()
_HOST = b"Host: localhost\r\n"
_POST = b"POST /srv/services/active/update/ HTTP/1.1\r\n" + _HOST + _TOKEN
_NEXT = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
_CHUNKED = _POST + b"Transfer-Encoding: chunked\r\n\r\n"


def _get(target: bytes = b"/srv/services/active/", *headers: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    return b"GET " + target + b" " + version + b"\r\n" + b"".join(one + b"\r\n" for one in headers) + b"\r\n"


def _asking(target: bytes, *headers: bytes) -> bytes:
    return _get(target, b"Host: localhost", _TOKEN.strip(), b"Connection: close", *headers)


def _list_for(*headers: bytes) -> bytes:
    return _get(b"/srv/services/active/", b"Host: localhost", *headers)


def _post(body: bytes, *headers: bytes) -> bytes:
    more = b"".join(one + b"\r\n" for one in headers)
    return _POST + b"Connection: close\r\n" + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


# Two readers could see different requests in these: one answer, and the connection is closed.
SMUGGLED: Final[dict[str, bytes]] = {
    "two lengths": _POST + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\n[]" + _NEXT,
    "one length twice": _POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]" + _NEXT,
    "lengths in a list": _POST + b"Content-Length: 2, 2\r\n\r\n[]" + _NEXT,
    "length with a sign": _POST + b"Content-Length: +2\r\n\r\n[]" + _NEXT,
    "length below nothing": _POST + b"Content-Length: -1\r\n\r\n" + _NEXT,
    "length in hex": _POST + b"Content-Length: 0x2\r\n\r\n[]" + _NEXT,
    "length with a fraction": _POST + b"Content-Length: 2.0\r\n\r\n[]" + _NEXT,
    "length with an underscore": _POST + b"Content-Length: 1_0\r\n\r\n[]" + _NEXT,
    "length in other digits": _POST + "Content-Length: ٢\r\n\r\n[]".encode() + _NEXT,
    "length of thousands of digits": _POST + b"Content-Length: " + b"9" * 6000 + b"\r\n\r\n" + _NEXT,
    "empty length": _POST + b"Content-Length: \r\n\r\n" + _NEXT,
    "length and chunks": _POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n" + _NEXT,
    "chunks and length": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n[]\r\n0\r\n\r\n" + _NEXT,
    "chunked twice": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _NEXT,
    "chunked in a list": _POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + _NEXT,
    "chunked and identity": _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + _NEXT,
    "gzip and chunked": _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + _NEXT,
    "an encoding nobody has": _POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + _NEXT,
    "an empty encoding": _POST + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n" + _NEXT,
    "chunked with a vertical tab": _POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + _NEXT,
    "chunked in HTTP/1.0": _CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n" + _NEXT,
    "space before the colon": _POST + b"Content-Length : 2\r\n\r\n[]" + _NEXT,
    "folded header": _POST + b"Content-Length:\r\n 2\r\n\r\n[]" + _NEXT,
    "folded first header": b"POST /srv/services/update HTTP/1.1\r\n Content-Length: 2\r\n\r\n[]" + _NEXT,
    "bare CR in a header": _POST + b"X: a\rContent-Length: 2\r\n\r\n[]" + _NEXT,
    "bare LF in a header": _POST + b"X: a\nContent-Length: 2\r\n\r\n[]" + _NEXT,
    "bare LF ends the headers": _POST + b"Content-Length: 2\n\n[]\r\n\r\n" + _NEXT,
    "bare CR in the request line": b"GET /health\rX HTTP/1.1\r\nHost: localhost\r\n\r\n" + _NEXT,
    "NUL in a header": _POST + b"X: a\x00b\r\nContent-Length: 2\r\n\r\n[]" + _NEXT,
    "no header name": _POST + b": 2\r\n\r\n" + _NEXT,
    "no colon": _POST + b"Content-Length 2\r\n\r\n" + _NEXT,
    "chunk size that is no number": _CHUNKED + b"zz\r\n[]\r\n0\r\n\r\n" + _NEXT,
    "chunk size with a sign": _CHUNKED + b"+2\r\n[]\r\n0\r\n\r\n" + _NEXT,
    "chunk size in hex notation": _CHUNKED + b"0x2\r\n[]\r\n0\r\n\r\n" + _NEXT,
    "chunk without its end": _CHUNKED + b"2\r\n[]XX0\r\n\r\n" + _NEXT,
    "chunk longer than said": _CHUNKED + b"1\r\n[]\r\n0\r\n\r\n" + _NEXT,
    "chunk extension of garbage": _CHUNKED + b"2;\x00\r\n[]\r\n0\r\n\r\n" + _NEXT,
    "two hosts": _get(b"/health", b"Host: localhost", b"Host: evil.example") + _NEXT,
    "two keys": _list_for(_TOKEN.strip(), b"Authorization: Bearer x") + _NEXT,
    "absolute form": _get(b"http://localhost/health", b"Host: localhost") + _NEXT,
    "absolute form of another host": _get(b"http://evil.example/health", b"Host: localhost") + _NEXT,
    "authority form": b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n" + _NEXT,
    "asterisk form": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n" + _NEXT,
    "no path": b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n" + _NEXT,
    "path without a slash": _get(b"health", b"Host: localhost") + _NEXT,
    "fragment": _get(b"/health#x", b"Host: localhost") + _NEXT,
    "two spaces": b"GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + _NEXT,
    "tab for a space": b"GET\t/health\tHTTP/1.1\r\nHost: localhost\r\n\r\n" + _NEXT,
    "lower case": b"get /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + _NEXT,
    "method of garbage": b"G\x00T /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + _NEXT,
    "HTTP/0.9": b"GET /health\r\n\r\n" + _NEXT,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": _get(b"/health", b"Host: localhost", version=b"HTTP/1.2") + _NEXT,
    "HTTP/9.9": _get(b"/health", b"Host: localhost", version=b"HTTP/9.9") + _NEXT,
    "control character in the path": _get(b"/health\x01", b"Host: localhost") + _NEXT,
    "raw bytes in the path": _get(b"/h\xff\xfe", b"Host: localhost") + _NEXT,
    "NUL by escape": _asking(b"/srv/services/active/a%00b/"),
    "line break by escape": _asking(b"/srv/services/active/a%0d%0ab/"),
    "escape that is none": _asking(b"/srv/services/active/%zz/"),
    "escape cut short": _asking(b"/srv/services/active/%2"),
    "escape that is not UTF-8": _asking(b"/srv/services/active/%ff%fe/"),
    "overlong UTF-8": _asking(b"/srv/services/%c0%ae%c0%ae/"),
    "hundreds of headers": _get(b"/health", b"Host: localhost", *(b"X-%d: 1" % n for n in range(500))),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200 + b"\r\n\r\n",
    "random bytes": bytes(range(256)) * 8 + b"\r\n\r\n",
}

OTHERS: Final[dict[str, tuple[bytes, set[int]]]] = {
    "nothing": (b"", {NO_ANSWER}),
    "blank lines": (b"\r\n\r\n\r\n\r\n", {NO_ANSWER}),
    "headers without an end": (b"GET /health HTTP/1.1\r\nX: y\r\n", {NO_ANSWER}),
    "body without an end": (_POST + b"Content-Length: 100\r\n\r\n[", {NO_ANSWER}),
    "headers too large": (_get(b"/health", b"Host: localhost", b"X: " + b"a" * 20_000), {431}),
    "headers that never end": (b"GET /health HTTP/1.1\r\n" + b"X: " + b"a" * 100_000, {431}),
    "path too long": (_get(b"/" + b"a" * 20_000, b"Host: localhost"), {431}),
    "body too large": (_POST + b"Content-Length: 5000000\r\n\r\n" + b" " * 100_000, {413}),
    "body of an exabyte": (_POST + b"Content-Length: 999999999999999\r\n\r\n", {413}),
    "chunks too large": (_CHUNKED + b"200000\r\n" + b" " * 0x200000 + b"\r\n0\r\n\r\n", {413}),
    "chunk of an exabyte": (_CHUNKED + b"fffffffffffffff\r\n[]", {NO_ANSWER}),
    "a chunk size that never ends": (_CHUNKED + b"0" * 2_000_000, {413}),
    "trailers that never end": (_CHUNKED + b"0\r\n" + b"X: y\r\n" * 300_000, {413}),
    "a body nobody may send": (_POST.replace(_TOKEN, b"") + b"Content-Length: 900000\r\n\r\n" + b" " * 9000, {401}),
    "chunks nobody may send": (_CHUNKED.replace(_TOKEN, b"") + b"2\r\n[]\r\n0\r\n\r\n", {401}),
    "a body for health": (b"GET /health HTTP/1.1\r\n" + _HOST + b"Content-Length: 2\r\n\r\n[]", {401}),
    "waits for a word, has no key": (
        _POST.replace(_TOKEN, b"") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        {401},
    ),
    "no host": (_get(b"/health"), {421}),
    "empty host": (_get(b"/health", b"Host: "), {421}),
    "another host": (_get(b"/health", b"Host: evil.example"), {421}),
    "a host that begins like ours": (_get(b"/health", b"Host: localhost.evil.example"), {421}),
    "a host with a user": (_get(b"/health", b"Host: localhost@evil.example"), {421}),
    "a host with a port of words": (_get(b"/health", b"Host: localhost:evil"), {421}),
    "a host in brackets": (_get(b"/health", b"Host: [localhost]"), {421}),
    "a host of bytes": (_get(b"/health", b"Host: \xff\xfe"), {421}),
    "a name that resolves to this machine": (_get(b"/health", b"Host: 127.0.0.1.nip.io"), {421}),
    "forwarded host": (_get(b"/health", b"Host: localhost", b"X-Forwarded-Host: evil.example"), {200}),
    "key of other letters": (_list_for(b"Authorization: Bearer \xff\xfe"), {401}),
    "key in UTF-8": (
        _list_for("Authorization: Bearer schlüssel".encode()),
        {401},
    ),
    "no key": (_list_for(b"Authorization: Bearer"), {401}),
    "another scheme": (_list_for(b"Authorization: Basic " + KEY.encode()), {401}),
    "key in the query": (_get(b"/srv/services/active/?key=" + KEY.encode(), b"Host: localhost"), {401}),
    "health behind a path": (_get(b"/srv/services/active/../../../health", b"Host: localhost"), {401}),
    "a path behind health": (_get(b"/health/../srv/services/active/", b"Host: localhost"), {401}),
    "health by escape": (_get(b"/health%2f..%2fsrv/services/active/", b"Host: localhost"), {401}),
    "many slashes": (_asking(b"//srv//services//active//"), {404}),
    "escaped slash": (_asking(b"/srv/services/active%2fchat/"), {200, 404}),
    "dots": (_asking(b"/srv/services/active/%2e%2e/"), {404}),
    "a name of other letters": (_asking(b"/srv/services/active/gr%C3%B6%C3%9Fe/"), {404}),
    "a name in disguise": (_asking(b"/srv/services/active/%E2%80%AEtahc/"), {404}),
    "a long name": (_asking(b"/srv/services/active/" + b"a" * 9000 + b"/"), {404}),
    "a query flood": (_asking(b"/srv/host/resources?" + b"&".join(b"a%d=1" % n for n in range(1500))), {400}),
    "one parameter often": (_asking(b"/srv/host/resources?" + b"&".join([b"host=a"] * 1500)), {400}),
    "a pattern that takes long": (_asking(b"/srv/host/resources?host=" + b"*a" * 2000), {400}),
    "a pattern of brackets": (_asking(b"/srv/host/resources?host=" + b"[" * 2000), {400}),
    "a query that is not UTF-8": (_asking(b"/srv/host/resources?host=%ff"), {400}),
    "HEAD": (_asking(b"/srv/services/active/").replace(b"GET", b"HEAD", 1), {200}),
    "HEAD of nothing": (_asking(b"/nothing").replace(b"GET", b"HEAD", 1), {404}),
    "OPTIONS": (_asking(b"/srv/services/active/").replace(b"GET", b"OPTIONS", 1), {405}),
    "TRACE": (_asking(b"/srv/services/active/").replace(b"GET", b"TRACE", 1), {405}),
    "a method nobody has": (_asking(b"/srv/services/active/").replace(b"GET", b"BREW", 1), {405}),
    "TRACE without a key": (b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", {401}),
    "a tag of garbage": (_asking(b"/srv/services/active/", b'If-None-Match: \xff",' + b"," * 5000), {200}),
    "a generation of garbage": (_post(b"[]", b"If-Match: \xb2"), {422}),
    "a generation of thousands of digits": (_post(b"[]", b"If-Match: " + b"9" * 6000), {422}),
    "a form": (_post(b"a=b", b"Content-Type: application/x-www-form-urlencoded"), {415}),
    "parts": (_post(b"--x", b"Content-Type: multipart/form-data; boundary=x"), {415}),
    "UTF-16": (_post("[]".encode("utf-16"), b"Content-Type: application/json; charset=utf-16"), {415}),
    "compressed": (_post(b"\x1f\x8b\x08", b"Content-Encoding: gzip"), {415}),
    "no JSON": (_post(b"hello"), {400}),
    "no body": (_post(b""), {400}),
    "NaN": (_post(b"[NaN]"), {400}),
    "infinite": (_post(b"[1e999]"), {400}),
    "keys twice": (_post(b'[{"name": "llm", "name": "llm"}]'), {400}),
    "deep": (_post(b"[" * 500_000), {400}),
    "deep in maps": (_post(b'{"a":' * 100_000), {400}),
    "a number of a megabyte": (_post(b"9" * 1_000_000), {400}),
    "half of a character": (_post(b'[{"name": "\\ud800"}]'), {400}),
    "BOM": (_post(b"\xef\xbb\xbf[]"), {400}),
    "UTF-8 that is none": (_post(b'["\xc0\x80"]'), {400}),
    "NUL in a name": (_post(b'[{"name": "a\\u0000", "service": "llm"}]'), {400}),
    "a name that is a path": (_post(b'[{"name": "../../etc", "service": "llm"}]'), {400}),
    "a name of a megabyte": (_post(b'[{"name": "' + b"a" * 900_000 + b'", "service": "llm"}]'), {400}),
    "a service of a megabyte": (_post(b'[{"name": "a", "service": "' + b"a" * 900_000 + b'"}]'), {400}),
    "a host of a megabyte": (_post(b'[{"name": "llm", "host": "' + b"*a" * 400_000 + b'"}]'), {400}),
    "keys of a megabyte": (_post(b'[{"' + b"k" * 900_000 + b'": 1}]'), {422}),
    "a map for a list": (_post(b"{}"), {422}),
    "lists for maps": (_post(b"[" + b"[]," * 100_000 + b"[]]"), {422}),
    "prototype": (_post(b'[{"name": "llm", "__proto__": {}}]'), {422}),
}
