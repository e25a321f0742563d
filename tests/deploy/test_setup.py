# SPDX-License-Identifier: Apache-2.0
"""sallyport-setup from the packages to a recorded session, in a machine with systemd and without a network: what is refused
before anything is done, what is broken off and goes on, what is changed later, and what a purge takes away. The tests follow one
another on one machine."""
import re

import pytest

import machine
import test_packages
from cluster import wait_for

WHY_NOT = machine.possible()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or '')

HOST = test_packages.HOST
DAEMONS = ['authd', 'auditd', 'proxyd']
SETUP = f'sallyport-setup --yes --cluster-name={HOST}'
ACME = '/root/acme'
PEBBLE = f'''mkdir -p {ACME}; cd {ACME}
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=acme -addext subjectAltName=DNS:localhost
cat > conf.json <<'END'
{{"pebble": {{"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "certificate": "{ACME}/ca.pem",
  "privateKey": "{ACME}/ca.key", "httpPort": 80, "tlsPort": 5001}}}}
END
systemd-run --quiet --unit=acme -E PEBBLE_VA_NOSLEEP=1 -E PEBBLE_WFE_NONCEREJECT=0 pebble -config {ACME}/conf.json
for i in $(seq 300); do ! curl -s --cacert ca.pem https://localhost:14000/dir >/dev/null || break; sleep 0.1; done'''


@pytest.fixture(scope='module')
def m(debs, tmp_path_factory):
    m = test_packages.boot(debs, str(tmp_path_factory.mktemp('new') / 'debs'))
    try:
        test_packages.install(m, 'old')
        yield m
    finally:
        m.stop()


def state(m):
    """What a run that has nothing to do leaves as it is."""
    return m.shell('cd /etc/sallyport; sha256sum *; systemctl show -P MainPID sallyport-authd sallyport-auditd sallyport-proxyd; '
                   'tctl users ls; tctl tokens ls --format=json', check=False).stdout


def well(m, *args, env=None):
    """A run that is well; what it said."""
    out = m.run('sallyport-setup', '--yes', *args, check=False, **({'env': env} if env else {}))
    assert out.returncode == 0, f'{out.stdout}\n--- journal\n{test_packages.said(m)}'
    return out.stdout


def refused(m, *args):
    """One line that says why; and nothing was done."""
    before = state(m)
    out = m.run(*SETUP.split(), *args, check=False)
    assert out.returncode == 1 and out.stdout.startswith('ERROR: ') and out.stdout.count('\n') == 1, out.stdout
    assert state(m) == before
    return out.stdout


def done(out):
    return re.findall(r'^\+ (.*)', out, re.M)


def serial(m):
    """Of the certificate that the proxy shows."""
    return m.shell(f'openssl s_client -connect {HOST}:3080 -servername {HOST} </dev/null 2>/dev/null | openssl x509 -noout -serial').stdout


def recorded(m, database='sallyport'):
    return int(m.shell(f"cd /; runuser -u postgres -- psql -XAtqd {database} -c 'SELECT count(*) FROM sessions WHERE ended IS NOT NULL'").stdout)


def test_what_cannot_work_is_told_before_anything_is_done(m):
    assert 'nowhere.example.com has no address' in refused(m, '--public-addr=nowhere.example.com')
    assert 'Connection refused' in refused(m, '--database=postgresql://sally@127.0.0.1:5999/trail')
    assert 'could not translate host name' in refused(m, '--database=postgresql://sally@nowhere.example.com/trail?sslmode=verify-full')
    m.write('/root/pw', 'wrong\n', 0o600)
    assert 'authentication failed' in refused(m, '--database=postgresql://sally@127.0.0.1/trail', '--database-password-file=/root/pw')
    m.run('systemd-run', '--quiet', '--unit=squatter', 'python3', '-m', 'http.server', '3026')
    wait_for('the port', lambda: m.shell('exec 3<>/dev/tcp/127.0.0.1/3026', check=False).returncode == 0)
    assert "port 3026 is taken, by 'python3'" in refused(m)
    m.run('systemctl', 'stop', 'squatter')
    for name in 'ab':
        m.shell(f'openssl req -x509 -newkey rsa:2048 -nodes -keyout /root/{name}.key -out /root/{name}.crt -days 30 -subj /CN=w '
                f'-addext subjectAltName=DNS:{HOST}')
    assert 'is not the key of' in refused(m, '--web-cert=/root/a.crt', '--web-key=/root/b.key')
    m.run('systemctl', 'stop', 'postgresql')
    assert 'PostgreSQL on this machine does not answer' in refused(m)
    m.run('systemctl', 'start', 'postgresql')
    m.run('useradd', 'nosy')
    out = m.run('runuser', '-u', 'nosy', '--', 'sallyport-setup', check=False)
    assert out.returncode == 1 and 'this is for root' in out.stdout


