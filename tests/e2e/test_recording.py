# SPDX-License-Identifier: Apache-2.0
"""What is recorded, what is not, and that the person recorded cannot change it."""
import hashlib
import json
import os
import pwd
import subprocess
import threading
import time

import pexpect
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


def stock(cluster, login, *argv, **kw):
    """Standard input as bytes, and no terminal: as a program would use ssh."""
    return cluster.run('ssh', '-F', cluster.write('alice-config', cluster.tsh('alice', 'config').stdout), *argv[:-1],
                       f'{login}@node-1.{cluster.name}', argv[-1], text=False, **kw)


def test_what_follows_a_long_output_is_recorded(cluster, alice, login):
    """Nobody hides behind a megabyte of his own."""
    out = stock(cluster, login, 'head -c 1100000 /dev/zero | tr "\\0" x; bash -i # mark-long', check=False,
                input=b'echo behind-$((1+1))-the-megabyte\n')
    assert b'behind-2-the-megabyte' in out.stdout
    parts = frames(cluster, newest(cluster, 'mark-long'))
    assert text(parts, 'output').count('x') >= 1100000
    assert 'behind-2-the-megabyte' in text(parts, 'output')
    assert 'echo behind-$((1+1))-the-megabyte\n' in text(parts, 'input')
    assert not [f for f in parts if f['type'] == 'gap']


def test_a_line_that_the_terminal_does_not_show_leaves_a_marker_and_nothing_of_it(cluster, alice, login):
    config = cluster.write('alice-config', cluster.tsh('alice', 'config').stdout)
    command = "stty -echo; echo re''ady; read x; stty echo; echo ag''ain; read y; echo en''ded # mark-unseen"
    p = pexpect.spawn('ssh', ['-tt', '-F', config, f'{login}@node-1.{cluster.name}', command], encoding='utf-8', timeout=30)
    p.expect('ready')
    p.send('hidden')
    p.send('-word\r')
    p.expect('again')
    p.send('shown-word\r')
    p.expect('ended')
    p.wait()
    parts = frames(cluster, newest(cluster, 'mark-unseen'))
    assert [f['data'] for f in parts if f['type'] == 'marker'] == ['a line was typed that the terminal did not show']
    assert 'shown-word' in text(parts, 'output') and 'hidden' not in json.dumps(parts) and '-word' not in text(
        parts, 'output').replace('shown-word', '')


@pytest.mark.parametrize('strewn', [b'', b'\0', b'\xff', b'\0\x80\xfe'])
def test_what_is_fed_to_a_shell_is_recorded(cluster, alice, login, strewn):
    mark = f'fed-{len(strewn)}-{strewn.hex()}'
    fed = b'echo ' + mark.encode() + b' # ' + strewn * 50 + b'\n'
    stock(cluster, login, f'bash # mark-{mark}', input=fed * 100)
    row = newest(cluster, f'mark-{mark}')
    parts = frames(cluster, row)
    assert text(parts, 'input').count(f'echo {mark}') == 100
    shown = cluster.tsh('alice', 'play', '--format=text', row['id']).stdout
    assert shown.count(f'echo {mark} #') == 100
    assert cluster.sql(f"SELECT count(*) FROM rec_chunk WHERE sid = '{row['id']}' AND output ILIKE '%echo {mark} #%'") != [['0']]


def test_binary_input_is_recorded_as_hash_and_count(cluster, alice, login):
    data = os.urandom(300000)
    assert stock(cluster, login, 'sha256sum # mark-binary', input=data).stdout.startswith(
        hashlib.sha256(data).hexdigest().encode())
    row = newest(cluster, 'mark-binary')
    parts = frames(cluster, row)
    gaps = [f for f in parts if f['type'] == 'gap']
    assert [(f['data'], f['stream'], f['sha256']) for f in gaps] == [
        (len(data), 'input', hashlib.sha256(data).hexdigest())]
    assert not text(parts, 'input') and len(text(parts, 'input-text')) < len(data) // 10
    assert f'[{len(data)} bytes of input not recorded, sha256:' in \
        cluster.tsh('alice', 'play', '--format=text', row['id']).stdout


def test_a_command_between_random_bytes_is_recorded(cluster, alice, login):
    noise = bytes(b for b in os.urandom(100000) if b not in b"'\n\0")
    fed = b"x='" + noise + b"'; echo between-$((2+3))-them; y='" + noise + b"'\n"
    out = stock(cluster, login, 'LC_ALL=C bash # mark-between', input=fed)
    assert b'between-5-them' in out.stdout
    parts = frames(cluster, newest(cluster, 'mark-between'))
    assert 'echo between-$((2+3))-them' in text(parts, 'input') + text(parts, 'input-text')


