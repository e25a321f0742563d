# SPDX-License-Identifier: Apache-2.0
"""proxyd's SSH side with real nodes: how they are found, and what a restart, a removal or a new certificate does."""
import hashlib
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest
from cluster import Cluster, free_ports, wait_for
from conftest import keep_logs, scratch

MIB = 1 << 20


@pytest.fixture(scope='module')
def town(build, login):
    """authd, proxyd, two nodes with tunnels and one that listens; no auditd: events wait on the disks."""
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd()
        c.start_node('one', 'env=a')
        c.start_node('two', 'env=b')
        c.direct_port = free_ports(12)[11]  # not one that the cluster has set aside
        c.start_node('direct', more=f'listen: 127.0.0.1:{c.direct_port}\n')
        c.person = c.add_user('paula', logins=login)
        c.login(c.person)
        c.config = c.write('config', c.tsh('paula', 'config').stdout)
        yield c
    finally:
        keep_logs(c, 'proxy-ssh')
        c.remove()


def ssh(c, login, host, *args, check=True, **kw):
    return c.run('ssh', '-F', c.config, f'{login}@{host}', *args, check=check, **kw)


def uuid_of(c, name):
    rows = c.tctl('nodes', 'ls').stdout.splitlines()
    return next(r.split()[1] for r in rows if r.startswith(name + ' '))


def tunnels_up(c):
    return c.daemons['proxyd'].text().count('tunnel up')


def test_a_node_is_found_by_name_uuid_and_both_with_the_cluster(town, login):
    uuid = uuid_of(town, 'one')
    for host in (f'one.{town.name}', f'{uuid}.{town.name}'):
        assert ssh(town, login, host, 'echo', 'here').stdout == 'here\n'
    for host in ('one', uuid):
        assert town.tsh('paula', 'ssh', f'{login}@{host}', 'echo', 'here').stdout == 'here\n'


def test_an_unknown_node_gets_a_clear_refusal(town, login):
    out = ssh(town, login, f'nosuch.{town.name}', 'true', check=False)
    assert out.returncode == 255 and 'no node "nosuch" that you may see' in out.stderr


def test_a_shell_at_the_proxy_itself_is_refused(town):
    out = town.run('ssh', '-F', town.config, 'localhost', 'true', check=False)
    assert out.returncode == 255 and 'this is the proxy' in out.stderr


def test_other_ports_of_a_node_are_refused(town):
    out = town.run('ssh', '-F', town.config, '-W', 'one:80', 'localhost', check=False)
    assert 'port 80 of node one is not SSH' in out.stderr


@pytest.mark.parametrize('host', ['direct', 'one'])
def test_bulk_both_ways_with_equal_checksums(town, login, host):
    data = os.urandom(MIB) * 48
    out = ssh(town, login, f'{host}.{town.name}', 'cat', input=data, text=False)
    assert hashlib.sha256(out.stdout).digest() == hashlib.sha256(data).digest()


def test_a_node_that_listens_is_found_by_its_address_and_refused_when_stopped(town, login):
    out = town.run('ssh', '-F', town.config, '-W', f'127.0.0.1:{town.direct_port}', 'localhost', check=False,
                   text=False)
    assert out.stdout.startswith(b'SSH-2.0-')
    assert ssh(town, login, f'direct.{town.name}', 'echo', 'here').stdout == 'here\n'
    town.daemons['direct'].stop()

    def refused():
        out = ssh(town, login, f'direct.{town.name}', 'true', check=False)
        return out.returncode == 255 and ('cannot be reached' in out.stderr or 'no node' in out.stderr or
                                          'offline' in out.stderr)
    wait_for('the refusal', refused)
    town.restart('direct')
    town.wait_nodes(['direct'])


def test_a_second_node_of_one_name_gets_neither_it_nor_its_users(town, login):
    """Not in other letters, and not while the first is away either; the first goes on as if nothing had been."""
    first = uuid_of(town, 'two')
    town.start_node('twin', wait=False, more='', join_as='TWO')
    try:
        wait_for('the refusal', lambda: 'the name two belongs to host ' + first in town.daemons['twin'].text())
        assert ssh(town, login, f'two.{town.name}', 'echo', 'here').stdout == 'here\n'
        town.daemons['two'].stop()
        refusals = town.daemons['twin'].text().count('the name two belongs to')
        if not town.daemons['twin'].alive():
            town.restart('twin')
        wait_for('another refusal', lambda: town.daemons['twin'].text().count('the name two belongs to') > refusals)
        assert 'here' not in ssh(town, login, f'two.{town.name}', 'echo', 'here', check=False).stdout
    finally:
        if town.daemons['twin'].alive():
            town.daemons['twin'].stop()
        town.nodes.remove('twin')
        town.restart('two')
    wait_for('the first one', lambda: ssh(town, login, f'two.{town.name}', 'true', check=False).returncode == 0)