def test_a_dry_run_does_nothing(m):
    before = state(m)
    out = m.run(*SETUP.split(), '--dry-run').stdout
    assert state(m) == before and not done(out) and len(re.findall(r'^\? ', out, re.M)) >= 10


def test_a_daemon_that_cannot_start_is_told_with_its_own_words(m):
    """It goes on there, when the cause is gone."""
    drop_in = '/etc/systemd/system/sallyport-authd.service.d'
    m.run('mkdir', drop_in)
    m.write(f'{drop_in}/test.conf', "[Service]\nExecStartPre=/bin/sh -c 'echo no disk; exit 1'\n")
    m.run('systemctl', 'daemon-reload')
    out = m.run(*SETUP.split(), check=False)
    m.run('rm', '-r', drop_in)
    m.run('systemctl', 'daemon-reload')
    assert out.returncode == 1 and '\nno disk\n' in out.stdout, out.stdout
    assert out.stdout.splitlines()[-1].startswith('ERROR: sallyport-authd does not start: '), out.stdout


def test_a_run_that_is_killed_is_gone_on_with(m):
    """Killed at its third step each time, as long as there is one: each run does more. (A token is made anew by each.)"""
    for _ in range(30):
        out = m.shell(f'''cd /root; setsid {SETUP} > out 2>&1 & pid=$!
            until [ "$(grep -c '^+' out)" -ge 3 ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
            kill -KILL -- -$pid 2>/dev/null || true
            wait $pid || true; cat out''').stdout
        if 'The cluster' in out:
            break
    assert f'The cluster {HOST} works' in out, out
    assert set(test_packages.running(m)) == {f'sallyport-{d}' for d in DAEMONS}
    assert m.run('tctl', 'users', 'ls', '--format=json').stdout.count('"name"') == 1


def test_from_the_first_administrators_link_to_a_recorded_session(m):
    out = well(m, '--admin=ada', '--logins=root')
    link = re.search(rf'^  (https://{re.escape(HOST)}:3080/web/invite/\w+)$', out, re.M).group(1)
    login = re.search(r'^  (tsh login .*)$', out, re.M).group(1)
    pin = re.search(r'sha256:\w+', m.run('tctl', 'status').stdout).group(0)
    assert login == f'tsh login --proxy={HOST}:3080 --user=ada --ca-pin={pin}'
    machine.sign_up(m, 'ada', HOST, link=link)
    machine.node_on(m, HOST)
    wait_for('the node', lambda: test_packages.node_listed(m))
    wait_for('a session', lambda: m.run('tsh', 'ssh', f'root@{m.name}', 'echo', 'in', check=False).stdout.split() == ['in'])
    wait_for('the recording', lambda: recorded(m) == 1)
    assert m.name in m.run('tsh', 'recordings', 'ls').stdout


def test_run_again_it_changes_nothing(m):
    before = state(m)
    assert done(well(m)) == [] and state(m) == before
    assert done(well(m, f'--cluster-name={HOST}', f'--public-addr={HOST}:3080', '--database=local', '--self-signed', '--admin=ada')) == []
    assert state(m) == before


def test_a_certificate_of_ones_own_is_shown_without_an_interruption(m):
    before = state(m)
    assert done(well(m, '--web-cert=/root/a.crt', '--web-key=/root/a.key'))
    want = m.run('openssl', 'x509', '-noout', '-serial', '-in', '/root/a.crt').stdout
    assert serial(m) == want
    assert m.run('sallyport-setup', 'certificate', '/root/b.crt', '/root/b.key').returncode == 0
    assert serial(m) == m.run('openssl', 'x509', '-noout', '-serial', '-in', '/root/b.crt').stdout != want
    bad = m.run('sallyport-setup', 'certificate', '/root/b.crt', '/root/a.key', check=False)
    assert bad.returncode == 1 and 'is not the key' in bad.stdout
    pids = re.findall(r'^\d+$', before, re.M)
    assert re.findall(r'^\d+$', state(m), re.M) == pids and '0' not in pids


