"""A line between a client and the origin: TCP passed on with a delay, or no faster than so much.

    line.py --ready FILE [--delay-ms N] [--each BYTES_PER_S] [--all BYTES_PER_S] LISTEN:TARGET...

LISTEN and TARGET are ports of 127.0.0.1. The delay is a round trip, kept as TCP on a clean path keeps it: half of it each
way, one more whole one before a new connection's first bytes, and a window that begins at ten segments, doubles with each
round trip and ends at WINDOW_MAX. A cap is for each connection or for all together, and counts what goes to the client.

Why not what is there already: netem is not in every kernel, and nginx's `limit_rate` begins anew with each request and
gives each its first second's worth at once: a client that asks for ranges of 16 MiB gets them in bursts, and 15 % more.

The bytes are moved with splice(2), from socket to pipe to socket, and never seen here: the line takes little of the CPU
that the origin and the client under test have to share.
"""

import argparse
import collections
import contextlib
import fcntl
import heapq
import itertools
import os
import select
import signal
import socket
import time
from pathlib import Path

WINDOW_FIRST = 10 * 1460
WINDOW_MAX = 3 << 20  # what Linux offers when tcp_rmem is at its defaults
PIPE_BYTES = 1 << 20  # what anyone may have
PIPES = 6  # of a flow with a window; a piece of a page takes a whole page's place, hence more than WINDOW_MAX
PIECE = 256 << 10  # moved at once; then it is another connection's turn
FLAGS = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE
BURST_S = 0.01  # a cap is kept to within what it allows in this time


class Bucket:
    """So many bytes a second, of which BURST_S's worth may gather."""

    def __init__(self, rate):
        self.rate = rate
        self.most = rate * BURST_S
        self.has = self.most
        self.at = time.monotonic()

    def allows(self, now):
        """How many bytes may go now."""
        self.has = min(self.most, self.has + (now - self.at) * self.rate)
        self.at = now
        return int(self.has)

    def take(self, count):
        """They have gone."""
        self.has -= count

    def wait(self):
        """Seconds until half of the burst is there."""
        return max(0.001, (self.most / 2 - self.has) / self.rate)


class Flow:
    """One direction of a connection: what is on its way is in a pipe."""

    def __init__(self, source, sink, delay, not_before, window, buckets):
        self.source, self.sink = source, sink
        self.delay, self.not_before = delay, not_before
        self.window, self.buckets = window, buckets
        self.flying = 0  # bytes the sender has no acknowledgement for; only where there is a window
        self.queue = collections.deque()  # (when it arrives, bytes, pipe) of what is on its way
        self.acks = collections.deque()  # (when the sender knows, bytes)
        self.is_full = self.is_blocked = self.is_over = self.is_shut = False
        self.rest_until = 0  # nothing is read before, for a cap's sake
        self.pipes = [os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) for _ in range(PIPES if window else 1)]
        self.filling = 0  # the pipe that is filled; those after it, in a ring, are empty up to the queue's first
        with contextlib.suppress(PermissionError):
            for pipe in self.pipes:
                fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def may_read(self, now):
        """How many bytes the line takes from the source now."""
        if self.is_over or self.is_full or now < self.rest_until:
            return 0
        allowed = PIECE
        if self.window is not None:
            allowed = min(allowed, self.window - self.flying)
            if allowed < min(PIECE, self.window) // 4:  # many small pieces would fill the pipe's slots
                return 0
        for bucket in self.buckets:
            allowed = min(allowed, bucket.allows(now))
            if allowed < 1460:
                self.rest_until = now + bucket.wait()
                return 0
        return allowed

    def read(self, now):
        """Takes from the source what may be taken."""
        allowed = self.may_read(now)
        if allowed <= 0:
            return
        try:
            count = os.splice(self.source.fileno(), self.pipes[self.filling][1], allowed, flags=FLAGS)
        except BlockingIOError:
            self.next_pipe()
            return
        if count == 0:
            self.is_over = True
            return
        for bucket in self.buckets:
            bucket.take(count)
        if self.window is not None:
            self.flying += count
        self.queue.append((max(now + self.delay, self.not_before), count, self.filling))

    def next_pipe(self):
        """The source had nothing, or the pipe has no room: which, no one tells, so the next pipe is tried if it is empty."""
        after = (self.filling + 1) % len(self.pipes)
        if self.queue and self.queue[0][2] == after or len(self.pipes) == 1:
            self.is_full = bool(self.queue)
        elif self.queue and self.queue[-1][2] == self.filling:
            self.filling = after

    def write(self, now):
        """Hands on what has arrived."""
        self.is_blocked = False
        while self.queue and self.queue[0][0] <= now:
            due, count, pipe = self.queue[0]
            try:
                done = os.splice(self.pipes[pipe][0], self.sink.fileno(), count, flags=FLAGS)
            except BlockingIOError:
                self.is_blocked = True
                return
            self.is_full = False
            if self.window is not None:
                self.acks.append((now + self.delay, done))
            if done < count:
                self.queue[0] = (due, count - done, pipe)
            else:
                self.queue.popleft()
        if self.is_over and not self.queue and not self.is_shut:
            self.is_shut = True
            self.sink.shutdown(socket.SHUT_WR)

    def acknowledge(self, now):
        """Opens the window for what the client has had for half a round trip."""
        while self.acks and self.acks[0][0] <= now:
            count = self.acks.popleft()[1]
            self.flying -= count
            self.window = min(WINDOW_MAX, self.window + count)

    def next_time(self, now):
        """When something is to be done although no socket says so, or None."""
        times = [queue[0][0] for queue in (self.acks, self.queue if not self.is_blocked else ()) if queue]
        if self.rest_until > now:
            times.append(self.rest_until)
        return min(times, default=None)

    def close(self):
        """The pipes are gone."""
        for pipe in self.pipes:
            for fd in pipe:
                os.close(fd)


