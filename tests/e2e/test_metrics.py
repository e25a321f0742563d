# SPDX-License-Identifier: Apache-2.0
"""Watching it: /healthz, /readyz and /metrics of every daemon, the document about them, and the alerts of
deploy/prometheus in a real Prometheus."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import paramiko
import pexpect
import pytest

from cluster import Cluster, free_ports, wait_for
from conftest import TOP, end, scratch
from raw_ssh import connected, key_of

sanitized = pytest.mark.sanitized

DAEMONS = {'authd': 'authd', 'auditd': 'auditd', 'proxyd': 'proxyd', 'noded': 'node-1'}
PROMETHEUS = os.path.join(TOP, 'deploy', 'prometheus')
BLIND = 'kind: role\nmetadata: {name: blind}\nspec: {allow: {logins: [nobody], node_labels: {"*": "*"}}}\n'
LINE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')


@pytest.fixture(scope='module')
def watched(build, login):
    """A cluster whose daemons serve metrics, after a login, a failed one, a session, a refused one and a search."""
    c = Cluster(scratch(), build, diag=DAEMONS.values())
    try:
        c.start([('node-1', 'env=x')])
        c.person = c.add_user('alice', roles='editor,access,auditor', logins=login)
        c.login(c.person)
        c.tsh('mallory', 'login', f'--proxy={c.proxy}', '--user=mallory', f'--ca-pin={c.ca_pin()}', check=False,
              input='wrong password\n000000\n')
        assert c.tsh('alice', 'ssh', f'{login}@node-1', 'echo', 'hello').stdout == 'hello\n'
        assert c.tsh('alice', 'ssh', 'nobody-there@node-1', 'true', check=False).returncode != 0
        assert c.tsh('alice', 'ssh', f'{login}@no-such-node', 'true', check=False).returncode != 0
        wait_for('the session in auditd', lambda: 'alice' in c.tctl('recordings', 'ls', check=False).stdout)
        yield c
    finally:
        end(c, 'metrics')


def get(c, daemon, path, **headers):
    """(status, text) of one request."""
    request = urllib.request.Request(f'http://127.0.0.1:{c.diag[DAEMONS[daemon]]}{path}', headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
    except urllib.error.URLError as e:
        return 0, str(e)  # it is not there


def values(c, daemon):
    """{(name, ((label, value), ...)): number}; what was counted is in it, the text is made anew twice a second."""
    time.sleep(0.6)
    status, text = get(c, daemon, '/metrics')
    assert status == 200
    found = {}
    for line in text.splitlines():
        if not line.startswith('#'):
            name, labels, number = LINE.match(line).groups()
            key = (name, tuple(LABEL.findall(labels or '')))
            assert key not in found, f'{daemon} says {key} twice'
            found[key] = float(number)
    return found


def value(c, daemon, name, **labels):
    return values(c, daemon)[name, tuple(labels.items())]


@sanitized
@pytest.mark.parametrize('daemon', DAEMONS)
def test_a_daemon_says_that_it_runs_and_takes_work(watched, daemon):
    assert get(watched, daemon, '/healthz') == (200, 'ok\n')
    assert get(watched, daemon, '/readyz') == (200, 'ready\n')
    assert value(watched, daemon, 'sallyport_ready') == 1
    assert get(watched, daemon, '/')[0] == 404


@pytest.mark.parametrize('daemon', DAEMONS)
def test_promtool_finds_nothing_to_say_about_the_metrics(watched, daemon):
    out = subprocess.run(['promtool', 'check', 'metrics'], input=get(watched, daemon, '/metrics')[1].encode(),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (out.returncode, out.stdout.decode()) == (0, '')


@sanitized
@pytest.mark.parametrize('daemon', DAEMONS)
def test_the_address_is_no_way_in(watched, daemon):
    assert get(watched, daemon, '/metrics', Host='evil.example')[0] == 403
    conn = http.client.HTTPConnection('127.0.0.1', watched.diag[DAEMONS[daemon]], timeout=30)
    for method in ('POST', 'PUT', 'DELETE', 'OPTIONS'):
        conn.request(method, '/metrics', b'x' if method != 'OPTIONS' else None)
        answer = conn.getresponse()
        answer.read()
        assert answer.status in (405, 413, 501), method
        conn.close()
    conn.request('HEAD', '/metrics')
    answer = conn.getresponse()
    assert (answer.status, answer.read()) == (200, b'')
    conn.close()


@sanitized
def test_nothing_of_people_or_hosts_is_in_the_metrics(watched, login):
    secrets = {'alice', 'bob', 'mallory', 'nobody-there', 'node-1', 'no-such-node', watched.person['password'], watched.person['secret']}
    secrets |= set(re.findall(r'[0-9a-f]{8}-[0-9a-f-]{27}', watched.tctl('nodes', 'ls', '--format=json').stdout))
    for daemon in DAEMONS:
        text = get(watched, daemon, '/metrics')[1]
        assert {s for s in secrets if s in text} == set(), daemon


@sanitized
def test_what_happened_is_counted(watched):
    auth, proxy = values(watched, 'authd'), values(watched, 'proxyd')
    node, audit = values(watched, 'noded'), values(watched, 'auditd')

    def one(found, name, **labels):
        return found[name, tuple(labels.items())]
    assert one(auth, 'sallyport_logins_total', result='ok') >= 1
    assert one(auth, 'sallyport_logins_total', result='wrong') >= 1
    assert one(auth, 'sallyport_certificates_issued_total', kind='user') >= 1
    assert one(auth, 'sallyport_certificates_issued_total', kind='host') >= 3
    assert one(auth, 'sallyport_hosts', kind='node', state='online') == 1
    assert one(auth, 'sallyport_watchers') == 3
    assert one(auth, 'sallyport_rpc_seconds_count', method='Login') >= 1
    assert one(auth, 'sallyport_rpc_failed_total', code='UNAUTHENTICATED') >= 1
    assert one(auth, 'sallyport_events_total', type='user.login', outcome='success') >= 1
    assert one(proxy, 'sallyport_tunnels') == 1
    assert one(proxy, 'sallyport_connects_total', result='ok') >= 1
    assert one(proxy, 'sallyport_connects_total', result='refused') >= 1
    assert one(proxy, 'sallyport_authd_connected') == 1
    assert one(node, 'sallyport_tunnel_up') == 1
    assert one(node, 'sallyport_denials_total', cause='rights') >= 1
    assert one(node, 'sallyport_events_total', type='session.start', outcome='success') >= 1
    assert one(node, 'sallyport_rpc_asked_seconds_count', method='Heartbeat') >= 1
    assert one(node, 'sallyport_sessions') == 0
    assert one(audit, 'sallyport_database_up') == 1
    assert one(audit, 'sallyport_ingest_records_total') >= 4
    assert one(audit, 'sallyport_copy_rows_total', table='audit_event') >= 4
    assert one(audit, 'sallyport_copy_rows_total', table='rec_chunk') >= 1
    assert one(audit, 'sallyport_commit_seconds_count') == one(audit, 'sallyport_ingest_transactions_total') >= 1
    assert abs(time.time() - one(audit, 'sallyport_last_commit_timestamp_seconds')) < 3600
    assert one(audit, 'sallyport_rpc_seconds_count', method='ListRecordings') >= 1
    for found, certificates in ((auth, ['tls']), (audit, ['tls']), (proxy, ['tls', 'ssh']), (node, ['tls', 'ssh'])):
        for certificate in certificates:
            end_s = one(found, 'sallyport_certificate_expiry_timestamp_seconds', certificate=certificate)
            assert time.time() + 3600 < end_s < time.time() + 60 * 86400
        for ca in ('host', 'user'):
            assert one(found, 'sallyport_ca_expiry_timestamp_seconds', ca=ca) > time.time() + 300 * 86400
        assert 0 < one(found, 'process_open_fds') < one(found, 'process_max_fds')
        assert one(found, 'process_resident_memory_bytes') > 1 << 20
        assert one(found, 'sallyport_loop_lag_seconds_count') > 0


@sanitized
def test_a_running_session_is_counted(watched, login):
    shell = subprocess.Popen([watched.bin('tsh'), 'ssh', f'{login}@node-1', 'cat'], env={**os.environ, **watched.env('alice')},
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        wait_for('the session in the metrics', lambda: value(watched, 'noded', 'sallyport_sessions') == 1)
        assert value(watched, 'noded', 'sallyport_channels') >= 1
        assert value(watched, 'proxyd', 'sallyport_channels') >= 1
        assert value(watched, 'proxyd', 'sallyport_people') >= 1
    finally:
        shell.stdin.close()
        shell.wait(60)
    wait_for('its end', lambda: value(watched, 'noded', 'sallyport_sessions') == 0)


# --- tctl top -----------------------------------------------------------------------------------------------------------

def shows_all(out):
    assert re.search(r'^Daemon +Up +Ready +CPU +Memory +Descriptors +Lag +Calls/s +Spool\n', out, re.M), out
    for daemon in ('authd', 'auditd', r'proxyd \S+'):
        assert re.search(rf'^{daemon} +\S+ +yes +\d+\.\d % +\d+ MB +\d+ % ', out, re.M), (daemon, out)
    assert re.search(r'^Nodes +1 online, 0 offline; 1 tunnels$', out, re.M), out
    assert re.search(r'^Record +database up; \d+\.\d records a second, ', out, re.M), out
    return True


@sanitized
def test_top_shows_how_the_daemons_do(watched):
    assert shows_all(watched.tctl('top', '--once').stdout)


@sanitized
def test_top_works_from_elsewhere_through_the_proxy(watched):
    assert shows_all(watched.tctl_remote('alice', 'top', '--once').stdout)


def test_top_is_for_those_who_may_read_the_cluster(watched, login):
    watched.write('blind.yaml', BLIND)
    watched.tctl('create', '-f', watched.path('blind.yaml'))
    watched.login(watched.add_user('bob', roles='blind', logins=login))
    out = watched.tctl_remote('bob', 'top', '--once', check=False)
    assert out.returncode == 1 and out.stdout == '' and re.search(r'^ERROR: .*cluster', out.stderr), out
    wait_for('the refusal in the metrics', lambda: value(watched, 'authd', 'sallyport_denials_total', cause='role') >= 1)


def test_top_is_live_on_a_terminal(watched):
    top = pexpect.spawn(watched.bin('tctl'), [f"--auth-socket={watched.path('run/authd.sock')}",
                                              f"--audit-socket={watched.path('run/auditd.sock')}", 'top', '--interval=1'],
                        timeout=60, encoding='utf-8', dimensions=(30, 130))
    for _ in range(2):
        top.expect(r'\x1b\[H\x1b\[2J[0-9T:-]+   every 1 s; q ends')
        top.expect(r'Record +database up')
    top.send('q')
    top.expect(pexpect.EOF)
    top.close()
    assert top.exitstatus == 0


# --- the document -------------------------------------------------------------------------------------------------------

def documented():
    """{(name, daemon): (type, labels, meaning)} of docs/METRICS.md."""
    rows = {}
    with open(os.path.join(TOP, 'docs', 'METRICS.md'), encoding='utf-8') as f:
        for line in f:
            cells = [cell.strip() for cell in line.strip().strip('|').split(' | ')]
            if len(cells) == 5 and re.fullmatch(r'`[a-z_]+`', cells[0]):
                name, kind, labels, daemons, meaning = cells
                for daemon in DAEMONS if daemons == 'all' else daemons.split(', '):
                    rows[name.strip('`'), daemon] = kind, labels.strip('`'), meaning
    return rows


def served(c, daemon):
    """The same of what a daemon serves."""
    rows, helps, labels = {}, {}, {}
    for line in get(c, daemon, '/metrics')[1].splitlines():
        if line.startswith('# HELP '):
            _, _, name, text = line.split(' ', 3)
            helps[name] = text
        elif line.startswith('# TYPE '):
            _, _, name, kind = line.split(' ')
            rows[name] = kind
        else:
            name, found, _ = LINE.match(line).groups()
            name = name if name in rows else re.sub('_(bucket|sum|count)$', '', name)
            labels.setdefault(name, set()).update(key for key, _ in LABEL.findall(found or '') if key != 'le')
    return {(name, daemon): (kind, ', '.join(sorted(labels[name])) if name in labels else None, helps[name])
            for name, kind in rows.items()}


def test_the_document_lists_what_the_daemons_serve(watched):
    document, problems = documented(), []
    told = {key: row for daemon in DAEMONS for key, row in served(watched, daemon).items()}
    for key in sorted(set(document) | set(told)):
        want, have = document.get(key), told.get(key)
        # Without a value its labels are not seen.
        if not want or not have or (want[0], want[2]) != (have[0], have[2]) or have[1] not in (want[1], None):
            problems.append(f'{key}: the document has {want}, the daemon {have}')
    assert problems == []


# --- alerts, dashboard --------------------------------------------------------------------------------------------------

def rule_names(path):
    with open(os.path.join(PROMETHEUS, path), encoding='utf-8') as f:
        return re.findall(r'\bSallyport[A-Z]\w+', f.read())


def test_the_rules_and_the_configuration_are_what_promtool_takes():
    for command in (['check', 'config', 'prometheus.yml'], ['check', 'rules', 'sallyport.rules.yml'],
                    ['test', 'rules', 'sallyport.rules.test.yml']):
        out = subprocess.run(['promtool', *command], cwd=PROMETHEUS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             check=False)
        assert out.returncode == 0, out.stdout.decode()


def test_every_alert_is_tested_and_explained():
    alerts = rule_names('sallyport.rules.yml')
    with open(os.path.join(TOP, 'docs', 'OPERATIONS.md'), encoding='utf-8') as f:
        explained = re.findall(r'^\| `(Sallyport\w+)` \|', f.read(), re.M)
    assert len(alerts) == len(set(alerts)) > 20
    assert set(rule_names('sallyport.rules.test.yml')) == set(alerts)
    assert sorted(explained) == sorted(alerts)


def used_names(text):
    return set(re.findall(r'\b(?:sallyport|process)_[a-z_]+', text))


def test_alerts_and_dashboard_ask_for_metrics_that_there_are():
    names = {name for name, _ in documented()}
    names |= {f'{name}_{part}' for (name, _), row in documented().items() if row[0] == 'histogram'
              for part in ('bucket', 'sum', 'count')}
    with open(os.path.join(PROMETHEUS, 'sallyport.rules.yml'), encoding='utf-8') as f:
        assert used_names(f.read()) - names == set()
    with open(os.path.join(TOP, 'deploy', 'grafana', 'sallyport.json'), encoding='utf-8') as f:
        board = json.load(f)
    asked = [target['expr'] for panel in board['panels'] for target in panel.get('targets', [])]
    assert len(asked) > 10
    assert used_names('\n'.join(asked)) - names == set()
    ids = [panel['id'] for panel in board['panels']]
    assert len(ids) == len(set(ids))


class Prometheus:
    """Debian's, with the rules of deploy/prometheus, only less patient."""

    def __init__(self, c):
        self.c, self.port = c, free_ports(1)[0]
        folder = c.folder('prometheus', None, 0o755)
        with open(os.path.join(PROMETHEUS, 'sallyport.rules.yml'), encoding='utf-8') as f:
            rules = re.sub(r'\bfor: \d+[mh]', 'for: 1s', f.read())
        with open(os.path.join(folder, 'sallyport.rules.yml'), 'w', encoding='utf-8') as f:
            f.write(rules)
        with open(os.path.join(PROMETHEUS, 'prometheus.yml'), encoding='utf-8') as f:
            text = f.read().replace('interval: 15s', 'interval: 1s')
        for daemon, port in (('authd', 3082), ('proxyd', 3081), ('auditd', 3083)):
            assert f'127.0.0.1:{port}' in text
            text = text.replace(f'127.0.0.1:{port}', f'127.0.0.1:{c.diag[daemon]}')
        with open(os.path.join(folder, 'prometheus.yml'), 'w', encoding='utf-8') as f:
            f.write(text)
        self.process = subprocess.Popen(
            ['prometheus', '--config.file=' + os.path.join(folder, 'prometheus.yml'),
             '--storage.tsdb.path=' + os.path.join(folder, 'data'), f'--web.listen-address=127.0.0.1:{self.port}'],
            stdout=subprocess.DEVNULL, stderr=open(c.path('prometheus.log'), 'wb'))

    def ask(self, path):
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{self.port}/api/v1/{path}', timeout=10) as answer:
                return json.load(answer)['data']
        except OSError:
            return None

    def query(self, expr):
        data = self.ask('query?' + urllib.parse.urlencode({'query': expr}))
        return {tuple(sorted(r['metric'].items())): float(r['value'][1]) for r in data['result']} if data else {}

    def firing(self):
        """{(alert, daemon)}"""
        data = self.ask('alerts') or {'alerts': []}
        return {(a['labels']['alertname'], a['labels'].get('daemon')) for a in data['alerts'] if a['state'] == 'firing'}

    def end(self):
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def prometheus(watched):
    p = Prometheus(watched)
    try:
        wait_for('Prometheus', lambda: sum(p.query('up').values()) == 3, 120)
        yield p
    finally:
        p.end()