@pytest.fixture
def limited(cluster, login):
    """Somebody whose only role limits what is recorded."""
    path = cluster.write('brief.yaml', f"""kind: role
version: v1
metadata: {{name: brief}}
spec:
  options: {{record_limit: 100000, omit_input: true, permit_pty: true}}
  allow:
    logins: [{login}]
    node_labels: {{'*': '*'}}
    rules:
    - {{resources: [own_session, node, cluster], verbs: [list, read]}}
""")
    cluster.tctl('create', '-f', path)
    cluster.login(cluster.add_user('brenda', roles='brief', logins=login))
    yield 'brenda'
    cluster.tctl('users', 'rm', 'brenda')
    cluster.tctl('rm', 'role/brief')


def test_a_role_may_limit_what_is_recorded(cluster, alice, limited, login):
    data = b''.join(b'%07d\n' % i for i in range(40000))
    cluster.tsh(limited, 'ssh', f'{login}@node-1', 'seq -f %07.0f 0 39999 # mark-limit', input='typed-in')
    parts = frames(cluster, newest(cluster, 'mark-limit'))
    first, last = data[:50000], data[-50000:]
    assert text(parts, 'output').encode() == first + last
    assert [(f['data'], f['stream'], f['sha256']) for f in parts if f['type'] == 'gap'] == [
        (len(data) - 100000, 'output', hashlib.sha256(data[50000:-50000]).hexdigest())]
    assert not text(parts, 'input')


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


@pytest.mark.parametrize('first', ['', '\x13\r'], ids=['echo off', 'output stopped'])
def test_what_is_typed_is_seen_whatever_terminal_the_client_says_it_has(cluster, alice, login, tmp_path, first):
    """Nothing in the session asks for it: the client's own terminal has no echo, or what is echoed is held back until he is gone."""
    done, mark = tmp_path / 'done', f'mark-typed-unseen-{len(first)}'
    cluster.write('alice-unseen', cluster.tsh('alice', 'config').stdout)
    child = pexpect.spawn('ssh', ['-tt', '-F', cluster.path('alice-unseen'), f'{login}@node-1.{cluster.name}',
                                  f'PS1= sh # {mark}'], echo=False, timeout=20)
    child.setecho(False)
    wait_for('the session', lambda: mark in cluster.tctl('audit', 'ls', '--type=session.start', '--format=json').stdout)
    child.send(first)
    child.send(f'touch {done}\r')
    wait_for('what was typed to be done', done.exists)
    child.close(force=True)
    assert f'touch {done}' in text(frames(cluster, newest(cluster, mark)), 'output')


def test_events_of_a_session_can_be_searched(cluster, alice, login):
    cluster.tsh('alice', 'ssh', f'{login}@node-2', 'true # mark-events')
    row = newest(cluster, 'mark-events')
    rows = json.loads(cluster.tctl('audit', 'ls', f"--session={row['id']}", '--format=json').stdout)
    assert {'session.start', 'session.end'} <= {r['event'] for r in rows}
    assert all(r['user'] == 'alice' and r['login'] == login and r['server_hostname'] == 'node-2' for r in rows)


WORDS = ['keystore', 'authorized_keys', 'passwd', 'shadow', 'uptime']


def type_session(cluster, login, n):
    """Somebody at a keyboard: each key travels by itself, and so does its echo."""
    p = subprocess.Popen(['ssh', '-tt', '-F', cluster.path('alice-typing'), f'{login}@node-1.{cluster.name}',
                          f'PS1="$ " bash --norc -i # mark-typed-{n}.'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for word in WORDS:
        for key in f'echo {word}-{n}\r':
            p.stdin.write(key.encode())
            p.stdin.flush()
            time.sleep(0.03)
        time.sleep(0.2)
    p.stdin.write(b'exit\r')
    p.stdin.flush()
    p.stdout.read()
    p.wait(60)
    p.stdin.close()


def test_every_typed_word_is_found_and_typed_sessions_are_small(cluster, alice, login):
    cluster.write('alice-typing', cluster.tsh('alice', 'config').stdout)
    threads = [threading.Thread(target=type_session, args=(cluster, login, n)) for n in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    rows = [newest(cluster, f'mark-typed-{n}.') for n in range(10)]
    for n, row in enumerate(rows):
        for word in WORDS:
            found = cluster.sql('SELECT s.id FROM sessions s JOIN rec_chunk c ON c.sid = s.id WHERE c.output ILIKE '
                                f"'%$ echo {word}-{n}%' GROUP BY s.id")
            assert found == [[row['id']]], word
    ids = ', '.join(f"'{row['id']}'" for row in rows)
    chunks, = cluster.sql(f'SELECT count(*) FROM rec_chunk WHERE sid IN ({ids})')[0]
    assert int(chunks) <= 10 * 6  # a key each were some hundred


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
