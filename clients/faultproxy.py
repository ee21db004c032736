"""A TCP proxy between a station and an object store that misbehaves on demand.

It forwards HTTP/1.1 requests byte for byte (so signatures stay valid) and asks a `plan` what to do
with each: `plan(request) -> None | Fault`. Faults: answer with a status, reset the connection before
or after the store has seen the request, flip a byte of the body, or hold it until a gate opens.
"""

import socket
import struct
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

HEAD_BYTES_MAX = 64 * 1024
PIECE = 64 * 1024


@dataclass
class Request:
    """What a plan may look at."""

    number: int
    method: str
    target: str
    length: int
    headers: dict


@dataclass
class Answer:
    """The proxy answers itself; the store never sees the request."""

    status: int
    code: str


class ResetBefore:
    """The connection is reset in the middle of the request; the store sees nothing whole."""


class ResetAfter:
    """The store carries the request out, but its answer is lost."""


class FlipByte:
    """One bit of the body is changed on the way."""


@dataclass
class Hold:
    """The request waits until the event is set."""

    gate: threading.Event


class Lost(Exception):
    """A peer closed the connection."""


class Stream:
    """A socket with a read buffer."""

    def __init__(self, connection):
        self.connection, self.buffer = connection, b""

    def more(self):
        piece = self.connection.recv(PIECE)
        if not piece:
            raise Lost
        return piece

    def head(self):
        """Up to and with the empty line."""
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > HEAD_BYTES_MAX:
                raise Lost
            self.buffer += self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def pieces(self, length):
        """Exactly `length` bytes, or up to the end when it is None."""
        while length is None or length > 0:
            if not self.buffer:
                try:
                    self.buffer = self.more()
                except Lost:
                    if length is None:
                        return
                    raise
            piece = self.buffer if length is None else self.buffer[:length]
            self.buffer = self.buffer[len(piece) :]
            if length is not None:
                length -= len(piece)
            yield piece

    def chunked(self):
        """A chunked body as it is on the wire."""
        while True:
            while b"\r\n" not in self.buffer:
                self.buffer += self.more()
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            yield line + b"\r\n"
            size = int(line.split(b";")[0], 16)
            yield from self.pieces(size + 2)
            if size == 0:
                return


def fields(head):
    """Header fields, names in lower case."""
    pairs = (line.split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def body_of(stream, headers, to_end=False):
    """The pieces of a message body."""
    if b"chunked" in headers.get(b"transfer-encoding", b""):
        return stream.chunked()
    if b"content-length" in headers:
        return stream.pieces(int(headers[b"content-length"]))
    return stream.pieces(None if to_end else 0)


def reset(connection):
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class FaultProxy:
    """Listens on a free loopback port (or the given one) until closed."""

    def __init__(self, upstream, plan=lambda request: None, port=0):
        address = urlsplit(upstream)
        self.upstream = (address.hostname, address.port)
        self.plan = plan
        self.lock = threading.Lock()
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Stops listening: later connections are refused. May be called twice."""
        if self.listener.fileno() < 0:
            return
        # shutdown first: a thread blocked in accept would keep the port open.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        upstream = None
        try:
            upstream = socket.create_connection(self.upstream)
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client, store = Stream(connection), Stream(upstream)
            while self._exchange(client, store):
                pass
        except (Lost, OSError):
            pass
        finally:
            for end in (connection, upstream):
                if end is not None:
                    end.close()

    def _register(self, head, headers):
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        length = int(headers.get(b"content-length", b"0"))
        with self.lock:
            request = Request(len(self.requests), method, target, length, headers)
            self.requests.append(request)
            return request, self.plan(request)

    def _exchange(self, client, store):
        """One request and its answer; False when the connection is over."""
        head = client.head()
        headers = fields(head)
        request, fault = self._register(head, headers)
        if isinstance(fault, Hold):
            fault.gate.wait()
        if isinstance(fault, ResetBefore):
            return self._reset(client)
        if headers.get(b"expect", b"").lower() == b"100-continue":
            client.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if isinstance(fault, Answer):
            return self._answer(request, client, headers, fault)
        store.connection.sendall(head)
        for number, piece in enumerate(body_of(client, headers)):
            if number == 0 and isinstance(fault, FlipByte):
                piece = bytes([piece[0] ^ 1]) + piece[1:]
            store.connection.sendall(piece)
        return self._relay(request, client, store, fault)

    def _relay(self, request, client, store, fault):
        answer = store.head()
        while answer.split(b" ", 2)[1] == b"100":
            answer = store.head()
        if isinstance(fault, ResetAfter):
            return self._reset(client)
        client.connection.sendall(answer)
        status = answer.split(b" ", 2)[1]
        if request.method != "HEAD" and status not in (b"204", b"304"):
            for piece in body_of(store, fields(answer), to_end=True):
                client.connection.sendall(piece)
        return fields(answer).get(b"connection", b"").lower() != b"close"

    def _reset(self, client):
        reset(client.connection)
        return False

    def _answer(self, request, client, headers, fault):
        for _ in body_of(client, headers):
            pass
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{fault.code}</Code><Message>as the test asked</Message></Error>"
        ).encode()
        head = (
            f"HTTP/1.1 {fault.status} Fault\r\nContent-Type: application/xml\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        client.connection.sendall(head if request.method == "HEAD" else head + body)
        return True
