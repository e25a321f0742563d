# SPDX-License-Identifier: Apache-2.0
"""A long path on loopback: a relay that holds every byte for as long as it would travel, and counts round trips.

    with Far(port, one_way=0.05) as far: ... far.port ... far.trips()

TCP's own handshake is part of it: the server hears of a connection when the client's first bytes could be there. What is
not copied is TCP's slow start. The relay is a process of its own, so that what is measured is not slowed by this one.
"""
import collections
import multiprocessing
import os
import selectors
import shutil
import socket
import time

CHUNK = 1 << 18
# What a direction has under way at most, beside what the kernel keeps: more than any window that is measured.
UNDER_WAY = 1 << 26


class Way:
    """One direction of a connection: what is under way, each piece with when it arrives and with its round."""

    def __init__(self, src, dst, not_before):
        self.src, self.dst, self.not_before = src, dst, not_before
        self.queue, self.size, self.open = collections.deque(), 0, True
        self.arrived = 0  # the latest round of which something did

    def take(self, now, delay, round_):
        """From the source."""
        try:
            data = self.src.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b''
        self.queue.append((max(now + delay, self.not_before), data, round_))
        self.size += len(data)
        self.open = bool(data)

    def give(self, now):
        """What is due."""
        while self.queue and self.queue[0][0] <= now:
            due, data, round_ = self.queue[0]
            try:
                if not data:
                    self.dst.shutdown(socket.SHUT_WR)
                n = self.dst.send(data) if data else 0
            except BlockingIOError:
                break
            except OSError:
                self.queue.clear()
                self.size = 0
                break
            self.size -= n
            if n:
                self.arrived = max(self.arrived, round_)
            if n < len(data):
                self.queue[0] = (due, memoryview(data)[n:], round_)
                break
            self.queue.popleft()

    def next_due(self):
        return self.queue[0][0] if self.queue else None

    def over(self):
        return not self.open and not self.queue


class Connection:
    """Its round trips are the longest chain of cause and effect: TCP's own, and then what the client sent after it had heard
    of round n is of round n + 1, as is what the server sent after that reached it. So it does not count what happens
    meanwhile, however slow a side is."""

    def __init__(self, client, target, delay):
        now = time.monotonic()
        self.client, self.server, self.target = client, None, target
        self.starts, self.delay = now + 3 * delay, delay
        self.up = Way(client, None, now + 3 * delay)
        self.down = None
        self.trips = 1
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connect(self):
        self.server = socket.create_connection(self.target)
        self.server.setblocking(False)
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.up.dst = self.server
        self.down = Way(self.server, self.client, 0)

    def turn(self, now):
        if not self.server:
            if now < self.starts:
                return
            self.connect()
        self.up.give(now)
        self.down.give(now)
        if self.up.open:  # nobody waits for what comes when the client has gone
            self.trips = 1 + self.down.arrived

    def on_client(self, now):
        self.up.take(now, self.delay, self.down.arrived + 1 if self.down else 1)

    def on_server(self, now):
        self.down.take(now, self.delay, self.up.arrived)

    def next_due(self):
        dues = [self.up.next_due() if self.server else self.starts, self.down and self.down.next_due()]
        return min((d for d in dues if d), default=None)

    def over(self):
        return self.down is not None and self.up.over() and self.down.over()


def serve(listener, target, delay, pipe):
    """The relay's process. It is asked for the count through the pipe, so that what it has handed on has been counted by then."""
    sel, conns, trips = selectors.DefaultSelector(), [], 0
    sel.register(listener, selectors.EVENT_READ)
    sel.register(pipe, selectors.EVENT_READ)
    while True:
        now = time.monotonic()
        wanted = {listener: (selectors.EVENT_READ, None), pipe: (selectors.EVENT_READ, None)}
        due = None
        for c in conns[:]:
            before = c.trips
            c.turn(now)
            trips += c.trips - before
            if c.over():
                conns.remove(c)
                c.client.close()
                c.server.close()
                continue
            for way in (c.up, c.down):
                if way and way.open and way.size < UNDER_WAY:
                    events, _ = wanted.get(way.src, (0, None))
                    wanted[way.src] = (events | selectors.EVENT_READ, c)
                if way and way.queue and way.queue[0][0] <= now:
                    events, _ = wanted.get(way.dst, (0, None))
                    wanted[way.dst] = (events | selectors.EVENT_WRITE, c)
            d = c.next_due()
            if d and d > now:
                due = min(due or d, d)
        registered = {k.fileobj: k for k in sel.get_map().values()}
        for sock, key in registered.items():
            if sock not in wanted:
                sel.unregister(sock)
            elif (key.events, key.data) != wanted[sock]:
                sel.modify(sock, *wanted[sock])
        for sock, (events, c) in wanted.items():
            if sock not in registered:
                sel.register(sock, events, c)
        for key, mask in sel.select(None if due is None else max(0, due - now)):
            if key.fileobj is pipe:
                if not pipe.recv():
                    return
                pipe.send(trips)
                trips = 0
            elif key.fileobj is listener:
                conns.append(Connection(listener.accept()[0], target, delay))
                trips += 1
            elif mask & selectors.EVENT_READ:
                c = key.data
                (c.on_client if key.fileobj is c.client else c.on_server)(time.monotonic())


class Far:
    def __init__(self, port, one_way, host='127.0.0.1'):
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, daemon=True,
                                               args=(self.listener, (host, port), one_way, theirs))

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.pipe.send(False)
        self.process.join(5)
        self.listener.close()

    def trips(self):
        """Since it was asked last."""
        self.pipe.send(True)
        return self.pipe.recv()


def far_home(cluster, user, public, ssh):
    """A copy of a user's ~/.sallyport in which the proxy is at these ports of loopback; its path."""
    src, dst = cluster.home(user), cluster.home(user) + '-far'
    new = {cluster.proxy: f'localhost:{public}', f'localhost:{cluster.ssh_port}': f'localhost:{ssh}',
           f'[localhost]:{cluster.ssh_port}': f'[localhost]:{ssh}'}
    shutil.copytree(src, dst)
    for top, dirs, files in os.walk(dst, topdown=False):
        for name in files:
            with open(os.path.join(top, name)) as f:
                text = f.read()
            for a, b in new.items():
                text = text.replace(a, b)
            with open(os.path.join(top, name), 'w') as f:
                f.write(text)
        for name in files + dirs:
            if cluster.proxy in name:
                os.rename(os.path.join(top, name), os.path.join(top, name.replace(cluster.proxy, new[cluster.proxy])))
    return dst
