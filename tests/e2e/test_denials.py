# SPDX-License-Identifier: Apache-2.0
"""What must not work: each refusal has a clear text, an audit event, and touches nobody else."""
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import time

import paramiko
import pytest

from cluster import wait_for
from raw_ssh import connected, key_from

pytestmark = pytest.mark.sanitized


def events(cluster, since, **want):
    rows = json.loads(cluster.tctl('audit', 'ls', '--failed', '--limit=200', '--format=json').stdout)
    return [r for r in rows if r['time'] >= since and all(r.get(k) == v for k, v in want.items())]


def now():
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())


@pytest.fixture(scope='module')
def config(cluster, alice):
    return cluster.write('denials-ssh-config', cluster.tsh('alice', 'config').stdout)


@pytest.fixture
def key(tmp_path):
    path = tmp_path / 'key'
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(path)], check=True)
    return path


@pytest.fixture(scope='module')
def ca(tmp_path_factory):
    path = tmp_path_factory.mktemp('ca') / 'ca'
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(path)], check=True)
    return path


def sign(ca, key, *args):
    subprocess.run(['ssh-keygen', '-q', '-s', str(ca), '-I', 'alice', *args, f'{key}.pub'], check=True)
    return f'{key}-cert.pub'


def test_wrong_login(cluster, alice):
    since = now()
    out = cluster.tsh('alice', 'ssh', 'nobody@node-1', 'true', check=False)
    assert out.returncode == 1 and out.stderr.startswith('ERROR: ') and out.stderr.count('\n') == 1
    found = wait_for('the event', lambda: [e for e in events(cluster, since) if e['login'] == 'nobody'])
    assert found[0]['user'] == 'alice' and found[0]['server_hostname'] == 'node-1' and found[0]['message']


def test_label_not_allowed(cluster, alice, login, tmp_path):
    role = {'kind': 'role', 'version': 'v1', 'metadata': {'name': 'example-only'},
            'spec': {'allow': {'logins': ['{{internal.logins}}'], 'node_labels': {'env': 'example'}}}}
    path = tmp_path / 'role.yaml'
    path.write_text(json.dumps(role))
    cluster.tctl('create', '-f', str(path))
    dave = cluster.add_user('dave', roles='example-only', logins=login)
    cluster.login(dave)
    assert cluster.tsh('dave', 'ls', '--format=names').stdout.split() == ['node-1', 'node-2']
    assert cluster.tsh('dave', 'ssh', f'{login}@node-1', 'echo', 'in').stdout == 'in\n'
    out = cluster.tsh('dave', 'ssh', f'{login}@node-3', 'true', check=False)
    assert out.returncode == 1 and 'node-3' in out.stderr
    cluster.tctl('users', 'rm', 'dave')
    cluster.tctl('rm', 'role/example-only')


def profile_key(cluster, user):
    keys = cluster.keys(user)
    return os.path.join(keys, 'key'), os.path.join(keys, 'key-cert.pub')


def inner(cluster, config, login, key, cert):
    """ssh through the proxy with alice's certificate, but another certificate for the node itself."""
    jump = f'ssh -F {config} -W %h:%p localhost'
    return cluster.run('ssh', '-v', '-F', '/dev/null', '-o', f'ProxyCommand={jump}', '-o', 'StrictHostKeyChecking=no', '-o',
                       'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-i', str(key),
                       '-o', f'CertificateFile={cert}', '-p', '3022', f'{login}@node-1', 'true', check=False)


def offer(cluster, config, key, cert, user, target=None):
    """Shows a certificate that stock ssh would not (it keeps host certificates to itself) to a node, through the
    proxy, or to the proxy itself. True when it was let in."""
    jump = f'ssh -F {config} -W {target}:3022 localhost' if target else None
    sock = paramiko.ProxyCommand(jump) if jump else socket.create_connection(('127.0.0.1', cluster.ssh_port))
    try:
        with connected(sock, user, key_from(key, cert)) as transport:
            return transport.is_authenticated()
    except paramiko.SSHException:
        return False


def test_the_offer_of_these_tests_works(cluster, alice, login, config):
    """Else the refusals below would prove nothing."""
    assert offer(cluster, config, *profile_key(cluster, 'alice'), login, 'node-1')
    assert offer(cluster, config, *profile_key(cluster, 'alice'), 'alice')


def test_a_host_certificate_of_another_ca_is_no_user(cluster, alice, login, config, key, ca):
    since = now()
    cert = sign(ca, key, '-h', '-n', login, '-V', '+1h')
    assert not offer(cluster, config, key, cert, login, 'node-1')
    assert wait_for('the event', lambda: events(cluster, since, event='auth'))
    assert not offer(cluster, config, key, cert, 'alice')


@pytest.mark.parametrize('case', ['other-ca', 'plain-key', 'no-principals'])
def test_certificates_that_are_not_ours(cluster, alice, login, config, key, ca, case):
    since = now()
    cert = {'other-ca': lambda: sign(ca, key, '-n', login, '-V', '+1h'),
            'plain-key': lambda: f'{key}.pub',
            'no-principals': lambda: sign(ca, key, '-V', '+1h')}[case]()
    out = inner(cluster, config, login, key, cert)
    assert out.returncode == 255 and 'Permission denied' in out.stderr
    if case != 'plain-key':
        wait_for('the event', lambda: events(cluster, since, event='auth'))
    assert cluster.tsh('alice', 'ssh', f'{login}@node-1', 'true').returncode == 0


