"""A local HTTP server that stands for the hub and for other hosts of files: it knows ranges, and can break off."""

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves `files` by path; a file "-> URL" is a redirect.

    Args:
        files: by path; what is at "PATH as stated" is what the checksum is of.
        breaks: the i-th answer breaks off after so many bytes.
        then_gone: have no files any more when an answer broke off.
        ranges: answer requests for a part of a file with that part.
        announced: the length that is announced, if not the true one.

    Attributes:
        asked: the first byte of each request for the content of a file.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        breaks: Sequence[int] = (),
        then_gone: bool = False,
        ranges: bool = True,
        announced: int | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.breaks, self.then_gone = dict(files), list(breaks), then_gone
        self.ranges, self.announced, self.asked = ranges, announced, []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_HEAD(self) -> None:  # noqa: N802
        self.answer(0)

    def do_GET(self) -> None:  # noqa: N802
        start = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or ["", "0"])[1])
        if data := self.answer(start if self.server.ranges else 0):
            self.server.asked.append(start)
            if self.server.breaks:
                data = data[: self.server.breaks.pop(0)]
                self.server.files = {} if self.server.then_gone else self.server.files
            self.wfile.write(data)

    def answer(self, start: int) -> bytes | None:
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return None
        if data.startswith(b"-> "):
            self.send_response(302)
            self.send_header("Location", data[3:].decode())
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(self.stated(data)).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(self.stated(data))))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", f'"{hashlib.sha256(self.stated(data)).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(self.server.announced or len(data) - start))
        self.end_headers()
        return data[start:]

    def stated(self, data: bytes) -> bytes:
        return self.server.files.get(f"{self.path} as stated", data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(files: Mapping[str, bytes], **settings) -> Iterator[FileServer]:
    with FileServer(files, **settings) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
