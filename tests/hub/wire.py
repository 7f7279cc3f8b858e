"""HTTP as the stand-in speaks it: requests, responses and the threads that carry them.

A `Response` says what to send and a `Delivery` how: whole or cut, at once or slowly, framed by length or in chunks.
Faults change those two objects; nothing else in the package writes to a socket.
"""

import http.client
import select
import socket
import socketserver
import struct
import sys
import threading
import time
import traceback
import zlib
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, unquote

from .content import Bytes

BODY_LIMIT = 8 * 1024 * 1024
STALL_LIMIT = 600.0


class Request:
    """One request, parsed."""

    def __init__(self, method, target, headers, body, origin):
        self.method, self.target, self.headers, self.body, self.origin = method, target, headers, body, origin
        self.raw_path, _, self.raw_query = target.partition("?")
        self.path = unquote(self.raw_path, errors="surrogateescape")
        self.query = parse_qsl(self.raw_query, keep_blank_values=True)
        self.names = {self.path}
        self.entry = None

    def param(self, name, default=None):
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def params(self, name):
        """All values of a repeatable query parameter, also in the form `name[]`."""
        return [value for key, value in self.query if key in (name, f"{name}[]")]

    def flag(self, name):
        """Whether a boolean query parameter is on."""
        return (self.param(name) or "").lower() in ("true", "1", "yes", "on")

    def accepts_gzip(self):
        """Whether the client asked for gzip."""
        offered = self.headers.get("Accept-Encoding", "").lower()
        return any(part.split(";")[0].strip() == "gzip" and "q=0" not in part for part in offered.split(","))


class Headers:
    """Response headers in order; names compare without regard to case."""

    def __init__(self, *pairs):
        self._pairs = list(pairs)

    def get(self, name, default=None):
        """The value of a header."""
        return next((value for key, value in self._pairs if key.lower() == name.lower()), default)

    def drop(self, name):
        """Take a header out."""
        self._pairs = [(key, value) for key, value in self._pairs if key.lower() != name.lower()]

    def set(self, name, value):
        """Put a header in, in place of one of the same name."""
        self.drop(name)
        self._pairs.append((name, str(value)))

    def __iter__(self):
        return iter(self._pairs)


@dataclass
class Delivery:
    """How a response leaves; positions count bytes of the body as sent."""

    framing: str = "length"  # length | chunked | close
    gzip: bool = False
    cut_at: int | None = None
    reset: bool = False
    stall_at: int | None = None
    stall_head: bool = False
    stall_seconds: float = STALL_LIMIT
    gate: object = None
    rate: int = 0
    flip: tuple = ()
    budget: object = None
    ration: object = None
    drop_before_head: bool = False


@dataclass
class Response:
    """What to answer: a status, headers, and a range of a content."""

    status: int
    headers: Headers = field(default_factory=Headers)
    content: object = None
    start: int = 0
    end: int = 0
    delivery: Delivery = field(default_factory=Delivery)

    @property
    def length(self):
        """The number of bytes in the body."""
        return self.end - self.start

    @property
    def has_body(self):
        """Whether the body is one that a fault may touch: there is one, and it is no redirect's."""
        return self.length > 0 and not 300 <= self.status < 400


def respond(status, body=b"", content_type="text/plain; charset=utf-8", headers=()):
    """A response with a body that is held in memory."""
    content = Bytes(body)
    response = Response(status, Headers(*headers), content, 0, content.size)
    if content_type and not response.headers.get("Content-Type"):
        response.headers.set("Content-Type", content_type)
    return response


