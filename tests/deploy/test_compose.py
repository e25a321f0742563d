# SPDX-License-Identifier: Apache-2.0
"""deploy/compose with a real Docker engine, from a clean folder: built, started, used, ended and started again. The tests follow
one another on one cluster. Only the base is not the one that is written there: a Debian of this machine's making."""
import json
import os
import re
import shutil
import subprocess
import time

import pytest

import engine
import machine
from cluster import wait_for

WHY_NOT = engine.possible()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f'no Docker engine: {WHY_NOT}')

HOST = 'sallyport.localhost'
PROXY = f'{HOST}:3080'
NODES = ['node-1', 'node-2']
SERVICES = {'postgres', 'authd', 'auditd', 'proxyd', *NODES}


class Compose:
    """`docker-compose` in a copy of what git has of this tree, as somebody has it who cloned it."""

    def __init__(self, folder, release):
        self.engine = engine.Engine(f'{folder}/engine')
        self.dir = f'{folder}/source/deploy/compose'
        self.seconds = {}
        machine.run('sh', '-c', f'mkdir {folder}/source && git -C {machine.TOP} archive HEAD | tar -x -C {folder}/source')
        self.env = {**self.engine.env, 'SALLYPORT_BASE': f'test-debian:{release}', 'SALLYPORT_BUILD_NETWORK': 'host'}
        self.base(release, f'{folder}/base.tar')

    def base(self, release, tar):
        """What debian:12-slim is, made here."""
        machine.run('mmdebstrap', '--quiet', '--variant=minbase', '--dpkgopt=force-unsafe-io', '--dpkgopt=path-exclude=/usr/share/man/*',
                    '--dpkgopt=path-exclude=/usr/share/doc/*', '--dpkgopt=path-exclude=/usr/share/locale/*', release, tar, timeout=900)
        self.engine.start(build=True)
        self.engine.docker('import', tar, self.env['SALLYPORT_BASE'])
        os.unlink(tar)

    def __call__(self, *argv, **kw):
        kw.setdefault('timeout', 1200 if argv[0] == 'build' else 120)
        return machine.run(*engine.COMPOSE, '--ansi', 'never', *argv, cwd=self.dir, **{'env': self.env, **kw})

    def timed(self, what, *argv):
        began = time.monotonic()
        out = self(*argv)
        self.seconds[what] = time.monotonic() - began
        return out

    # What machine.sign_up asks of a machine.
    def run(self, *argv, **kw):
        return self('run', '-T', '--rm', 'clients', *argv, **kw)

    def outside(self, *argv, **kw):
        return self.engine.outside(*argv, **kw)

    def inside(self, service, *argv, **kw):
        return self('exec', '-T', service, *argv, **kw)

    def sql(self, query):
        return self.inside('postgres', 'psql', '-XAtc', query, 'sallyport').stdout.split('\n')[:-1]

    def containers(self):
        """What the engine knows of each: {service: inspection}."""
        ids = self('ps', '-q').stdout.split()
        return {c['Config']['Labels']['com.docker.compose.service']: c for c in json.loads(self.engine.docker('inspect', *ids).stdout)}

    def healthy(self):
        found = self.containers()
        return SERVICES <= found.keys() and all(found[s]['State'].get('Health', {}).get('Status') == 'healthy' for s in SERVICES)

    def logs(self, *argv):
        return self('logs', '--no-color', *argv, check=False).stdout


@pytest.fixture(scope='module')
def c(tmp_path_factory, release):
    folder = str(tmp_path_factory.mktemp('compose'))
    c = Compose(folder, release)
    try:
        c.timed('images built', 'build')
        c('build', 'clients')
        c.engine.stop()
        c.engine.start(build=False)
        yield c
    finally:
        c('down', '-v', '-t', '5', check=False)
        c.engine.remove()
        shutil.rmtree(folder, ignore_errors=True)


