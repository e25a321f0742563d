# SPDX-License-Identifier: Apache-2.0
"""A WebSocket by hand: frames that no good client sends; and, run as a program, a WebSocket on stdin and stdout, as
ssh's ProxyCommand:  websocket_client.py PORT PATH TOKEN"""
import base64
import os
import select
import socket
import ssl
import struct
import sys

HOST = 'localhost'


class WebSocket:
    def __init__(self, port, path, token=None, origin=True, extra=(), key=None, send_request=True,
                 source='127.0.0.1'):
        context = ssl._create_unverified_context()  # the tests' own loopback proxy
        self.sock = context.wrap_socket(socket.create_connection(('127.0.0.1', port), timeout=90, source_address=(source, 0)),
                                        server_hostname=HOST)
        self.buffer = b''
        key = key or base64.b64encode(os.urandom(16)).decode()
        lines = [f'GET {path} HTTP/1.1', f'Host: {HOST}:{port}', 'Upgrade: websocket', 'Connection: Upgrade',
                 'Sec-WebSocket-Version: 13', f'Sec-WebSocket-Key: {key}']
        if origin is True:
            lines.append(f'Origin: https://{HOST}:{port}')
        elif origin:
            lines.append(f'Origin: {origin}')
        if token:
            lines.append(f'Cookie: theme=dark; __Host-sallyport={token}')
        self.request = '\r\n'.join([*lines, *extra, '', '']).encode()
        self.status = None
        if send_request:
            self.sock.sendall(self.request)
            self.read_head()

    def read_head(self):
        while b'\r\n\r\n' not in self.buffer:
            part = self.sock.recv(65536)
            if not part:
                raise EOFError('no answer')
            self.buffer += part
        head, self.buffer = self.buffer.split(b'\r\n\r\n', 1)
        self.status = int(head.split()[1])
        self.head = head.decode()

    def close(self):
        self.sock.close()

    @staticmethod
    def frame(data, first=0x82, mask=b'abcd'):
        n = len(data)
        flag = 0x80 if mask else 0
        head = bytes([first]) + (bytes([flag | n]) if n < 126 else bytes([flag | 126]) + struct.pack('>H', n) if n < 65536
                                 else bytes([flag | 127]) + struct.pack('>Q', n))
        if not mask:
            return head + data
        whole = int.from_bytes((mask * (n // 4 + 1))[:n], 'big') ^ int.from_bytes(data, 'big')
        return head + mask + whole.to_bytes(n, 'big')

    def send(self, data, **kw):
        self.sock.sendall(self.frame(data, **kw))

    def need(self, n):
        while len(self.buffer) < n:
            part = self.sock.recv(65536)
            if not part:
                raise EOFError('the WebSocket ended')
            self.buffer += part
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def receive(self):
        """(first byte, payload) of the next frame that is no ping; those are answered."""
        first, n = self.need(2)
        if n == 126:
            n, = struct.unpack('>H', self.need(2))
        elif n == 127:
            n, = struct.unpack('>Q', self.need(8))
        data = self.need(n)
        if first == 0x89:
            self.send(data, first=0x8a)
            return self.receive()
        return first, data

    def receive_close(self):
        """(code, reason) of the close frame; what comes before is passed over."""
        while True:
            first, data = self.receive()
            if first == 0x88:
                return (struct.unpack('>H', data[:2])[0], data[2:].decode()) if data else (1005, '')


def main():
    port, path, token = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    ws = WebSocket(port, path, token)
    if ws.status != 101:
        sys.exit(ws.head)
    while True:
        # A frame that is here already is not seen by select.
        ready = [ws.sock] if ws.buffer or ws.sock.pending() else select.select([0, ws.sock], [], [])[0]
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                ws.send(b'', first=0x88)
                return
            ws.send(data)
        if ws.sock in ready:
            try:
                first, data = ws.receive()
            except (EOFError, OSError):
                return
            if first == 0x88:
                return
            elif first == 0x82:
                os.write(1, data) if len(data) <= 4096 else sys.stdout.buffer.write(data) and sys.stdout.buffer.flush()


if __name__ == '__main__':
    main()