class Gate:
    """A door that stalled responses wait at; opening it lets all of them go on."""

    def __init__(self):
        self._inner, self._outer = socket.socketpair()

    def wait(self, connection, seconds):
        """Wait for the door, for the client to leave or for the time to pass; true when the door opened."""
        deadline = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._inner, select.POLLIN)
        poll.register(connection, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            ready = {fd for fd, _ in poll.poll(left * 1000)}
            if self._inner.fileno() in ready:
                return True
            if connection.fileno() in ready:
                try:
                    if not connection.recv(1, socket.MSG_PEEK):
                        return False
                except OSError:
                    return False
                poll.unregister(connection)

    def open(self):
        """Let everyone through from now on."""
        try:
            self._outer.close()
        except OSError:
            pass


class Budget:
    """A number of bytes that several responses share."""

    def __init__(self, amount):
        self.left = amount
        self._lock = threading.Lock()

    def take(self, wanted):
        """Take up to `wanted` bytes; 0 when nothing is left."""
        with self._lock:
            granted = min(wanted, self.left)
            self.left -= granted
            return granted


class Hangup(Exception):
    """The connection ends here, on purpose."""


class Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, asks the origin, sends its answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self):
        self.server.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass

    def log_message(self, *args):
        """Say nothing: the journal knows."""

    def do_GET(self):
        """Answer any method; the origin decides which it knows."""
        try:
            body = self._body()
        except (OSError, ValueError):
            self.close_connection = True
            return
        if self.server.stopping.is_set():
            self.close_connection = True
            return
        request = Request(self.command, self.path, self.headers, body, self.server.origin)
        try:
            response = self.server.answer(request)
        except Exception:  # pylint: disable=broad-except
            self.server.failed(traceback.format_exc())
            response = respond(500, '{"error":"the stand-in Hub failed"}', "application/json")
        entry = request.entry
        if entry:
            entry.begin(response.status)
        try:
            self._send(request, response)
        except Hangup:
            self.close_connection = True
            self._hang_up(response.delivery.reset)
        except OSError:
            self.close_connection = True
            if entry:
                entry.client_left = True
        except Exception:  # pylint: disable=broad-except
            self.close_connection = True
            self.server.failed(traceback.format_exc())
        finally:
            if entry:
                entry.end()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    def _body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            data = b""
            while True:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
                if size < 0 or len(data) + size > BODY_LIMIT:
                    raise ValueError("body too large")
                data += self.rfile.read(size)
                self.rfile.readline(8)
                if not size:
                    return data
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_LIMIT:
            raise ValueError("body too large")
        return self.rfile.read(length)

    def _send(self, request, response):
        delivery, headers = response.delivery, response.headers
        if delivery.drop_before_head:
            raise Hangup
        bodiless = response.status in (204, 304)
        if delivery.gzip:
            headers.set("Content-Encoding", "gzip")
            delivery.framing = "chunked" if delivery.framing == "length" else delivery.framing
        if self.request_version == "HTTP/1.0" and delivery.framing == "chunked":
            delivery.framing = "close"
        headers.drop("Content-Length")
        if not bodiless:
            if delivery.framing == "length":
                headers.set("Content-Length", response.length)
            elif delivery.framing == "chunked":
                headers.set("Transfer-Encoding", "chunked")
            else:
                self.close_connection = True
        if self.close_connection:
            headers.set("Connection", "close")
        reason = http.client.responses.get(response.status, "Unknown")
        lines = [f"HTTP/1.1 {response.status} {reason}", f"Date: {formatdate(usegmt=True)}"]
        lines += [" ".join(f"{name}: {value}".splitlines()) for name, value in headers]
        if delivery.stall_head:
            self._stall(delivery, request.entry)
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        if not bodiless and request.method != "HEAD":
            self._send_body(request, response)

    def _send_body(self, request, response):
        delivery, entry = response.delivery, request.entry
        pieces = _flipped(response) if delivery.flip else response.content.pieces(response.start, response.end)
        if delivery.gzip:
            pieces = _gzipped(pieces)
        sent, stalled, began = 0, False, time.monotonic()
        for piece in pieces:
            view = memoryview(piece)
            while view:
                if delivery.stall_at == sent and not stalled:
                    stalled = True
                    self._stall(delivery, entry)
                if delivery.cut_at == sent:
                    raise Hangup
                size = min([len(view)] + [at - sent for at in (delivery.stall_at, delivery.cut_at) if at and at > sent])
                if delivery.rate:
                    size = min(size, max(1, delivery.rate // 20))
                if delivery.budget:
                    size = delivery.budget.take(size)
                    if not size:
                        raise Hangup
                if delivery.ration:
                    size = self._take_ration(delivery, entry, size)
                part, view = view[:size], view[size:]
                if delivery.framing == "chunked":
                    self.wfile.write(b"%x\r\n%b\r\n" % (size, part))
                else:
                    self.wfile.write(part)
                sent += size
                if entry:
                    entry.sent = sent
                if delivery.rate:
                    self.server.stopping.wait(max(0.0, began + sent / delivery.rate - time.monotonic()))
                    if self.server.stopping.is_set():
                        raise Hangup
        if delivery.stall_at == sent and not stalled:
            self._stall(delivery, entry)
        if delivery.framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")

    def _take_ration(self, delivery, entry, size):
        granted = delivery.ration.take(size)
        if not granted:
            self._stall(delivery, entry)
            delivery.ration = None
        return granted or size

    def _stall(self, delivery, entry):
        if entry:
            entry.stall(True)
        released = delivery.gate.wait(self.connection, delivery.stall_seconds)
        if entry:
            entry.stall(False)
        if not released or self.server.stopping.is_set():
            raise Hangup

    def _hang_up(self, reset):
        try:
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.rfile.close()
                self.connection.close()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _flipped(response):
    at, mask = response.delivery.flip
    position = response.start
    for piece in response.content.pieces(response.start, response.end):
        if position <= at < position + len(piece):
            piece = bytearray(piece)
            piece[at - position] ^= mask
        position += len(piece)
        yield piece


def _gzipped(pieces):
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


class Server(socketserver.ThreadingMixIn, HTTPServer):
    """A listener on loopback with one thread per connection.

    `tls` is an `ssl.SSLContext`, or None. Over TLS a client that leaves while its answer stands still is not noticed.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, port, origin, answer, failed, tls=None):
        self.origin, self.answer, self.failed = origin, answer, failed
        self.connections = set()
        self.stopping = threading.Event()
        self._left = threading.Condition()
        self._clients = 0
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name=f"{origin} listener", daemon=True)

    def server_bind(self):
        """Bind, without asking a name server what our name is."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def verify_request(self, request, client_address):
        """A client is here, from the moment it was accepted. One who ends lets nobody in while the listener is open."""
        with self._left:
            self._clients += 1
        return not self.stopping.is_set()

    def shutdown_request(self, request):
        """The client has left, or was not let in."""
        super().shutdown_request(request)
        with self._left:
            self._clients -= 1
            self._left.notify_all()

    def wait_idle(self, timeout):
        """Wait until everybody has left who had connected, also those who were not accepted yet."""
        with socket.create_connection(self.server_address, timeout) as last:
            last.shutdown(socket.SHUT_WR)
            last.recv(1)  # the listener has come to us, and so to all before us
        with self._left:
            if not self._left.wait_for(lambda: self._clients == 0, timeout):
                raise TimeoutError(f"{self._clients} clients are still connected")

    def handle_error(self, request, client_address):
        """Pass over clients that left; report anything else."""
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            self.failed(traceback.format_exc())

    def start(self):
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self):
        """Close the listener and every connection."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self._thread.join()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
