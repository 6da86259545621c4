"""A gate before a local server: whoever comes must know the token, then everything is passed on.

The first visit brings the token in the address (`?token=...`) and gets a cookie, by which later requests, those of web
sockets among them, are known. A connection that was let in stays in.
"""

import asyncio
import hmac
import secrets
import threading
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

COOKIE, PATIENCE = "to4d_token", 10.0  # seconds for the head of a request
ANSWER = "HTTP/1.1 {status}\r\n{headers}Content-Type: text/plain\r\nContent-Length: {size}\r\n"
ANSWER += "Connection: close\r\n\r\n{text}"
ASK = "This page asks for its token: open the whole address that the program printed.\n"


class Gate:
    """Listens at (host, port), from a thread of its own until `close`, before a server at (127.0.0.1, `behind`)."""

    def __init__(self, host: str, port: int, behind: int) -> None:
        """Open it, with a new token."""
        self.token, self.behind = secrets.token_urlsafe(16), behind
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self._visit, host, port, limit=2**16))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Let nobody in any more, and part from all."""
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _end(self) -> None:
        self.server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            lines = head.decode("latin-1").split("\r\n")
            if self._knows(cookie(lines[1:])):
                await self._pass_on(head, reader, writer)
            else:
                writer.write(self._answer(lines[0]).encode())
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the visitor is gone, or no browser
        finally:
            writer.close()

    def _knows(self, word: str) -> bool:
        return hmac.compare_digest(word.encode(), self.token.encode())

    def _answer(self, line: str) -> str:
        """To a visitor without the cookie, whose request begins with `line`."""
        given = parse_qs(urlsplit(line.split(" ")[1]).query).get("token", [""])[0] if line.count(" ") == 2 else ""
        if not self._knows(given):
            return ANSWER.format(status="403 Forbidden", headers="", size=len(ASK), text=ASK)
        headers = f"Set-Cookie: {COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/\r\nLocation: /\r\n"
        return ANSWER.format(status="303 See Other", headers=headers, size=0, text="")

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.behind)
        try:
            back.write(head)
            await asyncio.gather(pour(reader, back), pour(there, writer))
        finally:
            back.close()


async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Everything until the source ends."""
    while data := await source.read(2**16):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


def cookie(headers: list[str]) -> str:
    """The token among the headers of a request, or nothing.

    >>> cookie(["Host: here", "Cookie: a=b; to4d_token=word"])
    'word'
    """
    for name, _, value in (header.partition(":") for header in headers):
        if name.strip().lower() == "cookie":
            try:
                if found := SimpleCookie(value.strip()).get(COOKIE):
                    return found.value
            except CookieError:
                return ""
    return ""
