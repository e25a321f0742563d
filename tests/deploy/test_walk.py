# SPDX-License-Identifier: Apache-2.0
"""The guide from its first step to its last on three machines: the central one by `sallyport-setup`, two servers by the line that
`tctl tokens add` prints. They have what any small Debian has; the rest comes from an archive on the same network, as they would
get it from Debian's. The steps follow one another."""
import glob
import html
import json
import os
import re
import shutil
import time

import pytest

import machine
import town
from cluster import totp, wait_for
from test_packages import higher

WHY_NOT = machine.possible()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or '')

HOST = 'tele.example.com'
PROXY = f'{HOST}:3080'
ON_CENTRAL = ['postgresql', 'jq', 'openssh-client']
CENTRAL = ['sallyport', 'sallyport-authd', 'sallyport-auditd', 'sallyport-proxyd', 'sallyport-clients', 'sallyport-packages']
NODES = ['node-1', 'node-2']
INSTALL = 'DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install'


@pytest.fixture(scope='module')
def t(debs):
    release = os.path.basename(debs)
    root = machine.base(f'walk-{release}', town.MINIMAL, release)
    there = town.Town(f'/tmp/sp-walk-{os.getpid()}', root, town.archive(debs, root, [*ON_CENTRAL, 'openssh-sftp-server']))
    try:
        there.add('central', [HOST])
        for name in NODES:
            there.add(name)
        there.debs = debs
        yield there
    finally:
        there.remove()


@pytest.fixture
def central(t):
    return t.machines['central']


@pytest.fixture
def alice(central):
    """Where alice works: her account on the central machine, with nothing but tsh and what belongs to her."""
    def run(command, check=True, **kw):
        return central.run('runuser', '-u', 'alice', '--', 'bash', '-c', f'cd; {command}', env={'HOME': '/home/alice'}, check=check, **kw)
    return run


def listening(m):
    """What can be reached from outside: (protocol, port)."""
    out = m.shell('ss -Hltun').stdout
    return {(w[0], w[4].rsplit(':', 1)[1]) for w in map(str.split, out.splitlines()) if not w[4].startswith(('127.', '[::1]'))}


def pin(central):
    return re.search(r'sha256:\w+', central.run('tctl', 'status').stdout).group(0)


def joined(central):
    return set(re.findall(r'^(\S+) .*Tunnel', central.run('tctl', 'nodes', 'ls', check=False).stdout, re.M))


def install_central(t, central):
    os.mkdir(f'{central.root}/root/debs')
    for name in CENTRAL:
        for deb in glob.glob(f'{t.debs}/{name}_*.deb'):
            shutil.copy(deb, f'{central.root}/root/debs/')
    central.shell(f'apt-get -q update && {INSTALL} {" ".join(ON_CENTRAL)} /root/debs/*.deb', timeout=600)


def sign_up(central, alice, link):
    """Opens the link, sets a password and a second factor; these."""
    page = html.unescape(re.sub(r'<[^>]+>', ' ', alice(f'curl -sk {link}').stdout))
    secret, password = re.search(r'\b([A-Z2-7]{16,64})\b', page).group(1), 'correct horse battery'
    form = f"-d 'password={password}' -d 'password2={password}' -d otp={totp(secret, time.time() - 30)}"
    alice(f"curl -fsk -H 'Origin: https://{PROXY}' {form} {link}")
    return password, secret


def log_in(central, alice, password, secret):
    alice(f'tsh login --proxy={PROXY} --user=alice --ca-pin={pin(central)}', stdin=None, input=f'{password}\n{totp(secret)}\n')


def test_the_central_machine_is_one_command(t, central):
    began = time.monotonic()
    install_central(t, central)
    t.said = central.run('sallyport-setup', '--yes', f'--cluster-name={HOST}', '--admin=ada', '--logins=root').stdout
    t.took = time.monotonic() - began
    assert '/web/invite/' in t.said
    out = central.shell(f'PROXY={PROXY}; curl -sk https://$PROXY/v1/webapi/find | jq -r .server_version').stdout
    assert re.fullmatch(r'\d+\.\d+\.\d+\S*\n', out)
    assert re.search(r'^CA pin +sha256:\w{64}$', central.run('tctl', 'status').stdout, re.M)


