# SPDX-License-Identifier: Apache-2.0
"""install.sh of a real proxy on a machine with systemd, apt and dpkg: what `tctl tokens add` prints is run as it is. The
central daemons are on the same machine; it has no network, so that whatever apt cannot find it does not have. The tests follow
one another on one machine."""
import os
import re
import shutil
import time

import pytest

import machine
from cluster import wait_for
from test_packages import HOST, WHY_NOT, boot, field, node_listed, said, show

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or '')
CENTRAL = ['sallyport', 'sallyport-authd', 'sallyport-auditd', 'sallyport-proxyd', 'sallyport-clients', 'sallyport-packages']
URL = f'https://{HOST}:3080/scripts/install.sh'


@pytest.fixture(scope='module')
def m(debs, tmp_path_factory):
    m = boot(debs, str(tmp_path_factory.mktemp('new') / 'debs'))
    try:
        m.shell(f"DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "
                f"{' '.join(f'/debs/old/{p}_*.deb' for p in CENTRAL)}")
        m.shell(machine.chapter('The central machine'))
        # This root has no sudo, and is root.
        m.write('/usr/bin/sudo', '#!/bin/sh\nexec "$@"\n', 0o755)
        yield m
    finally:
        m.stop()


def line(m):
    """What tctl prints, and the token in its file, where the line says."""
    out = m.run('tctl', 'tokens', 'add', '--type=node').stdout
    m.write('/root/token.file', re.search('The token: (.*)', out).group(1) + '\n', 0o600)
    return re.search(r'^curl .*?(?=^$)', out, re.M | re.S).group(0)


def run(m, options, **kw):
    """The script with these options, by the same line."""
    said_so = re.sub('bash -s -- .*', lambda _: f'bash -s -- {options}', line(m), count=1)
    return m.run('bash', '-o', 'pipefail', '-c', f'cd /root; {said_so}', check=False, **kw)


def refused(out, *words):
    assert out.returncode == 1, out.stdout
    lines = out.stdout.splitlines()
    assert len(lines) == 1, out.stdout
    for word in words:
        assert re.search(word, lines[0]), lines[0]


def version(m, package='sallyport-noded'):
    out = m.run('dpkg-query', '-W', '-f', '${db:Status-Status} ${Version}', package, check=False).stdout
    return out.split()[1] if out.startswith('installed ') else None


def state(m):
    """Whatever a run that changes nothing must not change: files with their times, packages, the node's process."""
    return m.shell("find /etc /usr /var/lib/sallyport/noded/monitor /root /tmp -type f -newer /root/mark 2>/dev/null || true; "
                   "ls /tmp; dpkg -l; systemctl show -P MainPID sallyport-noded; systemctl is-enabled sallyport-noded 2>&1 || true").stdout


def mark(m):
    m.shell('sleep 0.05; touch /root/mark')
    return state(m)


def test_what_is_wrong_with_a_line_is_said_before_anything_is_changed(m):
    before = mark(m)
    refused(run(m, '--ca-pin=sha256:' + '0' * 64), 'pin')
    refused(run(m, '--token-file=/root/nosuch'), 'no token in /root/nosuch')
    refused(run(m, '--clients --token-file=token.file'), 'does not go with')
    m.run('rm', '/root/token.file')
    assert state(m) == before and version(m) is None


def test_a_disk_without_room_is_said_before_anything_is_changed(m):
    before = mark(m)
    m.run('mount', '-t', 'tmpfs', '-o', 'size=512k', 'none', '/tmp')
    try:
        refused(run(m, '--token-file=token.file'), r'MB are free in /tmp', 'nothing was changed')
    finally:
        m.run('umount', '/tmp')
    m.run('mount', '-t', 'tmpfs', '-o', 'size=40m', 'none', '/var/cache/apt')
    m.run('mount', '--bind', '/var/cache/apt', '/var')
    try:
        refused(run(m, '--token-file=token.file'), r'only \d+ MB are free in /var', 'nothing was changed')
    finally:
        m.run('umount', '/var', '/var/cache/apt')
    m.run('rm', '/root/token.file')
    assert state(m) == before and version(m) is None