def test_a_nodes_own_host_certificate_is_no_user(cluster, alice, login, config, tmp_path):
    """Signed by our host CA: still not a person, neither at the proxy nor at a node."""
    state = cluster.path('node-2')
    files = {f: os.path.join(d, f) for d, _, names in os.walk(state) for f in names}
    host_key = tmp_path / 'host_key'
    shutil.copy(files['ssh_host_key'], host_key)
    host_key.chmod(0o600)
    for name in ('ssh_host_cert', 'tunnel_cert'):
        blob = open(files[name], 'rb').read()
        cert = tmp_path / f'{name}.pub'
        cert.write_bytes(blob if blob.startswith(b'ssh-') else
                         b'ssh-ed25519-cert-v01@openssh.com ' + base64.b64encode(blob) + b' x\n')
        since = now()
        assert not offer(cluster, config, host_key, cert, login, 'node-1')
        assert wait_for('the event', lambda: events(cluster, since, event='auth'))
        assert not offer(cluster, config, host_key, cert, 'alice')


def test_expired_certificate(cluster, alice, login):
    erin = cluster.add_user('erin', roles='access', logins=login)
    cluster.login(erin, True, '--ttl=5s')
    cfg = cluster.ssh_config('erin')
    assert cluster.tsh('erin', 'ssh', f'{login}@node-1', 'true', check=False).returncode in (0, 1)
    time.sleep(6)
    out = cluster.tsh('erin', 'ssh', f'{login}@node-1', 'true', check=False)
    assert out.returncode == 1 and 'expired' in out.stderr
    out = cluster.run('ssh', '-F', cfg, '-o', 'BatchMode=yes', f'{login}@node-1.{cluster.name}', 'true', check=False)
    assert out.returncode == 255
    cluster.tctl('users', 'rm', 'erin')


def test_removed_user_is_out_at_once(cluster, alice, login):
    frank = cluster.add_user('frank', roles='access', logins=login)
    cluster.login(frank)
    running = subprocess.Popen([cluster.bin('tsh'), 'ssh', f'{login}@node-1', 'sleep 300'], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **cluster.env('frank')})
    time.sleep(1)
    assert running.poll() is None
    cluster.tctl('users', 'rm', 'frank')
    wait_for('the end of the session', lambda: running.poll() is not None)
    out = cluster.tsh('frank', 'ssh', f'{login}@node-1', 'true', check=False)
    assert out.returncode == 1 and out.stderr.startswith('ERROR: ')
    assert cluster.tsh('frank', 'ls', check=False).returncode == 1
    assert cluster.tsh('alice', 'ssh', f'{login}@node-1', 'true').returncode == 0


def test_a_withdrawn_certificate_makes_tsh_login_ask_again(cluster, login):
    gina = cluster.add_user('gina', roles='access', logins=login)
    cluster.login(gina)
    again = cluster.tsh('gina', 'login', input='')
    assert 'Logged in as:       gina' in again.stdout  # nothing was asked
    cluster.tctl('users', 'update', 'gina', f'--set-logins={login},other')
    out = cluster.tsh('gina', 'ls', check=False)
    assert out.returncode == 1 and 'run tsh login' in out.stderr
    out = cluster.tsh('gina', 'login', check=False, input='wrong\n000000\n')
    assert out.returncode == 1 and out.stdout == ''
    assert 'other' in cluster.login(gina).stdout
    assert cluster.tsh('gina', 'ls').returncode == 0
    cluster.tctl('users', 'rm', 'gina')


def try_join(cluster, name, token, pin, seconds=8):
    """Starts a node that should be refused; what it says."""
    token_file = cluster.write(f'{name}.token', token + '\n')
    config = cluster.path(f'{name}.yaml')
    cluster.run(cluster.bin('noded'), 'configure', f'--output=file://{config}', f'--token={token_file}',
                f'--proxy={cluster.proxy}', f'--ca-pin={pin}')
    with open(config, 'a') as f:
        f.write(f'name: {name}\nstate: {cluster.folder(name, None, 0o711)}\n{cluster.user_line()}')
    d = cluster.daemon(name, 'noded', f'--config={config}')
    try:
        wait_for('the refusal', lambda: not d.alive(), seconds)
    finally:
        d.kill()
        del cluster.daemons[name]
    assert name not in cluster.node_names()
    return d.text()


def test_join_with_a_used_token(cluster, alice):
    since = now()
    text = try_join(cluster, 'bad-used', open(cluster.path('node-1.token')).read().strip(), cluster.ca_pin())
    assert 'token' in text
    assert wait_for('the event', lambda: [e for e in events(cluster, since) if 'join' in e['event']])


def test_join_with_an_expired_token(cluster, alice):
    token = cluster.token('node', '--ttl=1s')
    time.sleep(2)
    assert 'expired' in try_join(cluster, 'bad-expired', token, cluster.ca_pin())