def make_web_certificate(c, days):
    out = subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days',
                          str(days), '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout',
                          c.path('web.key'), '-out', c.path('web.crt')], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert out.returncode == 0, out.stderr
    for name in ('web.key', 'web.crt'):
        c.give(c.path(name))


def fill_spool(c):
    """Refused ways to nodes are events, and auditd does not take them."""
    with socket.create_connection(('127.0.0.1', c.public_port)) as sock, connected(sock, 'alice', key_of(c, 'alice')) as transport:
        for i in range(900):
            with pytest.raises(paramiko.ChannelException):
                transport.open_channel('direct-tcpip', (f'no-such-node-{i}', 3022), ('127.0.0.1', 1), timeout=60)
            if i % 100 == 99 and value(c, 'proxyd', 'sallyport_spool_full') == 1:
                return


def test_a_real_prometheus_raises_the_alerts(watched, prometheus):
    """A web certificate that ends, a dead auditd, and a proxy whose spool is full meanwhile; none of them before."""
    c = watched
    assert prometheus.firing() == set()
    assert prometheus.query('count(sallyport_build_info)') == {(): 3}

    with open(c.path('proxyd.yaml'), encoding='utf-8') as f:
        conf = f.read()
    make_web_certificate(c, 3)
    c.write('proxyd.yaml', conf + f"tls:\n  certificate: {c.path('web.crt')}\n  key: {c.path('web.key')}\n", 0o644)
    os.kill(c.daemons['proxyd'].pid, signal.SIGHUP)
    wait_for('the alert of the certificate', lambda: ('SallyportWebCertificateExpiring', 'proxyd') in prometheus.firing())
    c.write('proxyd.yaml', conf + 'spool_quota: 64KB\n', 0o644)
    c.daemons['proxyd'].stop()
    c.restart('proxyd')
    wait_for('the certificate of the cluster again', lambda: prometheus.query('up{daemon="proxyd"}') and
             ('SallyportWebCertificateExpiring', 'proxyd') not in prometheus.firing())
    wait_for('the tunnel', lambda: value(c, 'noded', 'sallyport_tunnel_up') == 1)

    c.daemons['auditd'].kill()
    wait_for('the alert of auditd', lambda: ('SallyportAuditdDown', 'auditd') in prometheus.firing())
    fill_spool(c)
    wait_for('the alert of the spool', lambda: ('SallyportSpoolFull', 'proxyd') in prometheus.firing())
    assert value(c, 'proxyd', 'sallyport_spool_upload_failing') == 1
    assert value(c, 'proxyd', 'sallyport_spool_oldest_seconds') > 0

    c.restart('auditd')
    wait_for('everything is well again', lambda: not prometheus.firing() & {
        ('SallyportAuditdDown', 'auditd'), ('SallyportSpoolFull', 'proxyd')}, 120)


