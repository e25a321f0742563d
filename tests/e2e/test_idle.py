# SPDX-License-Identifier: Apache-2.0
"""A role's client_idle_timeout: a terminal in which nobody types says that it ends, and ends; nothing else does."""
import pexpect
import pytest
from cluster import wait_for

ROLE = """kind: role
version: v1
metadata: {{name: left-alone}}
spec:
  options: {{client_idle_timeout: {}, permit_pty: true}}
  allow:
    logins: [{}]
    node_labels: {{'*': '*'}}
    rules:
    - {{resources: [own_session, node, cluster], verbs: [list, read]}}
"""


def allow(cluster, login, time):
    cluster.tctl('create', '-f', '--force', cluster.write('left-alone.yaml', ROLE.format(time, login)))


@pytest.fixture
def ida(cluster, login):
    allow(cluster, login, '4s')
    cluster.login(cluster.add_user('ida', roles='left-alone', logins=login))
    yield 'ida'
    cluster.tctl('users', 'rm', 'ida')
    cluster.tctl('rm', 'role/left-alone')


def terminal(cluster, user, login, *command):
    child = pexpect.spawn(cluster.bin('tsh'), ['ssh', '-t', f'{login}@node-1', *command], encoding='utf-8', timeout=60,
                          env=cluster.env(user))
    child.delaybeforesend = None
    return child


def test_a_terminal_in_which_nobody_types_is_told_and_ends(cluster, ida, login):
    """What the program prints is nobody's typing."""
    child = terminal(cluster, ida, login, 'echo begun; while :; do echo tick; sleep 0.2; done')
    child.expect('begun')
    child.expect('WARNING: nobody types here: this session ends in')
    child.expect(r'ERROR: nobody typed here for \S+, and your roles allow no more \(client_idle_timeout\)')
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 128 + 9
    [[why]] = wait_for('session.end', lambda: cluster.sql("SELECT message FROM events WHERE type = 'session.end' AND username = 'ida'"))
    assert why.startswith('nobody typed here for ')


def test_a_command_without_a_terminal_goes_on(cluster, ida, login):
    assert cluster.tsh(ida, 'ssh', f'{login}@node-1', 'sleep 9; echo whole').stdout == 'whole\n'


def test_a_role_that_changes_counts_for_what_is_open(cluster, ida, login):
    allow(cluster, login, '1h')
    child = terminal(cluster, ida, login, 'echo begun; exec sleep 600')
    child.expect('begun')
    child.send('x')
    allow(cluster, login, '2s')
    child.expect('ERROR: nobody typed here', timeout=90)  # it looks each minute
    child.expect(pexpect.EOF)
    child.close()
