# SPDX-License-Identifier: Apache-2.0
"""What a stranger sends who wants to hold places: HTTP/2 by hand, from an address of his choice."""
import socket
import ssl
import struct

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
END_HEADERS, END_STREAM = 4, 1


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + payload


def field(name, value):
    """A header without compression (RFC 7541, 6.2.2)."""
    return b'\0' + bytes([len(name)]) + name + bytes([len(value)]) + value


def request_head(method, host):
    return b''.join(field(n, v) for n, v in (
        (b':method', b'POST'), (b':scheme', b'https'), (b':path', method), (b':authority', host),
        (b'content-type', b'application/grpc'), (b'te', b'trailers')))


class Stranger:
    """A TLS connection without a certificate."""

    def __init__(self, port, name, source='127.0.0.1'):
        host = '::1' if ':' in source else '127.0.0.1'
        self.name = name.encode()
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(['h2'])
        raw = socket.create_connection((host, port), timeout=10, source_address=(source, 0))
        try:
            self.sock = context.wrap_socket(raw, server_hostname=name)
            self.sock.sendall(PREFACE + frame(SETTINGS, 0, 0) +
                              frame(WINDOW_UPDATE, 0, 0, struct.pack('>I', 1 << 20)))
        except OSError:
            raw.close()
            raise
        self.next = 1

    def open_calls(self, method, n, body=b''):
        """Calls whose request never comes, or not whole."""
        head = request_head(method, self.name)
        out = b''
        for _ in range(n):
            out += frame(HEADERS, END_HEADERS, self.next, head)
            for at in range(0, len(body), 16384):
                out += frame(DATA, 0, self.next, body[at:at + 16384])
            self.next += 2
        self.sock.settimeout(5)
        self.sock.sendall(out)

    def is_open(self):
        """False when the server has ended the connection."""
        self.sock.settimeout(0)
        try:
            while self.sock.recv(65536):
                pass
            return False
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        except OSError:
            return False

    def close(self):
        self.sock.close()


class Deaf:
    """Somebody with a certificate who asks and reads nothing: no answer gets further than his window of no bytes."""

    def __init__(self, port, name, cert, key):
        self.name = name.encode()
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(['h2'])
        context.load_cert_chain(cert, key)
        raw = socket.create_connection(('127.0.0.1', port), timeout=10)
        self.sock = context.wrap_socket(raw, server_hostname=name)
        self.sock.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack('>HI', 4, 0)))
        self.next = 1

    def ask(self, method, body, n):
        head = request_head(method, self.name)
        message = b'\0' + struct.pack('>I', len(body)) + body
        for _ in range(n):
            self.sock.sendall(frame(HEADERS, END_HEADERS, self.next, head) + frame(DATA, END_STREAM, self.next, message))
            self.next += 2

    is_open = Stranger.is_open

    def close(self):
        self.sock.close()


def strangers(count, port, name, source, then):
    """As many of `count` connections as the server takes; then(stranger) on each."""
    held = []
    for _ in range(count):
        try:
            s = Stranger(port, name, source)
            held.append(s)
            then(s)
        except OSError:
            pass
    return held


def client_hello(name):
    """The first bytes of a TLS connection, made once and sent as often as one likes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl._create_unverified_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def sockets(count, port, source, first=b''):
    held = []
    for _ in range(count):
        try:
            s = socket.create_connection(('127.0.0.1', port), timeout=10, source_address=(source, 0))
            held.append(s)
            s.sendall(first)
        except OSError:
            pass
    return held


def still_open(held):
    """How many of the connections the server has not ended."""
    n = 0
    for s in held:
        s.settimeout(0)
        try:
            n += s.recv(65536) != b''
        except BlockingIOError:
            n += 1
        except OSError:
            pass
    return n


def resident_kib(pid):
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS:'))
