# SPDX-License-Identifier: Apache-2.0
"""A lock: new certificates and connections are refused and say why, what is open is cut and says why."""
import json
import os
import re
import subprocess
import time

import pytest

from cluster import wait_for

pytestmark = pytest.mark.sanitized


@pytest.fixture(scope='module')
def town(build, login):
    """A cluster of its own, since its parts stop and start."""
    from cluster import Cluster
    from conftest import end, scratch
    c = Cluster(scratch(), build)
    try:
        c.start([('node-1', 'env=x'), ('node-2', 'env=x')])
        c.login(c.add_user('alice', roles='editor,access,auditor', logins=login))
        c.mallory = c.add_user('mallory', roles='access,auditor', logins=login)
        c.login(c.mallory)
        c.config = c.ssh_config('mallory')
        yield c
    finally:
        end(c, 'lock')


@pytest.fixture
def lock(town):
    """lock('--user=x', ...) makes one and returns its name; all are gone afterwards."""
    made = []

    def make(*options):
        out = town.tctl('lock', *options).stdout
        made.append(re.fullmatch(r'Created a lock with name "([0-9a-f-]{36})"\.\n', out)[1])
        return made[-1]

    yield make
    for name in made:
        town.tctl('rm', f'lock/{name}', check=False)
    wait_for('mallory to be let in again', lambda: enter(town, 'node-1').returncode == 0)


class Session:
    """`sleep` on a node; how and with what words it ended."""

    def __init__(self, argv, env):
        self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        assert self.proc.stdout.readline() == 'in\n'

    def end(self):
        out, err = self.proc.communicate(timeout=20)
        assert self.proc.returncode != 0
        return out + err


def by_tsh(c, login, node):
    return Session([c.bin('tsh'), 'ssh', f'{login}@{node}', 'echo in; exec sleep 600'], {**os.environ, **c.env('mallory')})


def by_ssh(c, login, node):
    return Session(['ssh', '-F', c.config, '-o', 'BatchMode=yes', f'{login}@{node}.{c.name}', 'echo in; exec sleep 600'], os.environ)


def enter(c, node):
    return c.tsh('mallory', 'ssh', f'{c.mallory["login"]}@{node}', 'echo in', check=False)


@pytest.fixture(autouse=True)
def as_login(town, login):
    town.mallory['login'] = login


def refused(c, node, text):
    out = enter(c, node)
    assert out.returncode != 0 and out.stderr.startswith('ERROR: ') and text in out.stderr, out
    return out


@pytest.mark.parametrize('target', ['user', 'role', 'login'])
def test_whoever_is_locked_is_cut_and_refused_and_comes_back(town, lock, login, target):
    value = {'user': 'mallory', 'role': 'auditor', 'login': login}[target]
    sessions = [by_tsh(town, login, 'node-1'), by_ssh(town, login, 'node-2')]
    name = lock(f'--{target}={value}', '--message=the laptop was stolen')
    why = f'{target} {value} is locked: the laptop was stolen'
    for s in sessions:
        assert why in s.end()
    refused(town, 'node-1', why)
    town.tctl('rm', f'lock/{name}')
    wait_for('the way in', lambda: enter(town, 'node-1').stdout == 'in\n')


def test_who_is_locked_gets_no_certificate_and_may_call_nothing(town, lock):
    name = lock('--user=mallory')
    out = town.tctl_remote('mallory', 'status', check=False)
    assert out.returncode == 1 and 'user mallory is locked' in out.stderr
    out = town.login(town.mallory, False, '--force')
    assert out.returncode == 1 and 'user mallory is locked' in out.stderr
    town.tctl('rm', f'lock/{name}')
    town.login(town.mallory, True, '--force')


def test_a_locked_node_loses_sessions_and_tunnel_and_comes_back(town, lock, login):
    session = by_tsh(town, login, 'node-1')
    other = by_tsh(town, login, 'node-2')
    name = lock('--node=node-1', '--message=under investigation')
    why = 'node node-1 is locked: under investigation'
    assert why in session.end()
    refused(town, 'node-1', why)
    wait_for('the tunnel to be cut', lambda: closed_tunnels(town, why))
    wait_for('the refused heartbeat', lambda: denied(town, why), 60)
    refused(town, 'node-1', why)
    assert other.proc.poll() is None
    other.proc.kill()
    town.tctl('rm', f'lock/{name}')
    wait_for('the node', lambda: enter(town, 'node-1').stdout == 'in\n', 60)