def up(c, what):
    began = time.monotonic()
    try:
        c('up', '-d', '--no-build')
        wait_for('every container healthy', c.healthy, 120, 0.5)
    except Exception as e:
        raise AssertionError(f'{e}\n' + c.logs('--tail=40')[-8000:]) from None
    c.seconds[what] = time.monotonic() - began


@pytest.fixture(scope='module')
def cluster(c):
    up(c, 'up, all healthy')
    return c


@pytest.fixture(scope='module')
def alice(cluster):
    """The first administrator: by the one command, then as any person."""
    began = time.monotonic()
    machine.sign_up(cluster, 'alice', HOST, roles='access,editor,auditor', logins='root,alice')
    cluster.seconds['first administrator'] = time.monotonic() - began


def kept(c):
    """What must be the same after a `down` and an `up`."""
    tokens = [c.inside(s, 'sh', '-c', 'sha256sum /var/lib/sallyport/join/*').stdout for s in ('auditd', 'proxyd', *NODES)]
    nodes = re.findall(r'^(\S+) +([0-9a-f-]{36})', c.run('tctl', 'nodes', 'ls').stdout, re.M)
    pin = re.search(r'sha256:\w+', c.run('tctl', 'status').stdout).group(0)
    return tokens, sorted(nodes), pin, c.run('tctl', 'users', 'ls').stdout.splitlines()[-2:], c.sql('SELECT id FROM sessions ORDER BY id')


def recorded(c, text):
    """Sessions in PostgreSQL that have it in their output, once they are there whole."""
    return c.sql(f"SELECT id FROM session_text WHERE output LIKE '%{text}%'")


def test_one_command_makes_a_cluster_of_healthy_containers(cluster):
    nodes = cluster.run('tctl', 'nodes', 'ls').stdout
    assert re.search(r'^node-1 .*Tunnel +env=example,team=x', nodes, re.M) and re.search(r'^node-2 .*Tunnel', nodes, re.M), nodes


def test_a_container_is_read_only_and_without_rights_but_the_nodes(cluster):
    for service, it in cluster.containers().items():
        host = it['HostConfig']
        assert host['ReadonlyRootfs'] and not host['Privileged'], service
        assert host['CapDrop'] == ['ALL'] and 'no-new-privileges:true' in host['SecurityOpt'], service
        assert {m['Type'] for m in it['Mounts']} <= {'volume'}, service
        assert bool(host['PortBindings']) == (service == 'proxyd'), service
        assert bool(host['CapAdd']) == (service in NODES), service
        if service in SERVICES:
            status = cluster.inside(service, 'cat', '/proc/1/status').stdout
            effective = int(re.search(r'^CapEff:\s+(\w+)', status, re.M).group(1), 16)
            user = int(re.search(r'^Uid:\s+(\d+)', status, re.M).group(1))
            assert (effective == 0 and user != 0) or service in NODES, f'{service}\n{status}'
            assert cluster.inside(service, 'sh', '-c', 'touch /usr/x', check=False).returncode != 0, service


def test_what_a_node_has_at_least(cluster):
    """Without one of these it would not start, or sessions would outlive their end (KILL). Never DAC_READ_SEARCH: with that root in a
    container reads the files of the engine's host (open_by_handle_at)."""
    for node in NODES:
        assert sorted(cluster.containers()[node]['HostConfig']['CapAdd']) == ['CHOWN', 'KILL', 'SETGID', 'SETUID']


def test_a_session_of_the_first_administrator_is_recorded_in_postgresql(cluster, alice):
    for login in ('root', 'alice'):
        out = cluster.run('tsh', 'ssh', f'{login}@node-1', 'echo "this is $(id -un)"').stdout
        assert f'this is {login}' in out
    wait_for('the recording', lambda: recorded(cluster, 'this is alice'), 60, 0.5)
    out = cluster.run('tsh', 'ssh', 'alice@env=example', 'hostname').stdout
    assert 'node-1' in out and 'node-2' in out
    assert 'alice' in cluster.run('tsh', 'recordings', 'ls').stdout


def test_files_go_there_and_back_by_scp(cluster, alice):
    out = cluster.run('sh', '-c', 'echo carried > f && tsh scp f alice@node-2:g && tsh scp alice@node-2:g h && cat h').stdout
    assert out.endswith('carried\n')