def fetch(m, url):
    """What the proxy says now; "" while it does not."""
    time.sleep(0.3)  # it takes so many handshakes a second of one address
    return m.outside('curl', '-sk', '--resolve', f'{HOST}:3080:127.0.0.1', url, check=False).stdout


def nothing_of_it(m):
    """Of a node whose installation failed."""
    status = m.run('dpkg-query', '-W', '-f', '${db:Status-Status}', 'sallyport-noded', check=False).stdout
    assert 'no packages found' in status or status == 'not-installed', status
    assert m.run('dpkg', '--audit').stdout == ''
    for path in ('/usr/bin/noded', '/usr/lib/sallyport/noded', '/etc/sallyport/noded.yaml', '/etc/pam.d/sallyport'):
        assert m.run('test', '-e', path, check=False).returncode == 1, path
    assert m.run('bash', '-c', 'ls -d /tmp/tmp.*', check=False).returncode != 0


def test_a_disk_that_is_full_in_the_middle_leaves_nothing(m):
    """Where dpkg unpacks: the daemons of this machine go on, their programs are below."""
    m.run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', '/usr/lib/sallyport')
    try:
        refused(run(m, '--token-file=token.file'), 'No space left', 'taken away again')
    finally:
        m.run('umount', '/usr/lib/sallyport')
    nothing_of_it(m)


def serve(m, package):
    """The proxy hands out this package file as the node's, until it is told otherwise."""
    m.shell(f"""rm -rf /srv/p; install -d -m 755 /srv/p; cp {package} /srv/p
        name=$(ls /usr/share/sallyport/packages/*.index)
        cd /srv/p; deb=$(ls *.deb)
        echo "sallyport-packages 1" > "$(basename $name)"
        echo "sallyport-noded $(dpkg-deb -f $deb Version) $(stat -c %s $deb) $(sha256sum < $deb | cut -d' ' -f1) $deb" >> "$(basename $name)"
        sed -i /^packages:/d /etc/sallyport/proxyd.yaml; echo 'packages: /srv/p' >> /etc/sallyport/proxyd.yaml
        systemctl reload sallyport-proxyd""")
    sum_now = m.run('bash', '-c', 'sha256sum < /srv/p/*.index').stdout.split()[0]
    wait_for('the index', lambda: sum_now in fetch(m, URL))


def index(m):
    """As the proxy hands it out."""
    name = os.path.basename(m.shell('echo /usr/share/sallyport/packages/*.index').stdout.strip())
    return fetch(m, f'https://{HOST}:3080/packages/{name}')


def changed(m, edit):
    """The node's package with a change of its control files, as /debs/changed/NAME."""
    name = os.path.basename(next(p for p in os.listdir(f'{m.root}/debs/old') if p.startswith('sallyport-noded_')))
    out = f'{m.root}/debs/changed'
    shutil.rmtree(out, ignore_errors=True)
    os.mkdir(out)
    machine.run('dpkg-deb', '-R', f'{m.root}/debs/old/{name}', f'{out}/tree')
    edit(f'{out}/tree/DEBIAN')
    machine.run('dpkg-deb', '-b', '--root-owner-group', '-Znone', f'{out}/tree', f'{out}/{name}')
    shutil.rmtree(f'{out}/tree')
    return f'/debs/changed/{name}'


def fails(script):
    """In the middle of dpkg's work."""
    def edit(folder):
        with open(f'{folder}/{script}', 'w') as f:
            f.write('#!/bin/sh\nexit 1\n')
        os.chmod(f'{folder}/{script}', 0o755)
    return edit


def serve_again(m):
    """The packages that are installed on the central machine."""
    m.shell("sed -i '/^packages:/d' /etc/sallyport/proxyd.yaml; systemctl restart sallyport-proxyd")


def test_a_package_that_cannot_be_installed_leaves_nothing(m):
    """One that needs what is not to be had, and two that dpkg fails in the middle of."""
    def needs_more(folder):
        with open(f'{folder}/control') as f:
            text = f.read().replace('Depends: ', 'Depends: nosuch-package, ')
        with open(f'{folder}/control', 'w') as f:
            f.write(text)

    for edit, words in [(needs_more, 'nosuch-package.*nothing was changed|apt-get update: .*nothing was changed'), (fails('preinst'), 'script.* exit status 1.*taken away again'),
                        (fails('postinst'), 'script.* exit status 1.*taken away again')]:
        serve(m, changed(m, edit))
        refused(run(m, '--token-file=token.file'), 'install.sh: ', words)
        nothing_of_it(m)
    serve_again(m)


