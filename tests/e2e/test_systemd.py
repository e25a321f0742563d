# SPDX-License-Identifier: Apache-2.0
"""The units under a real systemd, installed by `make install` and set up by the words of docs/GUIDE.md: by sallyport-setup."""
import os
import re

import pytest

import machine
from cluster import wait_for

WHY_NOT = machine.possible()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or '')

UNITS = ['sallyport-authd', 'sallyport-auditd', 'sallyport-proxyd', 'sallyport-noded']
HOST = 'tele.example.com'


def show(m, unit, what):
    return m.run('systemctl', 'show', '-P', what, unit).stdout.strip()


def active(m, unit):
    return show(m, unit, 'ActiveState') == 'active' and show(m, unit, 'SubState') == 'running'


def listed(m):
    out = m.run('tctl', 'nodes', 'ls', check=False).stdout
    return {line.split()[0] for line in out.splitlines()[2:] if line.strip()}


def journal(m):
    return m.run('journalctl', '--no-pager', '-o', 'cat', *[f'-u{u}' for u in UNITS], check=False).stdout[-6000:]


@pytest.fixture(scope='module')
def m(build, tmp_path_factory):
    """The central machine of the guide, and the node on it too."""
    m = machine.Machine(f'/tmp/sp-machine-{os.getpid()}', machine.base_of(build))
    try:
        m.boot()
        machine.run('make', '-s', '-C', machine.TOP, f'B={build}', f'DESTDIR={m.root}', 'install', timeout=900)
        m.write('/etc/hosts', f'127.0.0.1 localhost {HOST}\n')
        try:
            m.shell('systemd-sysusers && systemctl daemon-reload')
            m.setup_said = m.shell(machine.chapter('The central machine')).stdout
            machine.node_on(m, HOST)
        except AssertionError as e:
            raise AssertionError(f'{e}\n--- journal\n{journal(m)}') from None
        yield m
    finally:
        m.stop()


@pytest.fixture(scope='module')
def alice(m):
    machine.sign_up(m, 'alice', HOST)


def test_every_daemon_reports_itself_ready_and_runs(m):
    for unit in UNITS:
        assert show(m, unit, 'Type') == 'notify'
        assert active(m, unit), journal(m)
        assert show(m, unit, 'NRestarts') == '0', journal(m)
        assert m.run('systemctl', 'is-enabled', unit).stdout.strip() == 'enabled'


def test_the_daemons_and_the_worker_run_as_their_own_user(m):
    """Only noded's monitor is root."""
    rows = m.run('ps', '-eo', 'user:20,comm,args').stdout.splitlines()
    users = {}
    for row in rows:
        user, program, args = row.split(None, 2)
        if '/lib/sallyport/' in args or program in machine.PROGRAMS:
            users.setdefault(program, set()).add(user)
    for daemon in ('authd', 'auditd', 'proxyd'):
        assert users[daemon] == {f'sallyport-{daemon}'}, rows
    assert users['noded'] == {'sallyport-node'}, rows
    assert users['noded-monitor'] == {'root'}, rows


def test_setup_has_said_how_to_go_on_and_finds_nothing_more_to_do(m):
    assert re.search(rf'^  https://{re.escape(HOST)}:3080/web/invite/[0-9a-f]{{32}}$', m.setup_said, re.M), m.setup_said
    assert re.search(rf'^  tsh login --proxy={re.escape(HOST)}:3080 --user=ada --ca-pin=sha256:[0-9a-f]{{64}}$', m.setup_said, re.M)
    assert '\n  tctl tokens add --type=node\n' in m.setup_said
    look = 'cd /etc/sallyport; sha256sum *; systemctl show -P MainPID sallyport-authd sallyport-auditd sallyport-proxyd; tctl users ls'
    before = m.shell(look).stdout
    out = m.run('sallyport-setup', '--yes').stdout
    assert not re.search('^[+?] ', out, re.M) and m.shell(look).stdout == before


def test_root_has_every_right_on_the_host_of_authd(m):
    out = m.run('tctl', 'status').stdout
    assert re.search(rf'^Cluster +{re.escape(HOST)}$', out, re.M) and 'sha256:' in out
    m.run('useradd', '-m', 'nosy')
    denied = m.run('runuser', '-u', 'nosy', '--', 'tctl', 'status', check=False)
    assert denied.returncode != 0 and 'sha256:' not in denied.stdout


def test_the_node_is_listed_behind_its_tunnel(m):
    wait_for('the node', lambda: m.name in listed(m))
    assert '⟵ Tunnel' in m.run('tctl', 'nodes', 'ls').stdout


def test_a_session_as_another_user_runs_and_is_in_the_database(m, alice):
    m.run('useradd', '-m', '-s', '/bin/bash', 'guest')
    out = m.run('tsh', 'ssh', f'guest@{m.name}', 'id -un; cat /proc/self/status | grep -c "^NoNewPrivs:.*0"; exit 3',
                check=False)
    assert out.returncode == 3 and out.stdout.split() == ['guest', '1'], out.stdout
    count = "SELECT count(*) FROM sessions WHERE login = 'guest' AND ended IS NOT NULL"
    wait_for('the session in the database', lambda: m.run(
        'runuser', '-u', 'sallyport-auditd', '--', 'psql', '-XAt', '-h', '/run/postgresql', 'sallyport', '-c', count,
        check=False).stdout.strip() == '1')


@pytest.mark.parametrize('unit', UNITS)
def test_a_daemon_that_is_killed_is_started_again(m, unit):
    before = show(m, unit, 'MainPID')
    m.run('kill', '-9', before)
    wait_for(unit, lambda: active(m, unit) and show(m, unit, 'MainPID') not in ('0', before))
    wait_for('the node', lambda: m.name in listed(m))