def test_nothing_of_a_session_outlives_it(cluster, alice):
    cluster.run('tsh', 'ssh', 'alice@node-1', '(setsid sleep 4711 & trap "" TERM HUP; exec sleep 4712) < /dev/null > /dev/null 2>&1 & echo started')
    wait_for('their end', lambda: 'sleep471' not in cluster.inside(
        'node-1', 'sh', '-c', 'cat /proc/[0-9]*/cmdline | tr -d "\\0"').stdout, 60, 0.5)


def test_a_node_reaches_the_proxy_and_nothing_else(cluster):
    def reaches(host, port, service='node-1'):
        return cluster.inside(service, 'timeout', '3', 'bash', '-c', f': < /dev/tcp/{host}/{port}', check=False).returncode == 0
    found = cluster.containers()
    assert reaches('proxyd', 3080)
    for service, port in (('authd', 3025), ('auditd', 3026)):
        address = found[service]['NetworkSettings']['Networks']['sallyport_central']['IPAddress']
        assert reaches(address, port, 'proxyd')
        assert not reaches(service, port) and not reaches(address, port)
    networks = [set(found[node]['NetworkSettings']['Networks']) for node in NODES]
    assert [len(n) for n in networks] == [1, 1] and not networks[0] & networks[1], networks
    with cluster.engine.world() as elsewhere:
        wait_for('the way out for who has one', lambda: reaches(elsewhere, 80, 'proxyd'), 60)
        assert [s for s in ('authd', 'auditd', *NODES) if reaches(elsewhere, 80, s)] == []
    assert found['postgres']['NetworkSettings']['Networks'].keys() == {'none'}


def test_secrets_are_files_of_whom_they_concern(cluster, alice):
    """Not in an environment, a command line or an image; and a login of a node reads none of them."""
    tokens = {s: cluster.inside(s, 'cat', '/var/lib/sallyport/join/token').stdout.strip() for s in ('auditd', 'proxyd', *NODES)}
    assert len(set(tokens.values())) == 4
    everything = json.dumps(list(cluster.containers().values())) + cluster.logs()
    assert not [s for s, token in tokens.items() if token in everything]
    assert cluster.inside('authd', 'stat', '-c', '%U %a', '/var/lib/sallyport-key/authd.key').stdout.strip() == 'sallyport-authd 600'
    for path in ('/var/lib/sallyport/join/token', '/etc/sallyport/token', '/etc/sallyport/noded.yaml', '/var/lib/sallyport/noded/worker'):
        out = cluster.run('tsh', 'ssh', 'alice@node-1', f'ls {path}/ || cat {path}', check=False).stdout
        assert 'denied' in out and tokens['node-1'] not in out, out


def test_down_and_up_keep_everything(cluster, alice):
    cluster.run('tsh', 'ssh', 'alice@node-1', 'echo kept > keep')
    before = kept(cluster)
    cluster.timed('down', 'down')
    assert cluster('ps', '-q').stdout.strip() == ''
    up(cluster, 'up again')
    assert 'has what it joins with' not in cluster.logs('init')
    assert kept(cluster) == before
    assert recorded(cluster, 'this is alice')
    assert cluster.run('tsh', 'ssh', 'alice@node-1', 'cat keep; id -un').stdout.split()[-2:] == ['kept', 'alice']


def test_what_was_cut_off_comes_back(cluster, alice):
    """As after a power failure: nobody had the time to clean up."""
    before = kept(cluster)
    cluster('kill')
    up(cluster, 'up after kill -9')
    assert kept(cluster) == before
    assert cluster.run('tsh', 'ssh', 'alice@node-1', 'id -un').stdout.split()[-1] == 'alice'