def test_the_line_that_tctl_prints_makes_a_node(m, debs):
    """And its token works once: the same line is no second node's."""
    said_so = line(m)
    out = m.run('bash', '-o', 'pipefail', '-c', f'cd /root; {said_so}', check=False)
    assert out.returncode == 0 and 'has joined' in out.stdout, out.stdout + said(m)
    assert version(m) == field(next(f'{debs}/{p}' for p in os.listdir(debs) if p.startswith('sallyport-noded_')), 'Version')
    wait_for('the node', lambda: node_listed(m))
    assert show(m, 'sallyport-noded', 'UnitFileState') == 'enabled'
    assert m.run('stat', '-c', '%a %U', '/etc/sallyport/noded.yaml').stdout == '600 root\n'
    machine.sign_up(m, 'alice', HOST)
    wait_for('a session', lambda: m.run('tsh', 'ssh', f'root@{m.name}', 'echo', 'in', check=False).stdout.split() == ['in'])


def test_run_again_it_changes_nothing(m):
    before = mark(m)
    for options in ('--token-file=token.file --labels=env=other', '', '--clients'):
        out = run(m, options)
        assert out.returncode == 0 and 'is installed already' in out.stdout, out.stdout
        m.run('rm', '/root/token.file')
        assert state(m) == before


def test_a_newer_proxy_upgrades_the_node_and_an_older_one_leaves_it(m):
    """And what was changed of a configuration on this host stays, without a question."""
    m.shell('echo "# of this host" | tee -a /etc/sallyport/noded.yaml.sample >> /etc/pam.d/sallyport')
    old, pid = version(m), show(m, 'sallyport-noded', 'MainPID')
    configuration = m.run('sha256sum', '/etc/sallyport/noded.yaml', '/etc/sallyport/noded.yaml.sample', '/etc/pam.d/sallyport').stdout
    m.shell('dpkg -i /debs/new/sallyport-packages.deb')
    wait_for('the new packages', lambda: '+1' in index(m))
    out = run(m, '')
    assert out.returncode == 0 and 'installed sallyport-noded' in out.stdout, out.stdout
    assert version(m) == old + '+1'
    wait_for('a new process', lambda: show(m, 'sallyport-noded', 'MainPID') not in (pid, '0'))
    wait_for('the node', lambda: node_listed(m))
    assert m.run('sha256sum', '/etc/sallyport/noded.yaml', '/etc/sallyport/noded.yaml.sample', '/etc/pam.d/sallyport').stdout == configuration
    m.shell('dpkg -i --force-downgrade /debs/old/sallyport-packages_*.deb')
    wait_for('the old packages', lambda: '+1' not in index(m))
    out = run(m, '')
    assert out.returncode == 0 and 'newer' in out.stdout and version(m) == old + '+1', out.stdout


def test_what_a_removed_node_left_stays_when_it_cannot_be_installed_again(m):
    """Its identity and configuration: with these it is the same node when it can."""
    kept = 'sha256sum /etc/sallyport/noded.yaml /var/lib/sallyport/noded/monitor/*'
    before = m.shell(kept).stdout
    m.run('dpkg', '--remove', 'sallyport-noded')
    serve(m, changed(m, fails('postinst')))
    refused(run(m, ''), 'taken away again')
    assert m.shell(kept).stdout == before and version(m) is None
    serve_again(m)
    wait_for('the proxy', lambda: '+1' not in index(m))
    out = run(m, '--token-file=token.file')
    assert out.returncode == 0 and 'stays as it is' in out.stdout and 'has joined' in out.stdout, out.stdout
    assert m.shell(kept).stdout == before
    wait_for('the node', lambda: node_listed(m))