def test_certbots_certificate_and_its_renewal_reach_the_proxy(m):
    m.shell(PEBBLE)
    env = {'REQUESTS_CA_BUNDLE': f'{ACME}/ca.pem'}
    pid = test_packages.running(m)['sallyport-proxyd']
    m.run('systemd-run', '--quiet', '--unit=squatter', 'python3', '-m', 'http.server', '80')
    wait_for('the port', lambda: m.shell('exec 3<>/dev/tcp/127.0.0.1/80', check=False).returncode == 0)
    acme = ['--acme-email=ops@example.com', '--acme-server=https://localhost:14000/dir']
    assert "port 80 is taken, by 'python3'" in refused(m, *acme)
    m.run('systemctl', 'stop', 'squatter')
    well(m, *acme, env=env)
    first = serial(m)
    assert first == m.run('openssl', 'x509', '-noout', '-serial', '-in', f'/etc/letsencrypt/live/{HOST}/cert.pem').stdout
    assert done(well(m, *acme, env=env)) == []
    m.run('certbot', 'renew', '--force-renewal', '--no-random-sleep-on-renew', env=env)
    second = serial(m)
    assert second == m.run('openssl', 'x509', '-noout', '-serial', '-in', f'/etc/letsencrypt/live/{HOST}/cert.pem').stdout != first
    assert test_packages.running(m)['sallyport-proxyd'] == pid
    m.run('systemctl', 'stop', 'acme')


def test_another_address_is_one_command_and_in_the_certificate_at_once(m):
    """The node, which knows the old one, comes back by it."""
    m.shell('echo 127.0.0.1 gate.example.com >> /etc/hosts')
    out = well(m, '--public-addr=gate.example.com:443', '--self-signed')
    assert f'public_addr: gate.example.com:443 (was {HOST}:3080), listen: :443 (was :3080)' in out
    assert '--proxy=gate.example.com:443 ' in out
    shown = 'openssl s_client -connect gate.example.com:443 </dev/null 2>/dev/null | openssl x509 -noout -checkhost gate.example.com'
    wait_for('the new name', lambda: 'does match' in m.shell(shown, check=False).stdout)
    well(m, f'--public-addr={HOST}:3080')
    wait_for('the node', lambda: test_packages.node_listed(m))


def test_a_database_elsewhere_with_roles_and_tables_made_there(m):
    m.shell(r'''cd /; runuser -u postgres -- psql -Xqc "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'b:o/ss%'"
        (umask 077; printf 'b:o/ss%%\n' > /root/boss)''')
    there = ['--database=postgresql://sally@127.0.0.1/trail', '--database-admin=postgresql://boss@127.0.0.1/postgres']
    assert 'no password supplied' in refused(m, *there)
    m.write('/etc/sallyport/database.password', 'of another one\n', 0o600)
    well(m, *there, '--database-admin-password-file=/root/boss')
    password = m.run('cat', '/etc/sallyport/database.password').stdout.strip()
    assert len(password) == 32 and m.run('stat', '-c', '%U %a', '/etc/sallyport/database.password').stdout == 'sallyport-auditd 600\n'
    assert done(well(m)) == []
    wait_for('a session', lambda: m.run('tsh', 'ssh', f'root@{m.name}', 'echo', 'there', check=False).returncode == 0)
    wait_for('the recording', lambda: recorded(m, 'trail') >= 1)
    owner = m.shell("cd /; runuser -u postgres -- psql -XAtqd trail -c \"SELECT tableowner FROM pg_tables WHERE tablename = 'audit_event'\"")
    assert owner.stdout == 'trail_owner\n'
    well(m, '--database=local')
    assert done(well(m)) == []


def test_a_purge_takes_what_it_has_written(m):
    m.run('dpkg', '--purge', *test_packages.PACKAGES)
    assert m.shell('ls -d /etc/sallyport /var/lib/sallyport 2>&1', check=False).stdout.count('cannot access') == 2
    assert m.run('ls', '/etc/letsencrypt/renewal-hooks/deploy').stdout == ''
