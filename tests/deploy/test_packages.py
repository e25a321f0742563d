# SPDX-License-Identifier: Apache-2.0
"""The packages in a machine with systemd and without a network: installed, configured by hand as the guide's appendix says,
upgraded, removed, installed again, purged. The tests follow one another on one machine."""
import glob
import os
import re
import shutil

import pytest

import machine
from cluster import wait_for

WHY_NOT = machine.possible()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or '')

# In the order in which they begin.
DAEMONS = ['authd', 'auditd', 'proxyd', 'noded']
UNITS = [f'sallyport-{d}' for d in DAEMONS]
USERS = ['sallyport-authd', 'sallyport-auditd', 'sallyport-proxyd', 'sallyport-node']
PACKAGES = ['sallyport', 'sallyport-clients', 'sallyport-packages', *UNITS]
HOST = 'tele.example.com'
# What people change; what dpkg and logs keep of any package; what PostgreSQL has.
ELSEWHERE = ['/proc', '/sys', '/dev', '/tmp', '/root', '/home', '/debs', '/var/log', '/var/cache', '/var/lib/dpkg', '/var/lib/apt',
             '/var/lib/postgresql', '/var/lib/systemd', '/run/systemd', '/run/udev', '/run/agetty.reload', '/run/log', '/run/user', '/run/postgresql']


def field(deb, name):
    return machine.run('dpkg-deb', '-f', deb, name).stdout.strip()


def needed(debs):
    """Packages of Debian that ours depend on, of alternatives the first."""
    found = set()
    for deb in glob.glob(f'{debs}/*.deb'):
        for word in field(deb, 'Depends').split(','):
            found.add(re.split(r'[ |(:]', word.strip())[0])
    return sorted(p for p in found if p and not p.startswith('sallyport'))


def higher(debs, folder):
    """The same packages as of a later version, with another sample of a configuration; nothing is compiled for it."""
    os.makedirs(folder)
    # Last the package that has others in it.
    for deb in sorted(glob.glob(f'{debs}/*.deb'), key=lambda deb: '-packages_' in deb):
        tree, package, version = os.path.join(folder, 'tree'), field(deb, 'Package'), field(deb, 'Version')
        machine.run('dpkg-deb', '-R', deb, tree)
        with open(f'{tree}/DEBIAN/control') as f:
            control = f.read().replace(version, version + '+1')
        with open(f'{tree}/DEBIAN/control', 'w') as f:
            f.write(control)
        for sample in glob.glob(f'{tree}/etc/sallyport/*.sample'):
            with open(sample, 'a') as f:
                f.write('# said by a later version\n')
        for inside in glob.glob(f'{tree}/usr/share/sallyport/packages/*.deb'):
            os.unlink(inside)
            shutil.copy(f'{folder}/{os.path.basename(inside).split("_")[0]}.deb', inside.replace(version, version + '+1'))
        for index in glob.glob(f'{tree}/usr/share/sallyport/packages/*.index'):
            machine.run(f'{machine.TOP}/tools/packages-index', *os.path.basename(index)[:-6].split('-'), os.path.dirname(index))
        machine.run('dpkg-deb', '-b', '--root-owner-group', '-Znone', tree, f'{folder}/{package}.deb')
        shutil.rmtree(tree)


def boot(debs, folder):
    """A machine with all that our packages need of Debian's, and these in /debs/old; in /debs/new those of a later version,
    which are made in the folder."""
    packages = ['systemd', 'dbus', 'procps', 'curl', 'postgresql', 'openssh-client', 'openssh-sftp-server', 'certbot', 'pebble',
                *needed(debs)]
    release = os.path.basename(debs)
    root = machine.base(f'deploy-{release}', packages, release, [p for p in machine.UNWANTED if 'LLVM' in p or 'llvm' in p])
    higher(debs, folder)
    m = machine.Machine(f'/tmp/sp-deploy-{os.getpid()}', root)
    try:
        m.boot()
        os.mkdir(f'{m.root}/debs')
        shutil.copytree(debs, f'{m.root}/debs/old', ignore=lambda _, names: [n for n in names if not n.endswith('.deb')])
        shutil.copytree(folder, f'{m.root}/debs/new')
        m.write('/etc/hosts', f'127.0.0.1 localhost {HOST}\n')
    except BaseException:
        m.stop()
        raise
    return m


@pytest.fixture(scope='module')
def m(debs, tmp_path_factory):
    m = boot(debs, str(tmp_path_factory.mktemp('new') / 'debs'))
    yield m
    m.stop()