@sanitized
def test_a_daemon_says_why_it_takes_no_work(watched):
    """Last: the parts go and come."""
    c = watched
    c.daemons['proxyd'].stop()
    wait_for('the node without a tunnel', lambda: get(c, 'noded', '/readyz') == (503, 'no tunnel to the proxy\n'))
    assert get(c, 'noded', '/healthz') == (200, 'ok\n')
    c.restart('proxyd')
    wait_for('the node with one', lambda: get(c, 'noded', '/readyz') == (200, 'ready\n'))
    c.stop_postgres('immediate')
    wait_for('auditd without a database', lambda: get(c, 'auditd', '/readyz') == (503, 'the database is away\n'))
    assert value(c, 'auditd', 'sallyport_database_up') == 0
    assert 'database DOWN' in c.tctl('top', '--once').stdout
    c.daemons['auditd'].stop()
    out = c.tctl('top', '--once').stdout
    assert re.search(r'^authd .* yes ', out, re.M) and re.search(r'^Record +auditd: cannot reach ', out, re.M)
    c.start_postgres()
    c.restart('auditd')
    wait_for('auditd again', lambda: get(c, 'auditd', '/readyz') == (200, 'ready\n'))


def test_prometheus_is_there():
    """Of the packages of the tests (tools/deps.mk): nothing here is skipped for lack of it."""
    assert shutil.which('prometheus') and shutil.which('promtool')