@pytest.mark.parametrize('name', NODES)
def test_a_server_is_one_line(t, central, name):
    """The printed line, as it is, on a server that knows nothing of the cluster."""
    began = time.monotonic()
    token, line = town.line_of(central.run('tctl', 'tokens', 'add', '--type=node').stdout)
    line = line.replace('--token-file=token.file', '--token-file=token.file --labels=env=example,team=x')
    t.machines[name].write('/root/token.file', f'{token}\n', 0o600)
    out = t.machines[name].shell(f'cd /root; {line}', timeout=600).stdout
    assert 'has joined' in out, out
    wait_for('the node', lambda: name in joined(central))
    t.took += time.monotonic() - began if name == NODES[0] else 0


def test_a_user_signs_up_and_logs_in(t, central, alice):
    central.run('useradd', '-m', '-s', '/bin/bash', 'alice')
    out = central.run('tctl', 'users', 'add', 'alice', '--roles=editor,access', '--logins=root,ubuntu,ec2-user').stdout
    link = re.search(r'https://\S+/web/invite/[0-9a-f]{32}', out).group(0)
    # A code counts once, and that of the step before still counts: one for each, without waiting for the next step.
    if time.time() % 30 > 20:
        time.sleep(30 - time.time() % 30)
    t.alice = sign_up(central, alice, link)
    log_in(central, alice, *t.alice)
    block = alice('tsh status').stdout
    assert re.search(r'Logged in as: +alice', block) and re.search(r'Logins: +(root|ubuntu|ec2-user)(, (root|ubuntu|ec2-user)){2}', block), block


def test_the_first_session_is_recorded_within_minutes(t, central, alice):
    began = time.monotonic()
    wait_for('a session', lambda: alice('tsh ssh root@node-1 echo recorded', check=False).stdout == 'recorded\n')
    wait_for('the recording', lambda: alice('tsh recordings ls --format=json').stdout.count('recorded') >= 1)
    t.took += time.monotonic() - began
    print(f'\nfrom three bare machines to the first recorded session: {t.took:.0f} s')


def test_the_rest_of_the_guide(t, central, alice):
    listed = alice('tsh ls').stdout
    assert all(re.search(rf'^{n} +⟵ Tunnel +', listed, re.M) for n in NODES), listed
    assert alice(f'tsh config > ssh_config; ssh -F ssh_config root@node-1.{HOST} hostname').stdout == 'node-1\n'
    alice(f'echo text > file; scp -qF ssh_config file root@node-2.{HOST}:/root/; tsh scp root@node-2:/root/file back; cmp file back')
    assert {n for n in NODES if n in central.run('tctl', 'nodes', 'ls').stdout} == set(NODES)
    central.run('tctl', 'nodes', 'label', 'node-1', 'ring=two')
    wait_for('the label', lambda: 'node-1' in alice('tsh ls ring=two').stdout)
    assert 'node-2' not in alice('tsh ls ring=two').stdout
    out = alice('tsh ssh root@env=example hostname').stdout
    assert all(n in out for n in NODES), out
    first = next(r['id'] for r in json.loads(alice('tsh recordings ls --format=json').stdout) if 'recorded' in r['command'])
    assert 'recorded' in alice(f'tsh play {first}').stdout
    count = "cd /; runuser -u postgres -- psql -XAtqd sallyport -c \"SELECT count(*) FROM sessions WHERE username = 'alice'\""
    wait_for('the sessions in SQL', lambda: int(central.shell(count).stdout) >= 5)


def test_no_server_has_an_open_port(t, central):
    for name in NODES:
        assert listening(t.machines[name]) == set()
    assert {p for _, p in listening(central)} <= {'3080', '3023', '3025', '3026', '3024'}


def test_an_upgrade_brings_the_nodes_back(t, central, alice):
    """To packages of a higher version, from the new proxy, by the same line."""
    new = f'{t.dir}/new'
    higher(t.debs, new)
    shutil.copytree(new, f'{central.root}/root/new')
    central.shell(f'{INSTALL} ' + ' '.join(f'/root/new/{name}.deb' for name in CENTRAL), timeout=600)
    wait_for('the nodes', lambda: joined(central) >= set(NODES))
    for name in NODES:
        shutil.copy(f'{new}/sallyport-noded.deb', f'{t.machines[name].root}/root/')
        t.machines[name].shell(f'{INSTALL} /root/sallyport-noded.deb')
        began = time.monotonic()
        wait_for('the node', lambda: alice(f'tsh ssh root@{name} true', check=False).returncode == 0)
        print(f'\n{name} is back {time.monotonic() - began:.1f} s after its upgrade')
        assert alice(f'tsh ssh root@{name} echo back').stdout == 'back\n'