def test_join_with_a_wrong_token(cluster, alice):
    assert 'token' in try_join(cluster, 'bad-wrong', '0' * 32, cluster.ca_pin())


def test_join_with_a_wrong_pin(cluster, alice):
    text = try_join(cluster, 'bad-pin', cluster.token('node'), 'sha256:' + '0' * 64)
    assert 'pin' in text.lower()


# --- files of resources ---------------------------------------------------------------------------------


def edit(cluster, script, name='role/edited'):
    """tctl edit with a shell script for an editor; the file is its last argument."""
    env = {**os.environ, 'EDITOR': f"sh -c '{script}' sh", 'VISUAL': ''}
    return cluster.tctl('edit', name, check=False, env=env)


def test_edit_changes_what_was_shown_and_nothing_else(cluster, tmp_path):
    path = tmp_path / 'role.yaml'
    path.write_text('kind: role\nmetadata: {name: edited}\nspec: {allow: {logins: [one]}}\n')
    cluster.tctl('create', str(path))
    out = edit(cluster, 'sed -i s/one/two/ $1')
    assert out.returncode == 0 and "role 'edited' has been changed" in out.stdout
    assert 'two' in cluster.tctl('get', 'role/edited').stdout
    assert 'has not been changed' in edit(cluster, 'true').stdout
    assert edit(cluster, 'false').returncode == 1
    # Somebody else is faster while the editor is open.
    tctl = ' '.join([cluster.bin('tctl'), f"--auth-socket={cluster.path('run/authd.sock')}", 'create', '-f', str(path)])
    out = edit(cluster, f'sed -i s/two/three/ $1; {tctl}')
    assert out.returncode == 1 and 'somebody else' in out.stderr
    assert '- one' in cluster.tctl('get', 'role/edited').stdout
    assert edit(cluster, 'true', 'role/none').returncode == 1
    cluster.tctl('rm', 'role/edited')


def test_edit_loses_no_text_and_renames_nothing(cluster, tmp_path):
    path = tmp_path / 'role.yaml'
    path.write_text('kind: role\nmetadata: {name: edited}\nspec: {allow: {logins: [one]}}\n')
    cluster.tctl('create', str(path))
    for script, why in [('sed -i s/one/mine/\\;s/allow/alow/ $1', 'unknown key alow'),
                        ('sed -i s/one/mine/\\;s/edited/other/ $1', 'the name of the role is another one'),
                        ('echo --- >> $1; echo kind: mine >> $1', 'leave one resource in it'),
                        ('echo \\#mine > $1', 'there is no resource in it')]:
        out = edit(cluster, script)
        assert out.returncode == 1 and why in out.stderr, out.stderr
        kept = re.search(r'^What you wrote is still in (\S+)\.$', out.stderr, re.M).group(1)
        with open(kept) as f:
            assert 'mine' in f.read()
        os.unlink(kept)
    assert cluster.tctl('get', 'role/other', check=False).returncode == 1
    assert '- one' in cluster.tctl('get', 'role/edited').stdout
    cluster.tctl('rm', 'role/edited')


def test_what_says_nothing_is_not_taken_for_done(cluster, alice, tmp_path):
    path = tmp_path / 'empty.yaml'
    for text in ('', '# nothing\n'):
        path.write_text(text)
        out = cluster.tctl('create', str(path), check=False)
        assert out.returncode == 1 and out.stderr == f'ERROR: {path}: there is no resource in it\n'
    out = cluster.tctl('create', '-', check=False, input='hello\n')
    assert out.stderr == 'ERROR: standard input: a resource must be a mapping\n'
    out = cluster.tctl('users', 'update', 'alice', check=False)
    assert out.returncode == 1 and '--set-roles' in out.stderr


def test_a_wrong_key_of_a_file_is_named_with_its_line(cluster, tmp_path):
    path = tmp_path / 'role.yaml'
    path.write_text('kind: role\nmetadata:\n  name: x\nspec:\n  allow:\n    logns: [root]\n')
    out = cluster.tctl('create', str(path), check=False)
    assert out.returncode == 1 and out.stderr == f'ERROR: {path}:6: allow: unknown key logns\n'
    path.write_text('kind: rolle\n')
    assert f'{path}:1: kind must be role' in cluster.tctl('create', str(path), check=False).stderr
    # What authd refuses has its line, too.
    path.write_text('kind: role\nmetadata:\n  name: x\nspec:\n  allow:\n    logins: [root]\n    node_labels:\n      env:\n      - dev\n      - ^prod$\n')
    out = cluster.tctl('create', str(path), check=False)
    assert out.returncode == 1 and out.stderr.startswith(f'ERROR: {path}:10: allow.node_labels[0].values[1]: the label value ^prod$')
    path.write_text('kind: lock\nspec:\n  user: x\n  expires: 2001-01-01\n')
    assert f'{path}:4: expires: the lock would be over' in cluster.tctl('create', str(path), check=False).stderr
    out = cluster.tctl('get', 'users', check=False)
    assert out.returncode == 1 and 'roles, role/NAME' in out.stderr
