# SPDX-License-Identifier: Apache-2.0
"""kill -9 of every part, each while twenty sessions run: what the clients received is what was recorded."""
import json
import os
import signal
import subprocess
import time

import pytest

from cluster import wait_for
from test_guide import family

SESSIONS = 20
NODES = ['node-1', 'node-2', 'node-3']


@pytest.fixture(scope='module')
def town(build, login):
    """A cluster of its own, since its parts are killed."""
    from cluster import Cluster
    from conftest import end, scratch
    c = Cluster(scratch(), build)
    try:
        c.start([(n, 'env=crash') for n in NODES])
        c.login(c.add_user('alice', roles='editor,access,auditor', logins=login))
        yield c
    finally:
        end(c, 'crash')


class Session:
    """A terminal session that prints numbered lines for some seconds; what the client received."""

    def __init__(self, c, login, mark, node, lines):
        self.mark, self.node = mark, node
        self.out = c.path(f'{mark}.out')
        command = f'for i in $(seq {lines}); do echo "{mark} $i $(printf %064d $i)"; sleep 0.1; done'
        with open(self.out, 'wb') as f:
            self.proc = subprocess.Popen([c.bin('tsh'), 'ssh', '-t', f'{login}@{node}', command],
                                         stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.DEVNULL,
                                         env={**os.environ, **c.env('alice')})

    def received(self):
        with open(self.out, 'rb') as f:
            return f.read()


def start_sessions(c, login, name, lines):
    sessions = [Session(c, login, f'{name}-{i:02d}', NODES[i % len(NODES)], lines) for i in range(SESSIONS)]
    wait_for('all sessions to print', lambda: all(s.received() for s in sessions), 60)
    return sessions


def recorded(c, session):
    """The recording's output, once it has ended."""
    def find():
        # auditd says that its database is away until it has found it again.
        out = c.tsh('alice', 'recordings', 'ls', '--limit=500', '--format=json', check=False)
        rows = json.loads(out.stdout) if out.returncode == 0 else []
        return next((r for r in rows if session.mark + ' ' in r['command'] and r['ended']), None)
    row = wait_for(f'the recording of {session.mark}', find, 60, 0.5)
    frames = json.loads(c.tsh('alice', 'play', '--format=json', row['id']).stdout)
    return ''.join(f['data'] for f in frames if f['type'] == 'output').encode()


def expected(session, lines):
    return ''.join(f'{session.mark} {i} {i:064d}\r\n' for i in range(1, lines + 1)).encode()


@pytest.mark.parametrize('part', ['authd', 'auditd', 'postgres'])
def test_sessions_go_on_and_nothing_is_lost_or_doubled(town, login, part):
    lines = 60
    sessions = start_sessions(town, login, f'kill-{part}', lines)
    if part == 'postgres':
        town.kill_postgres()
        time.sleep(1.5)
        town.start_postgres()
    else:
        town.daemons[part].kill()
        time.sleep(1.5)
        town.restart(part)
    for s in sessions:
        assert s.proc.wait(60) == 0, s.mark
        assert s.received() == expected(s, lines)
    for s in sessions:
        assert recorded(town, s) == s.received(), s.mark


def test_proxyd_killed_nodes_are_back_and_what_was_seen_is_recorded(town, login):
    sessions = start_sessions(town, login, 'kill-proxyd', 300)
    time.sleep(1)
    town.daemons['proxyd'].kill()
    for s in sessions:
        assert s.proc.wait(30) != 0
    town.restart('proxyd')
    wait_for('proxyd', lambda: town.port_open(town.public_port))
    wait_for('every node to be reachable within 5 s', lambda: all(
        town.tsh('alice', 'ssh', f'{login}@{n}', 'true', check=False).returncode == 0 for n in NODES), 5)
    for s in sessions:
        assert recorded(town, s).startswith(s.received()), s.mark


def worker_of(c, node):
    for pid in family(c.daemons[node].pid):
        try:
            with open(f'/proc/{pid}/cmdline') as f:
                if 'worker' in f.read().split('\0'):
                    return pid
        except FileNotFoundError:
            continue  # a process of a session that just ended
    raise AssertionError(f'{node} has no worker')


def test_worker_of_noded_killed(town, login):
    sessions = start_sessions(town, login, 'kill-worker', 300)
    time.sleep(1)
    for n in NODES:
        os.kill(worker_of(town, n), signal.SIGKILL)
    for s in sessions:
        assert s.proc.wait(30) != 0
    wait_for('every node to be reachable', lambda: all(
        town.tsh('alice', 'ssh', f'{login}@{n}', 'true', check=False).returncode == 0 for n in NODES), 20)
    for s in sessions:
        assert recorded(town, s).startswith(s.received()), s.mark
    left = subprocess.run(['pgrep', '-f', 'kill-worker-'], stdout=subprocess.PIPE, text=True).stdout.split()
    assert not left, 'shells of a dead worker go on'