def test_a_central_machine_that_burnt_down_is_replaced(t, central, alice):
    """By the packages, a backup of authd and a dump of the database; nobody goes to the nodes."""
    recordings = alice('tsh recordings ls --format=json').stdout
    central.run('tctl', 'backup', '/root/authd.backup', '--passphrase', stdin=None, input='a long sentence\na long sentence\n')
    central.shell('cd /tmp; runuser -u postgres -- pg_dumpall --roles-only > /root/roles.sql;'
                  ' runuser -u postgres -- pg_dump -Fc sallyport > /root/trail.dump')
    kept = f'{t.dir}/kept'
    os.mkdir(kept)
    for name in ('authd.backup', 'roles.sql', 'trail.dump'):
        shutil.copy(f'{central.root}/root/{name}', kept)
    users, nodes, cluster = (central.run('tctl', *w.split()).stdout for w in ('users ls', 'nodes ls', 'status'))
    t.lose('central')

    fresh = t.add('central', [HOST])
    install_central(t, fresh)
    for name in os.listdir(kept):
        shutil.copy(f'{kept}/{name}', f'{fresh.root}/root/')
    fresh.shell(f"sed 's/^cluster:.*/cluster: {HOST}/' /etc/sallyport/authd.yaml.sample > /etc/sallyport/authd.yaml")
    fresh.run('/usr/lib/sallyport/authd', '--restore=/root/authd.backup', stdin=None, input='a long sentence\n')
    fresh.shell('cd /tmp; chmod 755 /root; chmod 644 /root/*.dump /root/*.sql;'
                ' runuser -u postgres -- psql -Xqd postgres -f /root/roles.sql;'
                ' runuser -u postgres -- createdb -E UTF8 -T template0 sallyport;'
                ' runuser -u postgres -- pg_restore -d sallyport --exit-on-error /root/trail.dump')
    fresh.run('sallyport-setup', '--yes', f'--cluster-name={HOST}')
    fresh.run('useradd', '-m', '-s', '/bin/bash', 'alice')
    wait_for('the nodes', lambda: joined(fresh) == set(NODES))
    assert fresh.run('tctl', 'users', 'ls').stdout == users
    assert pin(fresh) in cluster and {n for n in NODES if n in nodes} == set(NODES)

    def again(command, check=True, **kw):
        return fresh.run('runuser', '-u', 'alice', '--', 'bash', '-c', f'cd; {command}', env={'HOME': '/home/alice'}, check=check, **kw)
    time.sleep(30 - time.time() % 30)  # the next code
    log_in(fresh, again, *t.alice)
    wait_for('a session', lambda: again('tsh ssh root@node-1 echo again', check=False).stdout == 'again\n')
    assert {r['id'] for r in json.loads(recordings)} <= {r['id'] for r in json.loads(again('tsh recordings ls --format=json').stdout)}


def speaks_to_authd(m):
    """Again: for as long as an attempt to reach the machine that burnt may take, it does not."""
    said = m.run('journalctl', '--no-pager', '-o', 'cat', '-u', 'sallyport-noded').stdout
    return said.rfind('known as authd has it') > said.rfind('authd cannot be reached')


def test_a_node_that_stops_leaves_the_list(t, central, alice):
    wait_for('authd', lambda: speaks_to_authd(t.machines['node-2']))
    t.machines['node-2'].run('systemctl', 'stop', 'sallyport-noded')
    wait_for('the end of the node', lambda: 'node-2' not in alice('tsh ls').stdout, 30)


def test_a_purge_leaves_nothing(t, central):
    for m in t.machines.values():
        ours = m.shell("dpkg-query -W -f '${Package}\\n' 'sallyport*'").stdout.split()
        m.run('dpkg', '--purge', *ours)
        left = m.shell('find / -xdev \\( -path /proc -o -path /sys -o -path /root -o -path /var/lib/postgresql -o -path /var/log '
                       '-o -path /var/lib/apt -o -path /var/cache -o -path /tmp -o -path /home \\) -prune -o -iname "*sallyport*" -print').stdout
        assert left == ''
        assert m.shell('getent passwd | grep sallyport', check=False).stdout == ''