class Connection:
    """A client's connection and ours to the origin."""

    def __init__(self, client, target, delay, each, everyone):
        origin = socket.create_connection(("127.0.0.1", target))
        now = time.monotonic()
        for sock in (client, origin):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buckets = ([Bucket(each)] if each else []) + ([everyone] if everyone else [])
        self.sockets = (client, origin)
        self.masks = {}
        self.timer = None
        self.flows = (Flow(client, origin, delay, now + 3 * delay, None, []),
                      Flow(origin, client, delay, now, WINDOW_FIRST if delay else None, buckets))

    def pump(self, now):
        """Moves what can be moved. False when all is over."""
        try:
            for flow in self.flows:
                flow.acknowledge(now)
                flow.read(now)
                flow.write(now)
        except OSError:
            return False
        return not all(flow.is_shut for flow in self.flows)

    def wants(self, now):
        """Which news of which socket would help: [(socket, mask)]."""
        to, back = self.flows
        return [(mine.source, (select.EPOLLIN if mine.may_read(now) > 0 else 0)
                 | (select.EPOLLOUT if other.is_blocked else 0)) for mine, other in ((to, back), (back, to))]

    def close(self):
        """Both sockets and both pipes are gone."""
        for thing in (*self.sockets, *self.flows):
            thing.close()


class Line:
    """All connections, on one epoll."""

    def __init__(self, options):
        self.delay = options.delay_ms / 2000
        self.each = options.each
        self.everyone = Bucket(options.all) if options.all else None
        self.epoll = select.epoll()
        self.listeners = {}
        self.of_fd = {}
        self.timers = []
        self.count = itertools.count()  # so that no two timers are equal
        for pair in options.ports:
            listen, target = map(int, pair.split(":"))
            sock = socket.create_server(("127.0.0.1", listen), backlog=256)
            sock.setblocking(False)
            self.listeners[sock.fileno()] = (sock, target)
            self.epoll.register(sock.fileno(), select.EPOLLIN)

    def accept(self, fd):
        """A new connection."""
        sock, target = self.listeners[fd]
        try:
            client, _ = sock.accept()
        except BlockingIOError:
            return
        connection = Connection(client, target, self.delay, self.each, self.everyone)
        for one in connection.sockets:
            self.of_fd[one.fileno()] = connection
            connection.masks[one.fileno()] = 0
            self.epoll.register(one.fileno(), 0)
        self.serve(connection, time.monotonic())

    def serve(self, connection, now):
        """Moves its bytes and says what to wait for."""
        if not connection.pump(now):
            self.forget(connection)
            return
        for sock, mask in connection.wants(now):
            fd = sock.fileno()
            if connection.masks[fd] != mask:
                self.epoll.modify(fd, mask)
                connection.masks[fd] = mask
        times = [at for flow in connection.flows if (at := flow.next_time(now)) is not None]
        if times and (connection.timer is None or min(times) < connection.timer or connection.timer <= now):
            connection.timer = min(times)
            heapq.heappush(self.timers, (connection.timer, next(self.count), connection))

    def forget(self, connection):
        """It is over."""
        for sock in connection.sockets:
            self.epoll.unregister(sock.fileno())
            del self.of_fd[sock.fileno()]
        connection.close()

    def turn(self):
        """Waits for the next thing and does it."""
        timeout = max(0, self.timers[0][0] - time.monotonic()) if self.timers else 1
        ready = {}
        for fd, mask in self.epoll.poll(timeout):
            if fd in self.listeners:
                self.accept(fd)
            elif mask & (select.EPOLLERR | select.EPOLLHUP) and not mask & select.EPOLLIN and fd in self.of_fd:
                connection = self.of_fd[fd]
                if mask & select.EPOLLERR or not any(flow.queue for flow in connection.flows):
                    self.forget(connection)
            elif fd in self.of_fd:
                ready[id(self.of_fd[fd])] = self.of_fd[fd]
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            connection = heapq.heappop(self.timers)[2]
            ready[id(connection)] = connection
        for connection in ready.values():
            if self.of_fd.get(connection.sockets[0].fileno()) is connection:
                self.serve(connection, now)


def main():
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready", type=Path, required=True)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--all", type=int, default=0)
    parser.add_argument("ports", nargs="+")
    options = parser.parse_args()
    line = Line(options)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    options.ready.touch()
    while True:
        line.turn()


if __name__ == "__main__":
    main()
