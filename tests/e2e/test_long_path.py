# SPDX-License-Identifier: Apache-2.0
"""A proxy that is far away: how often a client waits for it, counted by a relay in between (tools/cluster/far.py)."""
import os
import shutil
import subprocess

import pytest

from far import Far, far_home


@pytest.fixture(scope='module')
def far(cluster, alice):
    """alice's clients with a proxy that is 20 ms away: counts do not depend on how far, only on that being more than it
    takes to answer."""
    with Far(cluster.public_port, 0.02) as public, Far(cluster.ssh_port, 0.02) as ssh:
        home = far_home(cluster, 'alice', public.port, ssh.port)
        yield {'env': {'SALLYPORT_HOME': home}, 'public': public, 'ssh': ssh, 'tsh': cluster.bin('tsh')}
    shutil.rmtree(home)


def trips(cluster, far, *args, check=True):
    """(round trips to the SSH port, to the public one, what it printed). Standard input stays open: its end would be news for
    the node that nobody waits for."""
    far['ssh'].trips(), far['public'].trips()
    p = subprocess.Popen([far['tsh'], *args], env={**os.environ, **far['env']}, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = p.stdout.read(), p.stderr.read()
        assert (p.wait(30) == 0) == check, err
    finally:
        p.kill()
        p.communicate()
    return far['ssh'].trips(), far['public'].trips(), out + err


def test_a_command_takes_four_round_trips(cluster, far, login):
    """TCP; keys with the proxy; login there, way to the node, keys with it; login at the node and the command."""
    assert trips(cluster, far, 'ssh', f'{login}@node-1', 'echo here') == (4, 0, 'here\n')


def test_a_terminal_takes_no_more(cluster, far, login):
    ssh, _, out = trips(cluster, far, 'ssh', '-t', f'{login}@node-1', 'tty >/dev/null && echo tty')
    assert (ssh, out.split()) == (4, ['tty'])


def test_a_refused_login_says_why(cluster, far, login):
    """What travelled along with the login is not what is complained about."""
    ssh, _, out = trips(cluster, far, 'ssh', 'nobody-at-all@node-1', 'true', check=False)
    assert 'nobody-at-all' in out and 'not allowed' not in out, out
    assert ssh == 4


def test_a_node_that_is_not_there_is_said_within_three(cluster, far, login):
    ssh, _, out = trips(cluster, far, 'ssh', f'{login}@nosuch', 'true', check=False)
    assert 'no node "nosuch"' in out and ssh == 3, out


def test_the_version_takes_four(cluster, far):
    """TCP; two of TLS 1.2; the question."""
    ssh, public, out = trips(cluster, far, 'version')
    assert 'Proxy version: v' in out and (ssh, public) == (0, 4)