def test_a_node_that_dpkg_has_not_finished_stays_when_it_cannot_be_upgraded(m):
    """Half configured, or unpacked: it is somebody's node all the same."""
    kept = 'sha256sum /etc/sallyport/noded.yaml /var/lib/sallyport/noded/monitor/*; ls -d /var/lib/sallyport/noded/worker; id sallyport-node'
    before = m.shell(kept).stdout
    serve(m, changed(m, fails('postinst')))
    for state_of_dpkg, make in [('half-configured', 'dpkg -i /srv/p/*.deb'), ('unpacked', 'dpkg --unpack /srv/p/*.deb')]:
        m.shell(f'{make} || true')
        assert m.run('dpkg-query', '-W', '-f', '${db:Status-Status}', 'sallyport-noded').stdout == state_of_dpkg
        refused(run(m, ''), 'cannot upgrade', 'apt-get -f install')
        assert m.shell(kept).stdout == before
    m.shell('dpkg -i /debs/old/sallyport-noded_*.deb')
    serve_again(m)
    wait_for('the node', lambda: node_listed(m))


def test_packages_that_apt_knows_of_and_their_server_no_longer_has_are_looked_up_again(m):
    """What apt knows of Debian is as old as its last update, and an old package is gone as soon as there is a newer one."""
    def repository(version):
        m.shell(f"""rm -rf /srv/r /tmp/r; mkdir -p /srv/r /tmp/r/DEBIAN; cd /srv/r
            printf 'Package: helper\\nVersion: {version}\\nArchitecture: all\\nMaintainer: x <x@example.com>\\nDescription: x\\n' > /tmp/r/DEBIAN/control
            dpkg-deb -b -Znone /tmp/r helper_{version}.deb; rm -r /tmp/r
            {{ cat <<< "$(dpkg-deb -f helper_{version}.deb)"; echo "Filename: ./helper_{version}.deb"; echo "Size: $(stat -c %s *.deb)"
            echo "SHA256: $(sha256sum < helper_{version}.deb | cut -d' ' -f1)"; }} > Packages""")

    def needs_helper(folder):
        with open(f'{folder}/control') as f:
            text = f.read().replace('Depends: ', 'Depends: helper, ')
        with open(f'{folder}/control', 'w') as f:
            f.write(re.sub(r'^Version: .*', lambda v: v.group(0) + '+helper', text, flags=re.M))
    m.shell('mkdir -p /root/apt; mv /etc/apt/sources.list* /root/apt/; echo "deb [trusted=yes] file:/srv/r ./" > /etc/apt/sources.list')
    try:
        repository(1)
        m.shell('apt-get update')
        repository(2)
        serve(m, changed(m, needs_helper))
        out = run(m, '')
        assert out.returncode == 0 and 'installed sallyport-noded' in out.stdout, out.stdout
        assert version(m, 'helper') == '2'
        # One that is not to be had at all is said before anything is changed.
        m.run('dpkg', '--purge', '--force-depends', 'helper')
        m.shell('apt-get update; rm /srv/r/*.deb; dpkg -i --force-downgrade /debs/old/sallyport-noded_*.deb')
        before = mark(m)
        refused(run(m, ''), 'nothing was changed')
        m.run('rm', '/root/token.file')
        assert state(m) == before
    finally:
        m.shell('rm -rf /etc/apt/sources.list*; mv /root/apt/* /etc/apt/')
        serve_again(m)


def test_a_token_that_is_no_good_is_said(m):
    """Of a host that is none yet. noded goes on trying, and takes a good one from the same file."""
    uuid = wait_for('the node', lambda: re.search(rf'^{re.escape(m.name)} +(\S+)', m.run('tctl', 'nodes', 'ls').stdout, re.M)).group(1)
    m.run('dpkg', '--purge', 'sallyport-noded')
    m.run('tctl', 'nodes', 'rm', uuid)
    good = line(m)
    token = m.run('cat', '/root/token.file').stdout
    m.write('/root/token.file', '0' * 32 + '\n', 0o600)
    out = m.run('bash', '-o', 'pipefail', '-c', f'cd /root; {good}', check=False)
    assert out.returncode == 1 and 'has not joined yet' in out.stdout and 'token' in out.stdout.splitlines()[-1], out.stdout
    m.write('/root/token.file', token, 0o600)
    wait_for('the node', lambda: node_listed(m), 60)