def test_reload_is_taken(m):
    """noded has none: its configuration is read at the start alone."""
    for unit in UNITS[:3]:
        before = show(m, unit, 'MainPID')
        m.run('systemctl', 'reload', unit)
        assert active(m, unit) and show(m, unit, 'MainPID') == before


def test_a_node_that_is_stopped_leaves_the_list_at_once(m):
    wait_for('the node', lambda: m.name in listed(m))
    m.run('systemctl', 'stop', 'sallyport-noded')
    assert show(m, 'sallyport-noded', 'Result') == 'success'
    wait_for('the end of the node', lambda: m.name not in listed(m), timeout=30)
    m.run('systemctl', 'start', 'sallyport-noded')
    wait_for('the node', lambda: m.name in listed(m))


def test_the_units_are_confined(m):
    for unit in UNITS[:3]:
        out = m.run('systemd-analyze', 'security', '--no-pager', '--threshold=20', f'{unit}.service', check=False)
        assert out.returncode == 0, out.stdout[-200:]
        pid = show(m, unit, 'MainPID')
        status = m.run('cat', f'/proc/{pid}/status').stdout
        assert re.search(r'^NoNewPrivs:\s+1$', status, re.M) and re.search(r'^Seccomp:\s+2$', status, re.M)
        allowed = int(re.search(r'^CapBnd:\s+(\w+)$', status, re.M).group(1), 16)
        assert allowed == (1 << 10 if unit == 'sallyport-proxyd' else 0)


def test_what_strangers_reach_does_not_see_authd(m):
    """The daemons have one user: only what is in sight keeps proxyd from authd's socket, which gives every right."""
    for unit in ('sallyport-proxyd', 'sallyport-auditd'):
        pid, own = show(m, unit, 'MainPID'), unit.removeprefix('sallyport-')
        assert m.run('nsenter', '-t', pid, '-m', '-r', '-w', 'ls', f'/var/lib/sallyport/{own}').stdout
        for path in ('/var/lib/sallyport/authd', '/run/sallyport/authd'):
            assert m.run('ls', path).returncode == 0
            assert m.run('nsenter', '-t', pid, '-m', '-r', '-w', 'ls', path, check=False).returncode != 0, (unit, path)


def test_a_lost_authd_comes_back_from_its_backup(m, alice):
    """docs/BACKUP.md by its words: on a machine with nothing but the programs and authd.yaml."""
    m.write('/root/passphrase', 'a passphrase that nobody guesses\n', 0o600)
    m.run('tctl', 'backup', '/root/cluster.backup', '--passphrase-file=/root/passphrase')
    pin = re.search(r'sha256:\w+', m.run('tctl', 'status').stdout).group(0)
    authd = re.search(r'path=(\S+/authd) ', show(m, 'sallyport-authd', 'ExecStart')).group(1)
    restore = [authd, '--restore=/root/cluster.backup', '--passphrase-file=/root/passphrase']
    running = m.run(*restore, '--replace', check=False)
    assert running.returncode == 1 and 'in use' in running.stdout
    m.run('systemctl', 'stop', 'sallyport-authd')
    m.shell('rm -r /var/lib/sallyport/authd /var/lib/sallyport/authd.key; systemctl reset-failed')
    # A folder that somebody who has authd's rights has prepared leads root nowhere.
    m.shell('mkdir -p /root/elsewhere; touch /root/elsewhere/authd.sqlite; '
            'install -d -m 700 -o sallyport-authd -g sallyport-authd /var/lib/sallyport/authd; '
            'runuser -u sallyport-authd -- ln -s /root/elsewhere /var/lib/sallyport/authd/restore.new')
    led = m.run(*restore, check=False)
    assert led.returncode == 1 and 'restore.new' in led.stdout and m.run('ls', '/root/elsewhere').stdout.split() == ['authd.sqlite']
    m.run('rm', '/var/lib/sallyport/authd/restore.new')
    out = m.run(*restore).stdout
    assert pin in out
    owners = m.shell('stat -c "%U %a" /var/lib/sallyport/authd /var/lib/sallyport/authd/authd.sqlite /var/lib/sallyport/authd/ca.sealed '
                     '/var/lib/sallyport/authd.key').stdout.split('\n')
    assert owners[:4] == ['sallyport-authd 700', 'sallyport-authd 600', 'sallyport-authd 600', 'root 600'], owners
    m.run('systemctl', 'start', 'sallyport-authd')
    assert pin in m.run('tctl', 'status').stdout and 'alice' in m.run('tctl', 'users', 'ls').stdout
    # The others were not touched.
    wait_for('the node', lambda: m.name in listed(m), 60)
    wait_for('the end of old certificates', lambda: 'tsh login' in m.run('tsh', 'ssh', f'guest@{m.name}', 'true', check=False).stdout, 60)
    machine.sign_up(m, 'carl', HOST)
    wait_for('a session', lambda: m.run('tsh', 'ssh', f'guest@{m.name}', 'echo in', check=False).stdout.split() == ['in'], 60)
    wait_for('the trail', lambda: 'auth.restore' in m.run('tctl', 'audit', 'ls', '--type=auth.*').stdout, 60)


def test_stopping_everything_is_clean(m):
    m.run('systemctl', 'stop', *UNITS)
    for unit in UNITS:
        assert show(m, unit, 'Result') == 'success', journal(m)
    left = m.run('pgrep', '-u', 'sallyport-authd,sallyport-proxyd,sallyport-auditd,sallyport-node', '-l', check=False).stdout
    assert left == ''