def install(m, which):
    """By apt, as the guide says; what they need of Debian's is there."""
    return m.shell(f'DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install /debs/{which}/*.deb').stdout


def files(m):
    """Every path outside of ELSEWHERE, and what systemd has been told to start."""
    prune = ' -o '.join(f'-path {p}' for p in ELSEWHERE)
    found = set(m.shell(rf'find / \( {prune} \) -prune -o -print').stdout.splitlines())
    return found | set(m.shell('find /var/lib/systemd -name "*sallyport*"').stdout.splitlines())


def show(m, unit, what):
    return m.run('systemctl', 'show', '-P', what, unit).stdout.strip()


def running(m):
    return {u: show(m, u, 'MainPID') for u in UNITS if show(m, u, 'SubState') == 'running'}


def said(m):
    return m.run('journalctl', '--no-pager', '-o', 'cat', *[f'-u{u}' for u in UNITS], check=False).stdout[-5000:]


def kept(m):
    """What an upgrade must not change: configurations and what says who the cluster and the node are."""
    return m.shell('cd /etc/sallyport; sha256sum *.yaml /etc/pam.d/sallyport; tctl status | grep "CA pin"; '
                   'tctl users ls; tctl nodes ls | cut -c1-60; stat -c "%n %U %a" /var/lib/sallyport/*').stdout


def node_listed(m):
    return re.search(rf'^{re.escape(m.name)}\b.*Tunnel', m.run('tctl', 'nodes', 'ls', check=False).stdout, re.M)


@pytest.fixture(scope='module')
def before(m):
    """The machine's files before any package of ours was there."""
    return files(m)


@pytest.fixture(scope='module')
def installed(m, before):
    return install(m, 'old')


def test_a_package_has_what_make_install_installs_and_nothing_starts_before_it_is_configured(m, installed):
    for user in USERS:
        assert m.run('getent', 'passwd', user).stdout.strip().endswith('/usr/sbin/nologin')
    for unit in UNITS:
        assert show(m, unit, 'LoadState') == 'loaded' and show(m, unit, 'UnitFileState') == 'enabled'
        assert show(m, unit, 'ActiveState') == 'inactive' and show(m, unit, 'ConditionResult') == 'no', said(m)
    assert m.run('ls', '-A', '/var/lib/sallyport', check=False).stdout.startswith('ls: cannot access')
    for path in ['/usr/bin/tsh', '/usr/bin/tctl', '/usr/bin/noded', '/etc/pam.d/sallyport', '/usr/lib/sallyport/noded-monitor',
                 '/usr/share/bash-completion/completions/tsh', '/usr/share/zsh/vendor-completions/_tctl',
                 '/usr/share/fish/vendor_completions.d/tsh.fish', '/usr/share/man/man1/tsh.1.gz', '/usr/share/man/man8/noded.8.gz',
                 *[f'/usr/share/man/man8/sallyport-{d}.8.gz' for d in DAEMONS],
                 *[f'/etc/sallyport/{d}.yaml.sample' for d in DAEMONS]]:
        m.run('test', '-s', path)
    assert m.run('dpkg', '--audit').stdout == ''


def test_what_a_program_loads_is_a_dependency_of_its_package(m, installed, debs, tmp_path):
    """Linked or asked for by name while it runs, which dpkg-shlibdeps does not see; but what it can do without."""
    suggested = {'libIPSec_MB.so.1', 'libIPSec_MB.so.2'}
    for deb in glob.glob(f'{debs}/*.deb'):
        machine.run('dpkg-deb', '-x', deb, f'{tmp_path}/{field(deb, "Package")}')
        depends = {re.split(r'[ |(:]', word.strip())[0] for word in field(deb, 'Depends').split(',')}
        for program in glob.glob(f'{tmp_path}/{field(deb, "Package")}/usr/*/**', recursive=True):
            if not os.access(program, os.X_OK) or not os.path.isfile(program):
                continue
            with open(program, 'rb') as f:
                content = f.read()
            if content.startswith(b'#!'):
                continue
            names = set(re.findall(rb'(?<=\0)(lib[\w.+-]+\.so\.[\d.]+)(?=\0)', content))
            assert b'libc.so.6' in names
            for name in {n.decode() for n in names} - suggested:
                owners = re.findall(r'^([\w.+-]+)(?::\S+)?: ', m.run('dpkg', '-S', f'*/{name}').stdout, re.M)
                assert depends & set(owners), f'{program}: {name} of {owners}'