def test_killed_and_restarted_the_nodes_are_back_within_five_seconds(town, login):
    town.daemons['proxyd'].kill()
    before = tunnels_up(town)
    town.restart('proxyd')
    wait_for('proxyd', lambda: town.port_open(town.public_port))
    wait_for('three tunnels', lambda: tunnels_up(town) >= before + 2)
    wait_for('the node', lambda: ssh(
        town, login, f'one.{town.name}', 'echo', 'here', check=False).stdout == 'here\n', timeout=5)


def test_restarted_without_authd_people_still_get_to_their_nodes(town, login):
    time.sleep(1.5)  # what authd said is written a second later
    town.daemons['authd'].kill()
    town.daemons['proxyd'].kill()
    before = tunnels_up(town)
    town.restart('proxyd')
    wait_for('the tunnels', lambda: tunnels_up(town) >= before + 2)
    try:
        wait_for('the node', lambda: ssh(
            town, login, f'one.{town.name}', 'echo', 'here', check=False).stdout == 'here\n', timeout=10)
    finally:
        town.restart('authd')
    wait_for('authd', lambda: town.tctl('status', check=False).returncode == 0)
    wait_for('the nodes', lambda: {'one', 'two'} <= town.node_names())


def test_a_stopping_proxy_lets_sessions_finish(town, login):
    proc = subprocess.Popen(['ssh', '-F', town.config, f'{login}@one.{town.name}', 'echo begin; sleep 3; echo end'],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert proc.stdout.readline() == 'begin\n'
    stopper = threading.Thread(target=town.daemons['proxyd'].stop)
    stopper.start()
    wait_for('no new connections', lambda: not town.port_open(town.public_port))
    out, err = proc.communicate(timeout=20)
    assert out == 'end\n' and proc.returncode == 0, err
    stopper.join(20)
    assert not town.daemons['proxyd'].alive()
    before = tunnels_up(town)
    town.restart('proxyd')
    wait_for('the tunnels', lambda: tunnels_up(town) >= before + 2)


def test_a_removed_node_is_cut_off_at_once(town):
    town.start_node('goner')
    uuid = uuid_of(town, 'goner')
    town.tctl('nodes', 'rm', 'goner')
    wait_for('the cut', lambda: f'tunnel down node={uuid}' in town.daemons['proxyd'].text(), timeout=30)
    wait_for('the refusal', lambda: 'was removed from the cluster' in town.daemons['proxyd'].text())
    town.daemons['goner'].stop()


def test_a_new_web_certificate_is_taken_on_sighup(town, tmp_path):
    for name in ('first', 'second'):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                        town.path('web.key'), '-out', town.path('web.crt'), '-subj', f'/CN={name}', '-days', '2'],
                       check=True, stderr=subprocess.DEVNULL)
        town.give(town.path('web.key'))
        town.give(town.path('web.crt'))
        if name == 'first':
            town.daemons['proxyd'].stop()
            with open(town.path('proxyd.yaml'), 'a') as f:
                f.write(f"tls:\n  certificate: {town.path('web.crt')}\n  key: {town.path('web.key')}\n")
            town.restart('proxyd')
            wait_for('proxyd', lambda: town.port_open(town.public_port))
        else:
            town.daemons['proxyd'].proc.send_signal(1)

        def serves():
            context = ssl._create_unverified_context()
            with socket.create_connection(('127.0.0.1', town.public_port)) as s:
                with context.wrap_socket(s, server_hostname='localhost') as t:
                    der = t.getpeercert(True)
            return name.encode() in der
        wait_for(f'the {name} certificate', serves)
    os.unlink(town.path('web.crt'))
    town.daemons['proxyd'].proc.send_signal(1)
    wait_for('the complaint', lambda: 'the web certificate stays as it was' in town.daemons['proxyd'].text())
    assert town.https('GET', '/v1/webapi/find')[0] == 200
