# SPDX-License-Identifier: Apache-2.0
"""Memory of a node."""
import os
import subprocess
import time

from field import Failure


def pty_kb(side, n):
    """What one more of n idle shells costs the node."""
    before = side.node_kb()
    argv = side.ssh().argv
    shells = [subprocess.Popen(argv[:1] + ['-tt'] + argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, env=side.env) for _ in range(n)]
    for s in shells:
        s.stdin.write(b'echo re""ady\n')
        s.stdin.flush()
        seen = b''
        while b'ready' not in seen:
            byte = os.read(s.stdout.fileno(), 4096)
            if not byte:
                raise Failure('a shell ended at once')
            seen += byte
    time.sleep(2)
    after = side.node_kb()
    for s in shells:
        s.communicate(b'exit\n', timeout=30)
    return (after - before) / n


def idle(f):
    time.sleep(5)
    f.figure('noded idle, private memory', 'MiB', f.each(lambda side: side.node_kb() / 1024), None, 8)


def pty(f):
    f.figure('one more idle PTY session', 'MiB', f.each(lambda side: pty_kb(side, 10) / 1024), None, 1)