def test_a_purge_before_anything_is_configured_leaves_nothing(m, before, installed):
    m.run('dpkg', '--purge', *PACKAGES)
    assert files(m) - before == set()
    install(m, 'old')


def test_the_guide_works_with_the_packages(m, installed):
    try:
        m.shell(machine.chapter('Appendix: the central machine by hand'))
        machine.node_on(m, HOST)
        assert set(running(m)) == set(UNITS)
        m.run('test', '-s', '/usr/share/sallyport/web/index')
        wait_for('the node', lambda: node_listed(m))
        machine.sign_up(m, 'alice', HOST)
        wait_for('a session', lambda: m.run('tsh', 'ssh', f'root@{m.name}', 'echo', 'in', check=False).stdout.split() == ['in'])
        assert 'serves the web app' in m.run('tsh', 'web', 'verify').stdout  # the proxy's package and the clients' have the same
    except AssertionError as e:
        raise AssertionError(f'{e}\n--- journal\n{said(m)}') from None


def test_an_upgrade_keeps_everything_and_restarts_in_order(m):
    m.shell('echo "# of this host" >> /etc/pam.d/sallyport')
    old, pids = kept(m), running(m)
    install(m, 'new')
    wait_for('the node', lambda: node_listed(m))
    now = running(m)
    assert set(now) == set(UNITS), said(m)
    assert [u for u in UNITS if now[u] == pids[u]] == []
    began = [int(show(m, u, 'ActiveEnterTimestampMonotonic')) for u in UNITS]
    assert began == sorted(began)
    assert kept(m) == old
    assert 'said by a later version' in m.run('cat', '/etc/sallyport/authd.yaml.sample').stdout
    wait_for('a session', lambda: m.run('tsh', 'ssh', f'root@{m.name}', 'echo', 'in', check=False).stdout.split() == ['in'])


def test_an_upgrade_from_a_session_of_the_node_comes_to_its_end(m):
    """noded would end the session, and dpkg in the middle of its work."""
    node = running(m)['sallyport-noded']
    out = m.run('tsh', 'ssh', f'root@{m.name}', 'cd /debs/old && dpkg -i --force-downgrade ./*.deb 2>&1; dpkg --audit; echo whole')
    assert 'sessions are open' in out.stdout and out.stdout.endswith('whole\n'), out.stdout
    assert running(m)['sallyport-noded'] == node
    wait_for('the others', lambda: set(running(m)) == set(UNITS))
    assert m.run('dpkg', '--audit').stdout == ''


def test_a_session_cannot_remove_what_carries_it(m):
    for unit in ('sallyport-noded', 'sallyport-proxyd'):
        wait_for('the node', lambda: m.run('tsh', 'ssh', f'root@{m.name}', 'true', check=False).returncode == 0)
        out = m.run('tsh', 'ssh', f'root@{m.name}', f'dpkg --force-depends --remove {unit}', check=False)
        assert out.returncode != 0 and 'this session would end' in out.stdout, out.stdout
        assert show(m, unit, 'SubState') == 'running'
        assert m.run('dpkg-query', '-W', '-f', '${db:Status-Status}', unit).stdout == 'installed'


def test_what_was_switched_off_stays_off(m):
    m.run('systemctl', 'disable', '--now', 'sallyport-noded')
    install(m, 'new')
    assert show(m, 'sallyport-noded', 'ActiveState') == 'inactive'
    assert show(m, 'sallyport-noded', 'UnitFileState') == 'disabled'
    m.run('systemctl', 'enable', '--now', 'sallyport-noded')
    wait_for('the node', lambda: node_listed(m))


def test_what_is_removed_and_comes_back_goes_on_as_it_was(m):
    old = kept(m)
    m.run('dpkg', '--remove', *PACKAGES)
    assert running(m) == {} and m.run('pgrep', '-f', '/usr/lib/sallyport', check=False).stdout == ''
    install(m, 'new')
    wait_for('all', lambda: set(running(m)) == set(UNITS))
    wait_for('the node', lambda: node_listed(m))
    assert kept(m) == old


def test_a_purge_leaves_nothing(m, before):
    """But auditd's database, which belongs to PostgreSQL."""
    m.run('dpkg', '--purge', *PACKAGES)
    left = sorted(files(m) - before)
    assert left == []
    for user in USERS:
        assert m.run('getent', 'passwd', user, check=False).returncode == 2
        assert m.run('getent', 'group', user, check=False).returncode == 2
    assert m.run('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'sallyport*').stdout == ''
    assert before - files(m) == set()
