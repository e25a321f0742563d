# SPDX-License-Identifier: Apache-2.0
"""Any byte that a client sends is recorded as what it is: commands, logins, variables that are no text, through stock ssh, tsh
and paramiko. Their events are all there, with the exact bytes, and none is set aside."""
import json
import os
import time

import paramiko
import pytest

from cluster import wait_for
from raw_ssh import connected, key_of

# A byte that begins nothing, an overlong slash, a surrogate, a terminal's escape, C1, and right to left.
ODD = b'\xff \xc0\xaf \xed\xa0\x80 \x1b[2J \xc2\x9b \xe2\x80\xae'
SHOWN = r'\xff \xc0\xaf \xed\xa0\x80 \x1b[2J \xc2\x9b \xe2\x80\xae'


@pytest.fixture(scope='module')
def config(cluster, alice):
    return cluster.write('bytes-ssh-config', cluster.tsh('alice', 'config').stdout)


@pytest.fixture(scope='module')
def ssh(cluster, config):
    def run(login, *args, options=(), **kw):
        return cluster.run('ssh', '-F', config, '-o', 'BatchMode=yes', *options, '-l', login, f'node-1.{cluster.name}', *args,
                           check=False, **kw)
    return run


def paramiko_session(cluster, config, login, version=None):
    """A connection of alice's to node-1."""
    return connected(paramiko.ProxyCommand(f'ssh -F {config} -W node-1:3022 localhost'), login, key_of(cluster, 'alice'), version)


@pytest.fixture
def trail(cluster):
    """Events of this test, found by type and what `has` says about them; and at its end, that nothing was set aside."""
    since = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - 1))
    before = cluster.sql('SELECT count(*) FROM audit_dead_letter')

    def find(kind, has):
        def look():
            out = cluster.tctl('audit', 'ls', f'--type={kind}', f'--from-utc={since}', '--limit=200', '--format=json').stdout
            return next((r for r in json.loads(out) if has(r)), None)
        return wait_for(f'{kind} with what was sent', look)

    yield find
    assert cluster.sql('SELECT count(*) FROM audit_dead_letter') == before


def raw(event, key):
    return bytes.fromhex(event['raw'][key])


def all_of_a_command(trail, sent, shown):
    """session.start, exec and session.end of one session, each with the bytes."""
    def is_it(r):
        return r['fields'].get('command') == shown
    found = [trail(kind, is_it) for kind in ('session.start', 'exec', 'session.end')]
    assert [raw(r, 'command') for r in found] == [sent] * 3
    assert len({r['sid'] for r in found}) == 1 and {r['user'] for r in found} == {'alice'}
    return found[0]


@pytest.mark.parametrize('client', ['ssh', 'tsh', 'paramiko'])
def test_a_command_of_any_bytes_is_recorded(cluster, alice, login, ssh, config, trail, client):
    command = f'true {client} '.encode() + ODD
    if client == 'ssh':
        assert ssh(login, command).returncode == 0
    elif client == 'tsh':
        assert cluster.tsh('alice', 'ssh', f'{login}@node-1', os.fsdecode(command)).returncode == 0
    else:
        with paramiko_session(cluster, config, login) as transport:
            channel = transport.open_session()
            channel.exec_command(command)
            assert channel.recv_exit_status() == 0
    start = all_of_a_command(trail, command, f'true {client} {SHOWN}')
    row, = cluster.sql(f"SELECT username, kind, command, encode(command_raw, 'hex') FROM sessions WHERE id = '{start['sid']}'")
    assert row == ['alice', 'exec', f'true {client} {SHOWN}', command.hex()]
    rows = cluster.sql(f"SELECT raw ->> 'command' FROM events WHERE session = '{start['sid']}' AND raw ? 'command'")
    assert rows == [[command.hex()]] * 3
    listed = json.loads(cluster.tsh('alice', 'recordings', 'ls', '--limit=200', '--format=json').stdout)
    assert f'true {client} {SHOWN}' in [r['command'] for r in listed]


def test_lines_and_backslashes_of_a_command_can_be_told_from_escapes(ssh, alice, login, trail):
    assert ssh(login, "printf '\\xff' >/dev/null # plain").returncode == 0
    plain = trail('exec', lambda r: 'plain' in r['fields']['command'])
    assert plain['fields']['command'] == "printf '\\xff' >/dev/null # plain" and plain['raw'] == {}
    assert ssh(login, "true\ntrue '\\n' # lines").returncode == 0
    lines = trail('exec', lambda r: 'lines' in r['fields']['command'])
    assert lines['fields']['command'] == "true\\ntrue '\\\\n' # lines"
    assert raw(lines, 'command') == b"true\ntrue '\\n' # lines"


