# SPDX-License-Identifier: Apache-2.0
"""What is recorded, what is not, and that the person recorded cannot change it."""
import hashlib
import json
import os
import pwd
import subprocess

import pytest

from cluster import SERVICE_USER, wait_for
from test_guide import family


def newest(cluster, mark):
    def find():
        rows = json.loads(cluster.tsh('alice', 'recordings', 'ls', '--limit=200', '--format=json').stdout)
        return next((r for r in rows if mark in r['command'] and r['ended']), None)
    return wait_for(f'the recording of {mark}', find)


def frames(cluster, row):
    return json.loads(cluster.tsh('alice', 'play', '--format=json', row['id']).stdout)


def text(parts, kind):
    return ''.join(f['data'] for f in parts if f['type'] == kind)


def test_command_without_terminal_has_text_and_exit(cluster, alice, login):
    cluster.tsh('alice', 'ssh', f'{login}@node-1', 'echo mark-exec; echo oops >&2; exit 9', check=False)
    row = newest(cluster, 'mark-exec')
    assert row['type'] == 'exec' and row['exit_status'] == 9 and not row['interactive']
    parts = frames(cluster, row)
    assert text(parts, 'output') == 'mark-exec\n' and text(parts, 'error') == 'oops\n'
    assert [f['data'] for f in parts if f['type'] == 'exit'] == [9]


def test_output_beyond_the_limit_becomes_a_gap_with_its_hash(cluster, alice, login):
    cluster.tsh('alice', 'ssh', f'{login}@node-1', 'head -c 3000000 /dev/zero | tr "\\0" x # mark-gap')
    row = newest(cluster, 'mark-gap')
    parts = frames(cluster, row)
    kept = len(text(parts, 'output'))
    gaps = [f['data'] for f in parts if f['type'] == 'gap']
    assert kept == 1 << 20 and sum(gaps) == 3000000 - kept
    raw = cluster.run(cluster.bin('tsh'), 'play', '--format=json', row['id'], env=cluster.env('alice')).stdout
    assert 'gap' in raw


def test_sftp_bodies_are_not_recorded(cluster, alice, login, tmp_path):
    secret = os.urandom(300000).hex()
    (tmp_path / 'f').write_text(secret)
    cluster.tsh('alice', 'scp', '-q', str(tmp_path / 'f'), f'{login}@node-1:{tmp_path}/g')
    row = newest(cluster, 'sftp')
    assert row['type'] == 'subsystem'
    assert len(text(frames(cluster, row), 'output')) == 0


def test_terminal_output_and_resizes(cluster, alice, login):
    cluster.tsh('alice', 'ssh', '-t', f'{login}@node-1', 'echo mark-tty; stty cols 99')
    parts = frames(cluster, newest(cluster, 'mark-tty'))
    assert 'mark-tty\r\n' in text(parts, 'output')


def test_events_of_a_session_can_be_searched(cluster, alice, login):
    cluster.tsh('alice', 'ssh', f'{login}@node-2', 'true # mark-events')
    row = newest(cluster, 'mark-events')
    rows = json.loads(cluster.tctl('audit', 'ls', f"--session={row['id']}", '--format=json').stdout)
    assert {'session.start', 'session.end'} <= {r['event'] for r in rows}
    assert all(r['user'] == 'alice' and r['login'] == login and r['server_hostname'] == 'node-2' for r in rows)


@pytest.fixture
def victim():
    """A login user who is not root; only root can make one."""
    if os.getuid() != 0:
        pytest.skip('needs root to have a second login user')
    return 'games'


def test_the_login_user_can_neither_read_change_nor_stop_the_recording(cluster, alice, victim):
    greta = cluster.add_user('greta', roles='access', logins=victim)
    cluster.login(greta)
    node = family(cluster.daemons['node-1'].pid)
    spool = cluster.path('node-1')
    attack = (f'find {spool} -type f -readable -o -type f -writable 2>/dev/null; '
              + ' '.join(f'kill -STOP {p} 2>/dev/null && echo stopped {p}; ' for p in node)
              + 'ls -l /proc/self/fd | grep -c socket; cat /proc/' + str(node[-1]) + '/maps 2>/dev/null | head -1; '
              + 'echo mark-attack')
    pw = pwd.getpwnam(victim)
    shell = pw.pw_shell
    subprocess.run(['usermod', '-s', '/bin/sh', victim], check=True)
    try:
        out = cluster.tsh('greta', 'ssh', f'{victim}@node-1', attack, check=False)
    finally:
        subprocess.run(['usermod', '-s', shell, victim], check=True)
    assert out.stdout.splitlines()[-1] == 'mark-attack', out
    assert 'stopped' not in out.stdout and spool not in out.stdout
    assert newest(cluster, 'mark-attack')['user'] == 'greta'
    cluster.tctl('users', 'rm', 'greta')


def test_the_spool_belongs_to_the_worker_alone(cluster, alice):
    if os.getuid() != 0:
        pytest.skip('without root there is one user only')
    uid = pwd.getpwnam(SERVICE_USER).pw_uid
    seen = 0
    for folder, _, names in os.walk(cluster.path('node-1')):
        for name in names:
            st = os.stat(os.path.join(folder, name))
            assert st.st_mode & 0o077 == 0 and st.st_uid in (0, uid), os.path.join(folder, name)
            seen += 1
    assert seen > 0