def test_a_container_whose_daemon_takes_no_work_says_why(cluster, alice):
    cluster('stop', 'proxyd')
    last = wait_for('node-1 unhealthy', lambda: [
        it['Health']['Log'][-1]['Output'] for it in [cluster.containers()['node-1']['State']] if it['Health']['Status'] == 'unhealthy'], 60, 0.5)
    assert 'no tunnel to the proxy' in last[0]
    up(cluster, 'up after stop of proxyd')


def test_nobody_becomes_another_by_a_home(cluster, alice):
    """A home that belongs to root, or to the user of another one, makes no login."""
    cluster.inside('node-1', 'sh', '-c', 'mkdir /home/mallory; cp -R /etc/skel /home/eve; chown 1000 /home/eve')
    more = {**cluster.env, 'SALLYPORT_LOGINS': 'alice,mallory,eve,bob'}
    cluster('up', '-d', '--no-build', 'node-1', env=more)
    wait_for('every container healthy', cluster.healthy, 120, 0.5)
    found = cluster.inside('node-1', 'cat', '/var/lib/extrausers/passwd').stdout.split()
    assert [line.split(':')[0] for line in found] == ['alice', 'bob'] and len({line.split(':')[2] for line in found}) == 2, found
    assert 'is not mallory\'s own' in cluster.logs('node-1')


def test_a_node_that_was_lost_comes_back_with_a_new_token(cluster, alice):
    cluster('rm', '-s', '-f', 'node-2', 'init')
    cluster.engine.docker('volume', 'rm', 'sallyport_node-2')
    cluster.run('tctl', 'nodes', 'rm', 'node-2')
    up(cluster, 'a new node-2')
    cluster.run('tsh', 'forget', 'node-2')
    assert cluster.run('tsh', 'ssh', 'alice@node-2', 'hostname').stdout.split()[-1] == 'node-2'


def test_a_backup_brings_authd_back_in_an_empty_volume(cluster, alice, tmp_path):
    def out_of(*argv):
        return subprocess.run([*engine.COMPOSE, 'run', '-T', '--rm', 'clients', *argv], env=cluster.env, cwd=cluster.dir, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120).stdout
    recipient = re.search(r'backup_recipient: \S+', out_of('tctl', 'backup', '--make-key=backup.key').decode()).group(0)
    for name, content in (('backup.key', out_of('sh', '-c', 'cat backup.key; rm backup.key')), ('authd.backup', b'')):
        with open(os.open(tmp_path / name, os.O_WRONLY | os.O_CREAT, 0o600), 'wb') as f:
            f.write(content)
    override = f'{cluster.dir}/docker-compose.override.yml'
    with open(override, 'w') as f:
        json.dump({'services': {'authd': {'environment': {'SALLYPORT_MORE': recipient}}}}, f)
    up(cluster, 'up with backup_recipient')
    (tmp_path / 'authd.backup').write_bytes(out_of('sh', '-c', 'tctl backup /tmp/b >&2 && cat /tmp/b'))
    os.unlink(override)
    before = kept(cluster)
    cluster('down')
    cluster.engine.docker('volume', 'rm', 'sallyport_authd', 'sallyport_authd-key')
    cluster.engine.docker('run', '--rm', '--user=root', '--network=none', f'--env=SALLYPORT_CLUSTER={HOST}',
                          '--volume=sallyport_authd:/var/lib/sallyport', '--volume=sallyport_authd-key:/var/lib/sallyport-key',
                          f'--volume={tmp_path}:/backup:ro', 'sallyport-authd', '--restore=/backup/authd.backup',
                          '--backup-key=/backup/backup.key')
    up(cluster, 'up from a backup')
    assert kept(cluster) == before  # but everybody logs in again


def test_what_it_took(cluster, alice, capsys):
    sizes = cluster.engine.docker('images', '--format', '{{.Repository}} {{.Size}}').stdout.split('\n')
    with capsys.disabled():
        print('\n' + '; '.join(f'{what}: {s:.0f} s' for what, s in cluster.seconds.items()))
        print('; '.join(sorted(s for s in sizes if s and not s.startswith('<none>'))))
    cluster('down', '-v')
    assert 'sallyport' not in cluster.engine.docker('volume', 'ls', '-q').stdout
