# SPDX-License-Identifier: Apache-2.0
"""The getting-started guide, step by step, as a newcomer walks it (docs/GUIDE.md). Names carry the step's number."""
import json
import os
import re
import subprocess
import time

import pexpect
import pytest

from cluster import Failure, totp, wait_for

pytestmark = pytest.mark.sanitized


def test_step_00_find_answers_without_login(cluster):
    status, headers, text = cluster.https('GET', '/v1/webapi/find')
    assert status == 200 and headers['Content-Type'].startswith('application/json')
    found = json.loads(text)
    assert re.fullmatch(r'\d+\.\d+\.\d+', found['server_version'])
    assert re.fullmatch(r'\d+\.\d+\.\d+', found['min_client_version'])
    assert found['cluster_name'] == cluster.name
    assert str(cluster.ssh_port) in found['proxy']['ssh']['ssh_public_addr']


def test_step_00_jq_reads_the_version(cluster):
    out = subprocess.run(f"curl -sk https://{cluster.proxy}/v1/webapi/find | jq -r .server_version", shell=True,
                         stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    assert re.fullmatch(r'\d+\.\d+\.\d+', out)


def test_step_01_tctl_status_on_the_host_and_from_a_workstation(cluster, alice):
    here = cluster.status()
    assert here['Cluster'] == cluster.name
    assert re.fullmatch(r'sha256:[0-9a-f]{64}', here['CA pin'])
    assert 'Host CA' in here and 'User CA' in here and 'Version' in here
    there = cluster.tctl_remote('alice', 'status').stdout
    assert here['CA pin'] in there


def test_a_socket_that_is_named_and_not_there_is_no_other_cluster(cluster, alice):
    out = cluster.tctl_remote('alice', f'--auth-socket={cluster.path("none")}', 'status', check=False)
    assert out.returncode == 1 and out.stdout == '' and out.stderr.startswith('ERROR: cannot reach unix:')


def test_step_03_token_add_prints_the_token_and_nothing_else(cluster):
    out = cluster.tctl('tokens', 'add', '--type=node', '--format=text').stdout
    assert re.fullmatch(r'[0-9a-f]{32}\n', out)
    listed = cluster.tctl('tokens', 'ls').stdout
    assert out[:8] in listed and out.strip() not in listed
    cluster.tctl('tokens', 'rm', out.strip())
    assert out[:8] not in cluster.tctl('tokens', 'ls').stdout


def test_step_03_without_format_a_ready_made_line_with_the_pin(cluster):
    out = cluster.tctl('tokens', 'add', '--type=node').stdout
    assert 'noded configure' in out and cluster.ca_pin() in out and cluster.proxy in out
    # This proxy has no packages that a script could install; test_install.py has the line.
    assert 'Install the package sallyport-noded' in out and 'install.sh' not in out


def test_step_04_configure_writes_a_complete_private_file(cluster, tmp_path):
    token = tmp_path / 'token.file'
    token.write_text(cluster.token('node') + '\n')
    token.chmod(0o600)
    config = tmp_path / 'noded.yaml'
    cluster.run(cluster.bin('noded'), 'configure', f'--output=file://{config}', f'--token={token}',
                f'--proxy={cluster.proxy}', f'--ca-pin={cluster.ca_pin()}', '--labels=env=example,team=x')
    text = config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
    assert str(token) in text and token.read_text().strip() not in text
    assert 'env=example' in text and '#' in text
    assert cluster.run(cluster.bin('noded'), f'--config={config}', '--check').returncode == 0
    again = cluster.run(cluster.bin('noded'), 'configure', f'--output=file://{config}', f'--token={token}',
                        f'--proxy={cluster.proxy}', check=False)
    assert again.returncode == 1 and 'ERROR: ' in again.stderr


def test_step_04_without_a_pin_the_systems_roots_must_vouch(cluster, alice, tmp_path):
    """The pin is then looked up and written down; a proxy that the system does not trust needs --ca-pin."""
    def configure(env):
        return cluster.run(cluster.bin('noded'), 'configure', f'--output=file://{tmp_path}/noded.yaml', '--force',
                           f'--token={token}', f'--proxy={cluster.proxy}', check=False, env=env)
    token = tmp_path / 'token'
    token.write_text('0' * 32 + '\n')
    token.chmod(0o600)
    refused = configure({})
    assert refused.returncode == 1 and 'ERROR: ' in refused.stderr and '--ca-pin' in refused.stderr
    ca = os.path.join(cluster.keys('alice'), 'ca.pem')
    assert configure({'SSL_CERT_FILE': ca}).returncode == 0
    assert cluster.ca_pin() in (tmp_path / 'noded.yaml').read_text()


def test_step_06_invite_page_needs_no_script(cluster, login):
    out = cluster.tctl('users', 'add', 'bob', '--roles=access', f'--logins={login}').stdout
    link = re.search(r'https://\S+(/web/invite/[0-9a-f]{32})', out)
    status, headers, page = cluster.https('GET', link[1])
    # Script adds a choice of second factors; here nothing runs any.
    assert status == 200 and '<form' in page and re.findall('<script[^>]*>', page) == ['<script type="module" src="/web/invite.mjs">']
    assert "default-src 'none'" in headers['Content-Security-Policy']
    wrong = 'password=short&password2=short&otp=000000'
    status, _, page = cluster.https('POST', link[1], wrong, {'Content-Type': 'application/x-www-form-urlencoded',
                                                             'Origin': f'https://{cluster.proxy}'})
    assert status in (400, 422, 200) and '<form' in page
    cluster.accept_invite(link[0], 'correct horse battery')
    status, _, _ = cluster.https('GET', link[1])
    assert status in (404, 410)
    assert 'bob' in cluster.tctl('users', 'ls').stdout
    cluster.tctl('users', 'rm', 'bob')


def test_step_07_login_prints_the_block(cluster, alice, login):
    out = cluster.tsh('alice', 'status').stdout
    for want in (rf'^> Profile URL:        https://{cluster.proxy}$', r'^  Logged in as:       alice$',
                 rf'^  Cluster:            {cluster.name}$', r'^  Roles:              access, auditor, editor$',
                 rf'^  Logins:             .*\b{login}\b', r'^  Kubernetes:         disabled$',
                 r'^  Valid until:        \d{4}-\d\d-\d\d \d\d:\d\d:\d\d .*\[valid for 1[12]h\d+m\d+s\]$',
                 r'^  Extensions:         permit-pty$'):
        assert re.search(want, out, re.M), (want, out)


def test_step_07_wrong_password_and_used_code_are_refused(cluster, alice, login):
    carol = cluster.add_user('carol', roles='access', logins=login)
    bad = dict(carol, password='not the password')
    out = cluster.login(bad, check=False)
    assert out.returncode == 1 and out.stderr.count('\n') <= 2 and 'ERROR: ' in out.stderr
    cluster.login(carol)
    used = cluster.tsh('carol', 'login', '--force', f'--proxy={cluster.proxy}', '--user=carol', check=False,
                       input=f"{carol['password']}\n{totp(carol['secret'], carol['last_step'] * 30)}\n")
    assert used.returncode == 1 and 'ERROR: ' in used.stderr
    cluster.tctl('users', 'rm', 'carol')


def test_step_08_ls_shows_tunnels(cluster, alice):
    lines = cluster.tsh('alice', 'ls').stdout.splitlines()
    assert re.match(r'Node Name\s+Address\s+Labels$', lines[0])
    row = next(line for line in lines if line.startswith('node-1'))
    assert '⟵ Tunnel' in row and 'env=example' in row
    nodes = json.loads(cluster.tsh('alice', 'ls', '--format=json').stdout)
    assert {n['spec']['hostname'] for n in nodes} >= {'node-1', 'node-2', 'node-3'}
    assert cluster.tsh('alice', 'ls', '--format=names').stdout.split() == sorted(n['spec']['hostname'] for n in nodes)


def test_step_09_shell_with_size_signals_and_status(cluster, alice, login):
    child = pexpect.spawn(cluster.bin('tsh'), ['ssh', f'{login}@node-1'], env={**os.environ, **cluster.env('alice')},
                          dimensions=(37, 101), timeout=20, encoding='utf-8')
    child.sendline('PS1=; stty size; echo login=$(id -un) tty=$(tty)')
    child.expect(r'37 101')
    child.expect(rf'login={login} tty=/dev/pts/\d+')
    child.setwinsize(50, 133)
    wait_for('the new size', lambda: size_seen(child))
    child.sendline('sleep 600')
    time.sleep(0.3)
    child.sendcontrol('c')
    child.sendline('echo int=$?')
    child.expect('int=130')
    child.sendline('exit 7')
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 7


def size_seen(child):
    child.sendline('stty size')
    return child.expect([r'50 133', pexpect.TIMEOUT], timeout=1) == 0


def test_step_09_by_uuid_and_exit_statuses(cluster, alice, login):
    node = next(n for n in json.loads(cluster.tsh('alice', 'ls', '--format=json').stdout)
                if n['spec']['hostname'] == 'node-2')
    assert cluster.tsh('alice', 'ssh', f"{login}@{node['metadata']['name']}", 'echo', 'here').stdout == 'here\n'
    for status in (0, 1, 77, 255):
        out = cluster.tsh('alice', 'ssh', f'{login}@node-1', f'exit {status}', check=False)
        assert out.returncode == status
    out = cluster.tsh('alice', 'ssh', f'{login}@node-1', 'kill -TERM $$', check=False)
    assert out.returncode == 128 + 15
    out = cluster.tsh('alice', 'ssh', f'{login}@no-such-node', 'true', check=False)
    assert out.returncode == 1 and re.match(r'ERROR: .*no-such-node', out.stderr)


def test_step_10_config_works_with_stock_ssh(cluster, alice, login, tmp_path):
    config = tmp_path / 'ssh_config'
    config.write_text(cluster.tsh('alice', 'config').stdout)
    assert 'ProxyCommand' not in config.read_text()
    out = cluster.run('ssh', '-F', str(config), f'{login}@node-1.{cluster.name}', 'echo', 'stock', 'ssh')
    assert out.stdout == 'stock ssh\n' and out.stderr == ''


def test_step_11_nodes_ls(cluster, alice):
    lines = cluster.tctl('nodes', 'ls').stdout.splitlines()
    assert re.match(r'Nodename\s+UUID\s+Address\s+Labels$', lines[0])
    assert any(re.match(r'node-3\s+[0-9a-f-]{36}\s+⟵ Tunnel\s+.*env=prod', line) for line in lines)


def test_step_12_by_label(cluster, alice):
    assert cluster.tsh('alice', 'ls', '--format=names', 'env=example').stdout.split() == ['node-1', 'node-2']
    assert cluster.tsh('alice', 'ls', '--format=names', 'env=example,team=x').stdout.split() == ['node-1']
    cluster.tctl('nodes', 'label', 'node-3', 'ring=two')
    wait_for('the label', lambda: cluster.tsh('alice', 'ls', '--format=names', 'ring=two').stdout.split() == ['node-3'])


def test_step_13_one_command_everywhere(cluster, alice, login):
    out = cluster.tsh('alice', 'ssh', f'{login}@env=example', 'echo out; echo err >&2')
    assert '[node-1] out' in out.stdout and '[node-2] out' in out.stdout and '[node-3]' not in out.stdout
    assert '[node-1] err' in out.stderr
    assert '[node-1] success' in out.stdout and re.search(r'2 host\(s\) succeeded; 0 host\(s\) failed', out.stdout)
    bad = cluster.tsh('alice', 'ssh', f'{login}@env=*', 'test "$(hostname)" = nowhere && exit 0; exit 3', check=False)
    assert bad.returncode == 1 and bad.stdout.count('failed with exit code 3') == 3


def test_step_14_the_session_can_be_replayed_and_found_with_sql(cluster, alice, login):
    before = {r['id'] for r in json.loads(cluster.tsh('alice', 'recordings', 'ls', '--format=json').stdout)}
    child = pexpect.spawn(cluster.bin('tsh'), ['ssh', f'{login}@node-1'], env={**os.environ, **cluster.env('alice')},
                          dimensions=(24, 80), timeout=20, encoding='utf-8')
    child.sendline('echo seen-$((20+22))-by-the-recorder; exit')
    child.expect('seen-42-by-the-recorder')
    child.expect(pexpect.EOF)
    child.close()

    def listed():
        rows = json.loads(cluster.tsh('alice', 'recordings', 'ls', '--format=json').stdout)
        return next((r for r in rows if r['id'] not in before and r['interactive'] and r['ended']), None)
    row = wait_for('the recording', listed)
    assert row['user'] == 'alice' and row['login'] == login
    assert 'seen-42-by-the-recorder' in cluster.tsh('alice', 'play', '--format=text', row['id']).stdout
    assert 'seen-42-by-the-recorder' in cluster.tsh('alice', 'play', '--speed=8x', row['id']).stdout
    cast = cluster.tsh('alice', 'play', '--format=asciicast', row['id']).stdout.splitlines()
    assert json.loads(cast[0])['version'] == 2 and json.loads(cast[0])['width'] == 80
    found = cluster.sql(f"SELECT username, login, node FROM sessions WHERE id = '{row['id']}'")
    assert found == [['alice', login, 'node-1']]
    shown = cluster.sql(f"SELECT output FROM session_text WHERE id = '{row['id']}'")
    assert any('seen-42-by-the-recorder' in line for part in shown for line in part)
    # Looking at a recording is an event.
    wait_for('the event of playing', lambda: cluster.sql(
        f"SELECT username, fields->>'owner' FROM events WHERE type = 'session.recording.access'"
        f" AND session = '{row['id']}'")[:1] == [['alice', 'alice']])


def test_step_15_no_open_port_on_the_node(cluster, alice, login):
    for name in cluster.nodes:
        pids = family(cluster.daemons[name].pid)
        out = subprocess.run(['ss', '-Hltnp'], stdout=subprocess.PIPE, text=True, check=True).stdout
        assert not any(f'pid={p},' in out for p in pids), out
    assert cluster.tsh('alice', 'ssh', f'{login}@node-1', 'true').returncode == 0


def family(pid):
    """A process and all its descendants."""
    pids = [pid]
    kids = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(pid)], stdout=subprocess.PIPE, text=True).stdout
    for kid in kids.split():
        pids += family(int(kid))
    return pids


def test_step_16_a_stopped_node_leaves_the_list_at_once(cluster, alice):
    cluster.start_node('node-gone', 'env=gone')
    assert 'node-gone' in cluster.node_names()
    began = time.monotonic()
    cluster.daemons['node-gone'].stop()
    try:
        wait_for('the node to leave the list', lambda: 'node-gone' not in cluster.node_names(), 30)
    except Failure:
        pytest.fail(f'still listed after {time.monotonic() - began:.0f} s')
    cluster.nodes.remove('node-gone')
