# SPDX-License-Identifier: Apache-2.0
"""Memory of a node."""
import os
import subprocess
import time

import procs
from field import SHELLS, Failure


class Shells:
    """n idle shells with a terminal, over as many connections. argv: ssh's, with the host last."""

    def __init__(self, argv, env, n):
        self.argv, self.env, self.n, self.running = argv[:1] + ['-tt'] + argv[1:], env, n, []

    def start(self):
        s = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.env)
        s.stdin.write(b'echo re""ady\n')
        s.stdin.flush()
        return s

    def __enter__(self):
        while len(self.running) < self.n:
            some = [self.start() for _ in range(min(10, self.n - len(self.running)))]
            for s in some:
                seen = b''
                while b'ready' not in seen:
                    byte = os.read(s.stdout.fileno(), 4096)
                    if not byte:
                        raise Failure('a shell ended at once')
                    seen += byte
            self.running += some
        time.sleep(2)
        return self

    def __exit__(self, *_):
        for s in self.running:
            s.communicate(b'exit\n', timeout=60)


def pty_kb(side, n):
    """What one more of n idle shells costs the node."""
    before = side.node_kb()
    with Shells(side.ssh().argv, side.env, n):
        after = side.node_kb()
    return (after - before) / n


def keeper_kb(side, n):
    """(KiB of all that n sessions add to the node, of one keeper)"""
    before = side.node_kb()
    with Shells(side.ssh().argv, side.env, n):
        keepers = [p for p in procs.children(side.node_pid()) if procs.name(p) == 'noded-session']
        return side.node_kb() - before, sum(map(procs.private_kb, keepers)) / len(keepers)


def peer_kb(peer, n):
    """The same of sshd, whose sessions are processes that share nothing but the program."""
    def all_of_them():
        return sum(procs.private_kb(p) for p in procs.family(peer.node_pid, SHELLS))
    before = all_of_them()
    with Shells(peer.ssh('behind'), os.environ, n):
        return all_of_them() - before


def idle(f):
    time.sleep(5)
    f.figure('noded idle, private memory', 'MiB', f.each(lambda side: side.node_kb() / 1024), None, 8)


def pty(f):
    f.figure('one more idle PTY session', 'MiB', f.each(lambda side: pty_kb(side, 10) / 1024), None, 1)


def hundred(f):
    ours = f.each(lambda side: keeper_kb(side, 100))
    f.figure('100 idle sessions, the node', 'MiB', {name: all_kb / 1024 for name, (all_kb, _) in ours.items()},
             peer_kb(f.peer, 100) / 1024, 0.4)
    f.figure('keeper of an idle session', 'KiB', {name: kb for name, (_, kb) in ours.items()}, None, 200)
