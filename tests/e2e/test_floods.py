# SPDX-License-Identifier: Apache-2.0
"""What one user has written down while auditd is away, by what he asks for and not by what he does, leaves room for the
sessions of others and for the trail."""
import base64
import contextlib
import os
import time

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_REQUEST

import flood
from cluster import Cluster, wait_for
from conftest import keep_logs, scratch
from raw_ssh import connected, key_of

LONG = base64.b64encode(os.urandom(150000)).decode()  # what does not get smaller in the log
SEARCH = b'\x38\x90\x4e'  # SearchRequest: a limit of 10 000


@pytest.fixture(scope='module')
def away(build, login):
    """A node with a small spool, and auditd away."""
    c = Cluster(scratch(), build)
    try:
        c.start([])
        for user in ('alice', 'mallory'):
            c.login(c.add_user(user, logins=login))
        yield c
    finally:
        keep_logs(c, 'floods')
        c.remove()


@pytest.fixture
def node(away, request):
    """Its name; every test has its own."""
    name = f'node-{abs(hash(request.node.name)) % 100000}'
    d = away.start_node(name, more='spool_quota: 16MB\n')
    away.daemons['auditd'].kill()
    try:
        yield name
    finally:
        if not away.daemons['auditd'].alive():
            away.restart('auditd')
        d.stop()


def at_proxy(c, user):
    return connected(('127.0.0.1', c.ssh_port), user, key_of(c, user))


@contextlib.contextmanager
def at_node(c, user, login, node):
    with at_proxy(c, user) as proxy:
        sock = proxy.open_channel('direct-tcpip', (f'{node}.{c.name}', 3022), ('127.0.0.1', 1), timeout=60)
        with connected(sock, login, key_of(c, user)) as t:
            yield t


def ask(transport, channel, kind, *texts):
    """A request that paramiko does not make, without waiting for an answer."""
    m = paramiko.Message()
    m.add_byte(cMSG_CHANNEL_REQUEST)
    m.add_int(channel.remote_chanid)
    m.add_string(kind)
    m.add_boolean(False)
    for text in texts:
        m.add_string(text)
    transport._send_user_message(m)


def subsystems_that_are_not_there(t):
    for _ in range(150):
        s = t.open_session()
        ask(t, s, 'subsystem', LONG)
        s.close()


def long_commands(t):
    for _ in range(250):
        s = t.open_session()
        s.exec_command(': ' + LONG[:120000])
        s.recv_exit_status()
        s.close()


def spool_of(c, name):
    total = 0
    for folder, _, files in os.walk(c.path(name)):
        for f in files:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(folder, f)).st_blocks * 512
    return total


@pytest.mark.parametrize('flood', [subsystems_that_are_not_there, long_commands], ids=lambda f: f.__name__)
def test_what_a_user_asks_for_is_counted_to_his_share_of_the_spool(away, node, login, flood):
    with at_node(away, 'mallory', login, node) as t:
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            flood(t)
    held = spool_of(away, node)
    print(f'\nthe node holds {held / 1e6:.1f} MB')
    assert 1e6 < held < 13e6
    out = away.tsh('alice', 'ssh', f'{login}@{node}', 'echo still here', check=False)
    assert out.stdout == 'still here\n', out.stderr


def test_answers_that_nobody_reads_cost_auditd_little(away, login):
    """Of a user who may see his own events alone, and has made them large."""
    pid = away.daemons['auditd'].pid
    node = away.start_node('wordy')
    with at_node(away, 'mallory', login, 'wordy') as t:
        for _ in range(120):
            s = t.open_session()
            ask(t, s, 'subsystem', os.urandom(50000).hex())
            s.close()
    wait_for('the events', lambda: away.sql("SELECT 1 FROM events WHERE type = 'session.reject' AND username = 'mallory' "
                                            'HAVING count(*) >= 120'))
    before = flood.resident_kib(pid)
    keys = away.keys('mallory')
    held = [flood.Deaf(away.audit_port, f'auditd.{away.name}', f'{keys}/tls.crt', f'{keys}/tls.key') for _ in range(3)]
    try:
        for d in held:
            d.ask(b'/sallyport.audit.Audit/SearchEvents', SEARCH, 60)
        grown = 0
        for _ in range(8):
            time.sleep(0.5)  # for what is answered to nobody to gather; others are answered meanwhile
            assert away.tctl_remote('alice', 'audit', 'ls', '--limit=1', check=False).returncode == 0
            grown = max(grown, flood.resident_kib(pid) - before)
        print(f'\n180 answers that nobody reads: auditd +{grown // 1024} MiB')
        assert 1024 < grown < 400 * 1024
    finally:
        for d in held:
            d.close()
        node.stop()


def test_connections_on_which_nothing_is_asked_end_also_of_somebody_known(away):
    """Each takes memory, and a certificate is good for as many as one likes."""
    keys = away.keys('mallory')
    held = [flood.Deaf(away.auth_port, f'authd.{away.name}', f'{keys}/tls.crt', f'{keys}/tls.key') for _ in range(100)]
    for d in held:
        d.ask(b'/sallyport.auth.Auth/Ping', b'', 1)
    assert all(d.is_open() for d in held)
    wait_for('their end', lambda: not any(d.is_open() for d in held), 90)


def test_targets_that_are_no_nodes_do_not_fill_the_proxys_log(away, node):
    before = spool_of(away, 'proxyd')
    with at_proxy(away, 'mallory') as t:
        for _ in range(1500):
            with pytest.raises(paramiko.ChannelException):
                t.open_channel('direct-tcpip', (LONG, 3022), ('127.0.0.1', 1), timeout=20)
    grown = spool_of(away, 'proxyd') - before
    print(f'\nthe proxy holds {grown / 1e6:.1f} MB more')
    assert grown < 6e6
    away.restart('auditd')
    told = wait_for('the events', lambda: away.sql(
        "SELECT count(*) FROM events WHERE type = 'session.connect' AND NOT ok AND username = 'mallory' HAVING count(*) > 900"))
    assert int(told[0][0]) < 1200
