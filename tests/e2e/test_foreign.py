# SPDX-License-Identifier: Apache-2.0
"""What belongs to somebody else, and ways through a node: refused, on every path.

Named after other people's incidents: JumpServer CVE-2023-42442 (recordings for anybody), CVE-2026-44423 (objects of others
by their id), OpenSSH 8dfe7ed6 (forwarding that was off was not off for every kind).
"""
import json
import socket
import subprocess

import pytest

from cluster import free_ports, wait_for


@pytest.fixture(scope='module')
def session(cluster, alice, login):
    """The id of a session of alice's, and its node's."""
    cluster.tsh('alice', 'ssh', f'{login}@node-1', 'echo mark-foreign')

    def find():
        rows = json.loads(cluster.tsh('alice', 'recordings', 'ls', '--format=json').stdout)
        return next((r['id'] for r in rows if 'mark-foreign' in r.get('command', '')), None)

    return wait_for('the recording', find)


@pytest.fixture(scope='module')
def mallory(cluster, alice, login):
    person = cluster.add_user('mallory', roles='access', logins=login)
    cluster.login(person)
    yield person
    cluster.tctl('users', 'rm', 'mallory')


def test_a_recording_is_for_its_user_and_for_auditors(cluster, session, mallory):
    assert 'mark-foreign' in cluster.tsh('alice', 'play', '--format=text', session).stdout
    for ident in (session, session[:8], session[:18]):
        out = cluster.tsh('mallory', 'play', '--format=text', ident, check=False)
        assert out.returncode == 1 and 'mark-foreign' not in out.stdout, ident
        assert 'no such recording' in out.stderr
    rows = json.loads(cluster.tsh('mallory', 'recordings', 'ls', '--format=json').stdout)
    assert session not in [r['id'] for r in rows]


def test_without_a_rule_about_events_there_are_none(cluster, session, alice, login, tmp_path):
    path = tmp_path / 'role.yaml'
    path.write_text(json.dumps({'kind': 'role', 'version': 'v1', 'metadata': {'name': 'logins-only'},
                                'spec': {'allow': {'logins': [login], 'node_labels': {'*': '*'}}}}))
    cluster.tctl('create', '-f', str(path))
    trudy = cluster.add_user('trudy', roles='logins-only', logins=login)
    cluster.login(trudy)
    for asked in (f'--session={session}', '--limit=1000'):
        out = cluster.tctl_remote('trudy', 'audit', 'ls', asked, '--format=json', check=False)
        assert out.returncode == 1 and not out.stdout and 'no role allows it' in out.stderr, asked
    out = cluster.tsh('trudy', 'play', '--format=text', session, check=False)
    assert out.returncode == 1 and not out.stdout
    cluster.tctl('users', 'rm', 'trudy')
    cluster.tctl('rm', 'role/logins-only')


def test_nothing_is_played_without_a_login(cluster, session, tmp_path):
    env = {**cluster.env('mallory'), 'SALLYPORT_HOME': str(tmp_path)}
    out = cluster.run(cluster.bin('tsh'), 'play', '--format=text', session, env=env, check=False)
    assert out.returncode == 1 and not out.stdout


@pytest.fixture(scope='module')
def ssh(cluster, alice, login):
    """Stock ssh to node-1: base words, and the target."""
    config = cluster.write('foreign-ssh-config', cluster.tsh('alice', 'config').stdout)
    return ['ssh', '-F', config, '-o', 'BatchMode=yes'], f'{login}@node-1.{cluster.name}'


@pytest.fixture
def listener():
    """A port here that a node could reach, and what came to it."""
    with socket.create_server(('127.0.0.1', 0)) as s:
        s.settimeout(0.5)
        yield s


def test_a_node_is_no_way_to_other_hosts(cluster, ssh, listener):
    words, target = ssh
    port = listener.getsockname()[1]
    out = cluster.run(*words, '-W', f'127.0.0.1:{port}', target, check=False, stdin=subprocess.DEVNULL)
    assert out.returncode == 255 and 'prohibited' in out.stderr
    with pytest.raises(TimeoutError):
        listener.accept()


def test_a_node_opens_no_sockets_for_a_session(cluster, ssh):
    words, target = ssh
    port = free_ports(1)[0]
    for forward in (f'{port}:127.0.0.1:9', f'/tmp/sallyport-forward.{port}:127.0.0.1:9'):
        out = cluster.run(*words, '-o', 'ExitOnForwardFailure=yes', '-R', forward, target, 'echo in', check=False)
        assert out.returncode == 255 and 'in\n' != out.stdout, forward


def test_a_node_forwards_neither_agent_nor_display(cluster, ssh, tmp_path):
    words, target = ssh
    agent = tmp_path / 'agent'
    with subprocess.Popen(['ssh-agent', '-D', '-a', str(agent)], stdout=subprocess.DEVNULL) as proc:
        try:
            wait_for('the agent', agent.exists)
            out = cluster.run(*words, '-A', '-X', target, 'echo "${SSH_AUTH_SOCK:-none} ${DISPLAY:-none}"', check=False,
                              env={**cluster.env('alice'), 'SSH_AUTH_SOCK': str(agent), 'DISPLAY': ':9'})
        finally:
            proc.kill()
    assert out.stdout == 'none none\n'