def trail(c, kind):
    out = c.tctl('audit', 'ls', f'--type={kind}', '--limit=200', '--format=json', check=False)
    return json.loads(out.stdout) if out.returncode == 0 else []


def closed_tunnels(c, why):
    return [e for e in trail(c, 'tunnel.close') if why in e['fields'].get('reason', '') + e['message']]


def denied(c, why):
    return [e for e in trail(c, 'access.deny') if e['message'] == why]


def test_all_targets_of_a_lock_must_fit(town, lock, login):
    lock('--user=mallory', '--node=node-1')
    wait_for('the refusal', lambda: enter(town, 'node-1').returncode != 0)
    assert enter(town, 'node-2').stdout == 'in\n'
    assert town.tsh('alice', 'ssh', f'{login}@node-1', 'echo in').stdout == 'in\n'


def test_a_lock_ends_by_itself(town, lock):
    lock('--user=mallory', '--ttl=3s')
    refused(town, 'node-1', 'user mallory is locked')
    wait_for('the way in', lambda: enter(town, 'node-1').stdout == 'in\n')
    wait_for('the record to be gone', lambda: 'mallory' not in town.tctl('get', 'locks').stdout)


def test_a_lock_outlives_authd_and_is_known_without_it(town, lock, login):
    """A login is noded's to judge: it knows of the lock from its file when authd is away."""
    lock(f'--login={login}')
    refused(town, 'node-1', f'login {login} is locked')
    town.daemons['authd'].stop()
    town.restart('authd')
    wait_for('authd', lambda: town.tctl('status', check=False).returncode == 0)
    refused(town, 'node-1', f'login {login} is locked')
    time.sleep(1.5)  # the file is written a second after a change
    town.daemons['authd'].stop()
    try:
        town.daemons['node-1'].stop()
        town.restart('node-1')
        out = wait_for('the node', lambda: (lambda r: 'offline' not in r.stderr and r)(enter(town, 'node-1')))
        assert out.returncode != 0 and f'login {login} is locked' in out.stderr
    finally:
        town.restart('authd')
        wait_for('authd', lambda: town.tctl('status', check=False).returncode == 0)


def test_locks_are_listed_written_down_and_checked(town, lock):
    name = lock('--user=nobody', '--message=gone', '--expires=2099-01-01')
    assert json.loads(town.tctl('get', f'lock/{name}', '--format=json').stdout) == [
        {'kind': 'lock', 'version': 'v1', 'metadata': {'name': name},
         'spec': {'user': 'nobody', 'message': 'gone', 'expires': '2099-01-01T00:00:00.000Z'}}]
    assert name in town.tctl('get', 'locks').stdout
    assert town.tctl('rm', f'lock/{name}').stdout == f'lock "{name}" has been deleted\n'
    for kind, code in (('lock.create', 'TLK00I'), ('lock.delete', 'TLK01I')):
        event = wait_for(kind, lambda k=kind: [e for e in trail(town, k) if e['fields']['name'] == name])[0]
        assert event['code'] == code and event['fields']['target'] == 'user=nobody'
    for bad, text in (([], 'target'), (['--user=x', '--expires=2020-01-01T00:00:00Z'], 'over already'),
                      (['--user=x', '--expires=soon'], 'is not a time'), (['--user=x', '--ttl=1h', '--expires=2099-01-01T00:00:00Z'], 'not both')):
        out = town.tctl('lock', *bad, check=False)
        assert out.returncode == 1 and text in out.stderr
    out = town.tctl_remote('mallory', 'lock', '--user=alice', check=False)
    assert out.returncode == 1 and 'lock' in out.stderr


def test_a_lock_is_a_file_like_any_other(town, lock, tmp_path):
    path = tmp_path / 'lock.yaml'
    path.write_text('kind: lock\nmetadata: {name: by-hand}\nspec: {user: nobody, message: m}\n')
    town.tctl('create', str(path))
    assert 'user: nobody' in town.tctl('get', 'lock/by-hand').stdout
    assert town.tctl('create', str(path), check=False).returncode == 1
    town.tctl('create', '-f', str(path))
    town.tctl('rm', 'lock/by-hand')
