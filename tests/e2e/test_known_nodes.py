# SPDX-License-Identifier: Apache-2.0
"""A name that is another machine's than before: tsh, and stock ssh with a pinned configuration, refuse it until it is said
that the node was set up anew."""
import os
import shutil

import pytest


@pytest.fixture
def renewed(fresh, login):
    """node-1 was reached, then removed, and another machine has joined under its name."""
    fresh.start([('node-1', 'env=x'), ('node-2', 'env=y')])
    fresh.login(fresh.add_user('alice', logins=login))
    assert fresh.tsh('alice', 'ssh', f'{login}@Node-1', 'echo old').stdout == 'old\n'
    fresh.write('pinned', fresh.tsh('alice', 'config', '--pin').stdout)
    assert by_ssh(fresh, login, 'node-1', 'echo old').stdout == 'old\n'
    fresh.daemons['node-1'].stop()
    fresh.tctl('nodes', 'rm', 'node-1')
    shutil.rmtree(fresh.path('node-1'))
    os.remove(fresh.path('node-1.yaml'))
    fresh.nodes.remove('node-1')
    fresh.start_node('node-1', 'env=x')
    return fresh


def by_ssh(c, login, node, command, check=True):
    return c.run('ssh', '-F', c.path('pinned'), f'{login}@{node}.{c.name}', command, check=check)


def test_another_machine_of_a_known_name_is_refused(renewed, login):
    for host in ('node-1', 'NODE-1', f'node-1.{renewed.name}'):
        out = renewed.tsh('alice', 'ssh', f'{login}@{host}', 'echo new', check=False)
        assert out.returncode == 1 and out.stdout == '', out.stdout
        assert 'node-1 is another machine than before: it was ' in out.stderr and 'tsh forget node-1' in out.stderr
    out = renewed.tsh('alice', 'scp', '/etc/hostname', f'{login}@node-1:/tmp/never', check=False)
    assert out.returncode == 1 and 'another machine' in out.stderr and not os.path.exists('/tmp/never')
    # Stock ssh with pins: the certificate is not for the UUID.
    out = by_ssh(renewed, login, 'node-1', 'echo new', check=False)
    assert out.returncode == 255 and out.stdout == '' and 'principal' in out.stderr, out.stderr
    # Nobody else is concerned, nor who is reached by what is no name.
    assert renewed.tsh('alice', 'ssh', f'{login}@node-2', 'echo other').stdout == 'other\n'
    assert by_ssh(renewed, login, 'node-2', 'echo other').stdout == 'other\n'
    assert 'new' in renewed.tsh('alice', 'ssh', f'{login}@env=x', 'echo new').stdout
    # Until it is said; then it is the one.
    assert renewed.tsh('alice', 'forget', 'nosuch', check=False).returncode == 1
    assert 'node-1' in renewed.tsh('alice', 'forget', 'node-1').stdout
    assert renewed.tsh('alice', 'ssh', f'{login}@node-1', 'echo new').stdout == 'new\n'
    renewed.write('pinned', renewed.tsh('alice', 'config', '--pin').stdout)
    assert by_ssh(renewed, login, 'node-1', 'echo new').stdout == 'new\n'