def test_a_long_command_is_cut_where_it_is_shown_and_whole_beside(ssh, alice, login, trail):
    command = 'true long ' + 'x' * 40000
    assert ssh(login, command).returncode == 0
    event = trail('exec', lambda r: r['fields']['command'].startswith('true long'))
    assert event['fields']['command'].endswith('...[7242 bytes more]')
    assert raw(event, 'command') == command.encode()


def test_variables_and_the_client_are_recorded(ssh, alice, login, trail):
    options = ['-o', b'SetEnv=LC_ODD=' + b'\xfe\x01', '-o', 'SendEnv=-*']
    assert ssh(login, 'true variables', options=options).returncode == 0
    start = trail('session.start', lambda r: r['fields']['command'] == 'true variables')
    assert start['fields']['env'] == 'LC_ODD=\\xfe\\x01' and raw(start, 'env') == b'LC_ODD=\xfe\x01'
    assert start['fields']['client'].startswith('SSH-2.0-OpenSSH')


def test_a_terminal_of_odd_type_is_refused_and_its_session_recorded(ssh, alice, login, trail):
    ssh(login, 'true odd-term', options=['-tt'], env={'TERM': os.fsdecode(b'xt\xff')})
    assert trail('session.end', lambda r: r['fields']['command'] == 'true odd-term')['fields']['interactive'] == 'false'
    ssh(login, 'true good-term', options=['-tt'], env={'TERM': 'vt220'})
    assert trail('session.start', lambda r: r['fields']['command'] == 'true good-term')['fields']['term'] == 'vt220'


def test_a_subsystem_that_is_not_there_is_recorded_by_its_name(cluster, alice, login, config, trail):
    with paramiko_session(cluster, config, login) as transport:
        channel = transport.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.invoke_subsystem(b'netconf\xff\x00')
    event = trail('session.reject', lambda r: r['fields']['command'] == r'netconf\xff\x00')
    assert event['fields']['kind'] == 'subsystem' and raw(event, 'command') == b'netconf\xff\x00'
    assert event['user'] == 'alice' and 'no such subsystem' in event['message']


def test_a_command_with_a_nul_is_refused_and_recorded(cluster, alice, login, config, trail):
    with paramiko_session(cluster, config, login) as transport:
        channel = transport.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.exec_command(b'true\x00false')
    assert raw(trail('session.reject', lambda r: r['fields']['command'] == r'true\x00false'), 'command') == b'true\x00false'


def test_a_login_of_any_bytes_that_is_refused_is_recorded(cluster, alice, config, trail):
    with pytest.raises(paramiko.SSHException):
        with paramiko_session(cluster, config, b'ro\xffot\x1b[2J'):
            pass
    event = trail('auth', lambda r: r['login'] == r'ro\xffot\x1b[2J')
    assert raw(event, 'login') == b'ro\xffot\x1b[2J' and event['user'] == 'alice' and event['code'] == 'T3007W'


def test_what_a_client_says_when_it_leaves_is_recorded(cluster, alice, login, config, trail):
    with paramiko_session(cluster, config, login) as transport:
        message = paramiko.Message()
        message.add_byte(bytes([1]))  # DISCONNECT
        message.add_int(11)
        message.add_string(b'bye \xff\x1b[2J')
        message.add_string('')
        transport._send_message(message)
        event = trail('client.disconnect', lambda r: r['fields']['reason'] == r'bye \xff\x1b[2J')
    assert raw(event, 'reason') == b'bye \xff\x1b[2J' and event['fields']['client'].startswith('SSH-2.0-paramiko')


def test_a_version_that_is_no_ascii_gets_no_further(cluster, alice, login, config, trail):
    with pytest.raises(paramiko.SSHException):
        with paramiko_session(cluster, config, login, 'SSH-2.0-odd\u0080'):
            pass
    assert cluster.tsh('alice', 'ssh', f'{login}@node-1', 'true after-odd-version').returncode == 0
    assert trail('exec', lambda r: r['fields']['command'] == 'true after-odd-version')['raw'] == {}


def test_a_node_name_of_any_bytes_is_recorded(cluster, alice, config, trail):
    cluster.run('ssh', '-F', config, '-o', 'BatchMode=yes', '-W', os.fsdecode(b'no\xffde:3022'), 'localhost', check=False)
    event = trail('session.connect', lambda r: r['fields'].get('target') == r'no\xffde')
    assert raw(event, 'target') == b'no\xffde' and not event['success'] and event['user'] == 'alice'
