# SPDX-License-Identifier: Apache-2.0
"""The packages that a proxy hands out and the script that installs them: what is served, what is not, and what the script makes
of a proxy that lies. Real proxyd, curl and bash; tiny packages, which are fetched and never installed here (tests/deploy does)."""
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from cluster import Cluster, wait_for
from conftest import TOP, keep_logs, scratch

BIG = 12 * 1024 * 1024
WEB_CONNECTIONS = 400  # of one address 50; half may be downloads, of one address 25


def os_release(name):
    with open('/etc/os-release') as f:
        return re.search(rf'^{name}="?([^"\n]*)', f.read(), re.M).group(1)


RELEASE = os_release('VERSION_CODENAME')
ARCH = subprocess.run(['dpkg', '--print-architecture'], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
SYSTEM = f'{RELEASE}-{ARCH}'
needs_root = pytest.mark.skipif(os.getuid() != 0, reason='needs root')


def make_deb(folder, package, size=0):
    """A package of nothing but a file, as large as asked."""
    tree = os.path.join(folder, 'tree')
    os.makedirs(f'{tree}/DEBIAN')
    os.makedirs(f'{tree}/usr/share/{package}')
    with open(f'{tree}/DEBIAN/control', 'w') as f:
        f.write(f'Package: {package}\nVersion: 1.0~test+deb12\nArchitecture: {ARCH}\nMaintainer: Nobody <nobody@example.com>\n'
                'Description: made by a test\n')
    with open(f'{tree}/usr/share/{package}/file', 'wb') as f:
        f.write(os.urandom(size))
    subprocess.run(['dpkg-deb', '-b', '--root-owner-group', '-Znone', tree, folder], stdout=subprocess.DEVNULL, check=True)
    shutil.rmtree(tree)


def make_index(folder, release=RELEASE):
    subprocess.run([f'{TOP}/tools/packages-index', release, ARCH, folder], check=True)


def make_certificate(chain, key):
    """One that nobody knows, for localhost."""
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
                    '-out', chain, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], check=True,
                   stderr=subprocess.DEVNULL)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope='module')
def depot(build):
    """authd and proxyd, with packages for the system that this runs on, and beside them what must not get out."""
    c = Cluster(scratch(), build)
    try:
        c.packages = c.folder('packages', None)
        os.chmod(c.packages, 0o755)
        make_deb(c.packages, 'sallyport-noded')
        make_deb(c.packages, 'sallyport-clients', BIG)
        make_index(c.packages)
        c.write('packages/notes.deb', 'in no index', 0o644)
        c.write('secret.deb', 'outside', 0o644)
        c.start_authd()
        c.start_proxyd(f'packages: {c.packages}\nlimits:\n  web_connections: {WEB_CONNECTIONS}\n')
        c.write('ca.pem', c.https('GET', '/v1/webapi/ca.pem')[2], 0o644)
        yield c
    finally:
        keep_logs(c, 'install')
        c.remove()


def connect(c):
    context = ssl.create_default_context(cafile=c.path('ca.pem'))
    return http.client.HTTPSConnection('localhost', c.public_port, timeout=60, context=context)


def get(c, path, method='GET', headers=None):
    """Over one connection as long as it lasts: one address has only so many handshakes."""
    kept = c.__dict__.setdefault('kept', connect(c))
    try:
        kept.putrequest(method, path, skip_accept_encoding=True)
        for key, value in (headers or {}).items():
            kept.putheader(key, value)
        kept.endheaders()
        answer = kept.getresponse()
    except (ConnectionError, http.client.RemoteDisconnected, ssl.SSLError):
        if c.__dict__.get('again'):
            raise
        kept.close()
        c.kept, c.again = connect(c), True
        try:
            return get(c, path, method, headers)
        finally:
            c.again = False
    return answer.status, answer.headers, answer.read()


def files(c):
    return {name: open(f'{c.packages}/{name}', 'rb').read() for name in os.listdir(c.packages) if name != 'notes.deb'}


def reload(c, said='packages read'):
    lines = c.daemons['proxyd'].text().count(said)
    os.kill(c.daemons['proxyd'].pid, signal.SIGHUP)
    wait_for(said, lambda: c.daemons['proxyd'].text().count(said) > lines, 60)


# --- what is served ----------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_packages_and_their_index_are_served_whole(depot):
    assert len(files(depot)) == 3
    for name, data in files(depot).items():
        status, headers, body = get(depot, f'/packages/{name}')
        assert status == 200 and body == data
        assert headers['Content-Length'] == str(len(data)) and headers['Content-Type'] == 'application/octet-stream'
        assert headers['ETag'] == f'"{sha256(data)}"'
        status, head, body = get(depot, f'/packages/{name}', 'HEAD')
        assert (status, body, head['Content-Length'], head['ETag']) == (200, b'', str(len(data)), headers['ETag'])
        status, again, body = get(depot, f'/packages/{name}', headers={'If-None-Match': f'"x", {headers["ETag"]}'})
        assert (status, body, again['ETag']) == (304, b'', headers['ETag'])
        assert get(depot, f'/packages/{name}', headers={'If-None-Match': '"x"'})[0] == 200


@pytest.mark.sanitized
def test_several_answers_come_over_one_connection(depot):
    """A long one, one without a body, one of a page: each ends where it says."""
    names = files(depot)
    conn = connect(depot)
    for method, path, expected in [('GET', f'/packages/{name}', data) for name, data in names.items()] * 2 + [
            ('HEAD', f'/packages/{SYSTEM}.index', b''), ('GET', f'/packages/{SYSTEM}.index', names[f'{SYSTEM}.index'])]:
        conn.request(method, path)
        assert conn.getresponse().read() == expected
    conn.close()


ESCAPES = ['/packages', '/packages/', '/packages/.', '/packages/..', '/packages/../secret.deb', '/packages/%2e%2e/secret.deb',
           '/packages/..%2fsecret.deb', '/packages/%2e%2e%2fsecret.deb', '/packages/..%5csecret.deb', '/packages/./notes.deb',
           '/packages/notes.deb', '/packages//notes.deb', '/packages/%2fetc%2fpasswd', '/packages//etc/passwd',
           '/packages/%252e%252e%252fsecret.deb', f'/packages/{SYSTEM}.index%00', f'/packages/%00{SYSTEM}.index',
           f'/packages/{SYSTEM}.index/', f'/packages/{SYSTEM}.index/../notes.deb', f'/packages/{SYSTEM}.INDEX',
           '/packages/%c0%ae%c0%ae%c0%afsecret.deb', '/packages/' + 'a' * 1500, '/packages/' + '%2e%2e%2f' * 40 + 'etc%2fpasswd',
           '/scripts', '/scripts/', '/scripts/../packages/notes.deb', '/scripts/install.sh%00', '/scripts/install.sh/..']


@pytest.mark.sanitized
@pytest.mark.parametrize('path', ESCAPES)
def test_the_folder_cannot_be_listed_or_left(depot, path):
    for method in ('GET', 'HEAD'):
        status, _, body = get(depot, path, method)
        assert status in (400, 404) and b'outside' not in body and b'root:' not in body and b'in no index' not in body
    assert get(depot, f'/packages/{SYSTEM}.index')[0] == 200


@pytest.mark.sanitized
@pytest.mark.parametrize('line', [
    'sallyport-noded 1 7 {sum} ../secret.deb', 'sallyport-noded 1 7 {sum} /{outside}', 'sallyport-noded 1 7 {sum} link.deb',
    'sallyport-noded 1 7 {sum} .hidden.deb', 'sallyport-noded 1 7 {sum} fifo.deb', 'sallyport-noded 1 7 {sum} notes.txt',
    'sallyport-noded 1 7 {sum} absent.deb', 'sallyport-noded 1 7 {sum} folder.deb', 'sallyport-noded 1 8 {sum} hers.deb',
    'sallyport-noded 1 7 {other} hers.deb', 'sallyport-noded 1 7 {sum}', 'sallyport-noded 1 7 {sum} hers.deb more', '',
    'sallyport-noded 1 -7 {sum} hers.deb', "sallyport-noded 1 7 {sum} a'b.deb"])
def test_an_index_that_names_what_it_should_not_is_not_served(depot, line):
    """Nor anything that only it names. The others are."""
    outside = depot.path('secret.deb')
    made = {'hers.deb': b'outside', '.hidden.deb': b'outside', 'notes.txt': b'outside', "a'b.deb": b'outside'}
    for name, data in made.items():
        with open(f'{depot.packages}/{name}', 'wb') as f:
            f.write(data)
    os.symlink(outside, f'{depot.packages}/link.deb')
    os.mkfifo(f'{depot.packages}/fifo.deb')
    os.mkdir(f'{depot.packages}/folder.deb')
    bad = f'{depot.packages}/nosuch-{ARCH}.index'
    good = f'sallyport-clients 1 7 {sha256(b"outside")} hers.deb'
    try:
        with open(bad, 'w') as f:
            f.write(f'sallyport-packages 1\n{good}\n'
                    + line.format(sum=sha256(b'outside'), other='0' * 64, outside=outside) + '\n')
        reload(depot)
        for name in [os.path.basename(bad), 'link.deb', 'fifo.deb', 'folder.deb', 'notes.txt', 'hers.deb', '.hidden.deb',
                     '%2e%2e%2fsecret.deb', outside.replace('/', '%2f'), "a'b.deb"]:
            assert get(depot, f'/packages/{name}')[0] == 404, name
        assert get(depot, f'/packages/{SYSTEM}.index')[0] == 200
        assert f'nosuch-{ARCH}' not in get(depot, '/scripts/install.sh')[2].decode()
        # The same without that line is one.
        with open(bad, 'w') as f:
            f.write(f'sallyport-packages 1\n{good}\n')
        reload(depot)
        assert get(depot, '/packages/hers.deb')[2] == b'outside'
    finally:
        os.rmdir(f'{depot.packages}/folder.deb')
        for name in ['link.deb', 'fifo.deb', os.path.basename(bad), *made]:
            os.unlink(f'{depot.packages}/{name}')
        reload(depot)


@pytest.mark.sanitized
def test_new_packages_are_served_after_a_reload_and_a_download_ends_as_it_began(depot):
    clients = next(n for n in files(depot) if n.startswith('sallyport-clients'))
    old = files(depot)[clients]
    conn = connect(depot)
    conn.request('GET', f'/packages/{clients}')
    answer = conn.getresponse()
    begun = answer.read(1000)
    try:
        os.rename(f'{depot.packages}/{clients}', depot.path('old.deb'))
        make_deb(depot.packages, 'sallyport-clients', 5000)
        make_index(depot.packages)
        assert get(depot, f'/packages/{clients}')[2] == old
        reload(depot)
        assert get(depot, f'/packages/{clients}')[2] == files(depot)[clients] != old
        assert begun + answer.read() == old
        conn.close()
    finally:
        os.rename(depot.path('old.deb'), f'{depot.packages}/{clients}')
        make_index(depot.packages)
        reload(depot)


@pytest.mark.sanitized
def test_of_many_reloads_in_a_row_the_last_one_counts(depot):
    """Also when a read is under way: what was put there meanwhile is seen."""
    name = f'late-{ARCH}.index'
    try:
        for i in range(30):
            with open(f'{depot.packages}/{name}.new', 'w') as f:
                f.write(f'sallyport-packages 1\nx {i} 11 {sha256(b"in no index")} notes.deb\n')
            os.rename(f'{depot.packages}/{name}.new', f'{depot.packages}/{name}')
            os.kill(depot.daemons['proxyd'].pid, signal.SIGHUP)
        wait_for('the last', lambda: b'\nx 29 ' in get(depot, f'/packages/{name}')[2], 60)
    finally:
        os.unlink(f'{depot.packages}/{name}')
        reload(depot)


def resident(c):
    with open(f"/proc/{c.daemons['proxyd'].pid}/status") as f:
        return int(re.search(r'^VmRSS:\s+(\d+) kB', f.read(), re.M).group(1)) * 1024


def test_downloads_of_one_address_are_bounded_in_number_and_memory(depot):
    """And whoever has taken all of them still gets a page."""
    clients = next(n for n in files(depot) if n.startswith('sallyport-clients'))
    before, open_ones, answers = resident(depot), [], []
    try:
        for _ in range(27):
            conn = connect(depot)
            conn.connect()
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            open_ones.append(conn)
            conn.request('GET', f'/packages/{clients}')
            answers.append(conn.getresponse())
        assert [a.status for a in answers] == [200] * 25 + [503] * 2
        assert answers[-1].headers['Retry-After']
        assert get(depot, '/')[0] == 200 and get(depot, '/packages/', 'HEAD')[0] == 404
        # A piece for each, and what TLS has of it: not the package.
        assert resident(depot) - before < 5 * BIG
    finally:
        for conn in open_ones:
            conn.close()
    wait_for('room again', lambda: get(depot, f'/packages/{SYSTEM}.index')[0] == 200, 60)


# --- the script --------------------------------------------------------------------------------------


def script(c):
    return get(c, '/scripts/install.sh')[2].decode()


def run_script(text, *options, **kw):
    return subprocess.run(['bash', '-s', '--', *options], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120, **kw)


def refused(out, *words):
    """One line that says so, and nothing else."""
    lines = out.stderr.splitlines()
    assert out.returncode == 1 and out.stdout == '' and len(lines) == 1, (out.stdout, out.stderr)
    for word in words:
        assert re.search(word, lines[0]), lines[0]


def test_curl_and_bash_fetch_the_packages_of_this_proxy(depot, tmp_path):
    """With the cluster's authorities, since this web certificate is not one that the system trusts."""
    url = f'https://{depot.proxy}/scripts/install.sh'
    for option, package in [('', 'sallyport-noded'), ('--clients', 'sallyport-clients')]:
        line = f"curl -fsS --cacert {depot.path('ca.pem')} {url} | bash -s -- --download-only={tmp_path} {option}"
        out = depot.run('bash', '-o', 'pipefail', '-c', line)
        name = f'{package}_1.0~test+deb12_{ARCH}.deb'
        assert (tmp_path / name).read_bytes() == files(depot)[name]
        assert name in out.stdout
    assert len(list(tmp_path.iterdir())) == 2
    out = subprocess.run(['bash', '-c', f'curl -fsS {url} | bash -s -- --download-only={tmp_path}/no'], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    assert 'curl: (60)' in out.stdout and not (tmp_path / 'no').exists()


def bootstrap(c, instead):
    """What `tctl tokens add` prints to be run on the new host, with something else in the place of root's shell."""
    def line():
        return re.search(r'^curl .*?(?=^$)', c.tctl('tokens', 'add', '--type=node').stdout, re.M | re.S)

    wait_for('authd to know of the packages', line)
    block = line().group(0)
    assert re.search(rf'\| sudo bash -s -- --token-file=token.file --ca-pin={c.ca_pin()}$', block, re.M), block
    assert not re.search(r'\s-\w*k|insecure', block)
    return re.sub('sudo bash .*', lambda _: instead, block, count=1)


def test_the_line_that_tctl_prints_fetches_the_script_from_this_cluster_alone(depot, tmp_path):
    """Without a trusted certificate too; and whatever of it is left out, it trusts no other."""
    line = bootstrap(depot, 'cat')
    for shell in ('bash', 'dash'):
        out = subprocess.run([shell, '-c', line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert out.stdout == script(depot), out.stderr
    key, chain = str(tmp_path / 'key'), str(tmp_path / 'crt')
    make_certificate(chain, key)
    without_authority = re.sub(r'--cacert \S+ ', '', line).replace("<<'CA' ", '').split('\n')[0]
    with Liar(depot, {'install.sh': b'echo evil'}, (chain, key)) as liar:
        for said in (line, without_authority, line.replace('-----BEGIN', '----BEGIN')):
            out = subprocess.run(['bash', '-c', said.replace(depot.proxy, liar.proxy)], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
            assert out.stdout == '' and 'curl: (' in out.stderr, (said, out.stderr)
        assert liar.asked == []


def test_with_a_certificate_of_its_own_the_proxy_is_believed_by_the_systems_roots(build, tmp_path):
    """Here those that are given with --cacert. What tctl prints has no authority in it then."""
    c = Cluster(scratch(), build)
    try:
        make_certificate(c.path('own.crt'), c.path('own.key'))
        c.give(c.path('own.crt'))
        c.give(c.path('own.key'))
        packages = c.folder('packages')
        os.chmod(packages, 0o755)
        make_deb(packages, 'sallyport-noded')
        make_index(packages)
        c.start_authd()
        c.start_proxyd(f"packages: {packages}\ntls:\n  certificate: {c.path('own.crt')}\n  key: {c.path('own.key')}\n")
        wait_for('authd to know', lambda: 'CERTIFICATE' not in bootstrap(c, 'cat'))
        # Its certificate is one that browsers know.
        assert int(re.search(r'max-age=(\d+)', c.https('GET', '/')[1]['Strict-Transport-Security'])[1]) > 0
        line = bootstrap(c, 'cat')
        assert line.startswith(f'curl -fsS https://{c.proxy}/scripts/install.sh | cat')
        own = {'CURL_CA_BUNDLE': c.path('own.crt')}
        text = c.run('bash', '-c', line, env=own).stdout
        assert "certificate='own'" in text
        refused(run_script(text, f'--download-only={tmp_path}/d'), 'certificate .* is not to be trusted')
        out = run_script(text, f'--download-only={tmp_path}/d', f"--cacert={c.path('own.crt')}")
        assert out.returncode == 0, out.stderr
    finally:
        keep_logs(c, 'install-own')
        c.remove()


def test_versions_of_all_who_are_there_are_shown(build):
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd()
        c.start_node('node-1')
        version = c.tctl('version').stdout.split('v')[1].strip()
        row = re.search(r'^node-1 .*$', c.tctl('nodes', 'ls', '-v').stdout, re.M).group(0)
        assert f' {version} ' in row + ' '
        assert version not in c.tctl('nodes', 'ls').stdout
        status = c.tctl('status').stdout
        for kind in ('Proxies', 'Nodes'):
            assert re.search(rf'^{kind} +{re.escape(version)} \(1\)$', status, re.M), status
        found = json.loads(c.tctl('status', '--format=json').stdout)['versions']
        assert {(v['kind'], v['version'], v['count'], v['too_old']) for v in found} == {
            ('node', version, 1, False), ('proxy', version, 1, False)}
    finally:
        keep_logs(c, 'install-versions')
        c.remove()


def test_the_line_is_printed_where_there_are_packages(depot):
    """Else it would install nothing: what is said then works."""
    def says_line():
        return f'https://{depot.proxy}/scripts/install.sh' in depot.tctl('tokens', 'add', '--type=node').stdout

    wait_for('authd to know that there are packages', says_line)
    index = f'{depot.packages}/{SYSTEM}.index'
    os.rename(index, f'{index}.away')
    try:
        reload(depot)
        wait_for('authd to know that there are none', lambda: not says_line())
        assert 'Install the package sallyport-noded' in depot.tctl('tokens', 'add', '--type=node').stdout
    finally:
        os.rename(f'{index}.away', index)
        reload(depot)
    wait_for('authd to know that there are some again', says_line)


def test_the_script_says_what_it_can_do_and_what_is_wrong_with_what_it_is_told(depot, tmp_path):
    text = script(depot)
    out = run_script(text, '--help')
    assert out.returncode == 0 and f'curl -fsS https://{depot.proxy}/scripts/install.sh' in out.stdout and '--token-file' in out.stdout
    refused(run_script(text, '--nosuch'), 'unknown option --nosuch')
    refused(run_script(text, '--ca-pin'), '--ca-pin needs a value')
    refused(run_script(text, '--labels=a=b'), 'need --token-file')
    refused(run_script(text, '--clients', f'--token-file={tmp_path}/f'), 'does not go with --clients')
    refused(run_script(text, f'--cacert={tmp_path}/nosuch', f'--download-only={tmp_path}'), 'cannot read')


@pytest.mark.parametrize('option', ['--token-file', '--labels', '--name', '--ca-pin', '--cacert', '--download-only'])
def test_an_empty_value_is_no_value(depot, option):
    """It is a variable of somebody's own script that was not set: a check that is left out by that is none."""
    refused(run_script(script(depot), f'{option}='), f'{option} has an empty value')
    refused(run_script(script(depot), option, ''), f'{option} has an empty value')


@pytest.mark.parametrize('option', ['--clients', '--version', '--help'])
def test_what_is_no_value_of_an_option_is_refused(depot, option):
    for value in ('no', ''):
        refused(run_script(script(depot), f'{option}={value}'), option)


@needs_root
def test_a_node_of_another_cluster_is_told_from_one_of_this(depot, tmp_path):
    """By the pin of its configuration, before anything is changed; whose pin is not known there is not said to be in this one."""
    configuration, token = tmp_path / 'noded.yaml', tmp_path / 'token'
    token.write_text('0' * 32)
    text = script(depot).replace('configuration=/etc/sallyport/noded.yaml', f'configuration={configuration}').replace(
        'install_or_not() {', 'install_or_not() {\n\tfail "would go on"\n')
    other = 'sha256:' + 'ab' * 32
    for line in (f'ca_pin: "{other}"', f'ca_pin: {other}  # ours', f"ca_pin:   '{other}'"):
        configuration.write_text(f'proxy: "p:1"\n{line}\n')
        refused(run_script(text, f'--token-file={token}'), 'another cluster', other, depot.ca_pin(), 'nothing was changed')
    for line in (f'ca_pin: "{depot.ca_pin()}"', f'ca_pin: {depot.ca_pin().replace("a", "A").replace("shA", "sha")}',
                 f'#ca_pin: "{other}"', ''):
        configuration.write_text(f'proxy: "p:1"\n{line}\n')
        refused(run_script(text, f'--token-file={token}'), 'would go on')


def test_a_wrong_pin_is_refused_before_anything_is_fetched(depot, tmp_path):
    text = script(depot)
    refused(run_script(text, f'--download-only={tmp_path}/d', '--ca-pin=sha256:' + '0' * 64), 'pin', depot.ca_pin())
    refused(run_script(text, f'--download-only={tmp_path}/d', '--ca-pin=' + depot.ca_pin()[:-1]), 'pin')
    refused(run_script(text, f'--download-only={tmp_path}/d', '--ca-pin=*'), 'pin')
    assert run_script(text, f'--download-only={tmp_path}/d', '--ca-pin=' + depot.ca_pin()).returncode == 0


def test_a_script_that_was_cut_runs_nothing(depot, tmp_path):
    """Wherever it is cut: nothing is said to standard output, and nothing is fetched or made."""
    text = script(depot).replace("package=sallyport-noded", f"only={tmp_path}/d package=sallyport-noded", 1).replace(
        "cacert='' only=''", "cacert=''")
    assert run_script(text).returncode == 0 and (tmp_path / 'd').is_dir()
    shutil.rmtree(tmp_path / 'd')
    end = len(text.rstrip('\n'))
    for n in [*range(1, end - 40, 397), *range(end - 40, end)]:
        out = run_script(text[:n])
        assert out.stdout == '' and not (tmp_path / 'd').exists(), n


# --- a proxy that lies -------------------------------------------------------------------------------


class Liar:
    """An HTTPS server with the proxy's own key (or another) that answers what it is told."""

    def __init__(self, c, answers, certificate=None):
        chain, key = certificate or (c.path('proxyd/tls.crt'), c.path('proxyd/tls.key'))
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                answer = answers.get(self.path.rsplit('/', 1)[1], (404, {}, b''))
                status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
                self.send_response(status)
                for k, v in {'Content-Length': str(len(body)), **headers}.items():
                    self.send_header(k, v)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.proxy = f'localhost:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


NODED = f'sallyport-noded_1.0~test+deb12_{ARCH}.deb'
INDEX = f'{SYSTEM}.index'


def ask(c, tmp_path, answers, certificate=None, change=lambda text: text):
    """The real script, but for the port, and what it says to such a proxy. Nothing of what it fetched is left."""
    with Liar(c, {**files(c), **answers}, certificate) as liar:
        temporary = tmp_path / 'tmp'
        temporary.mkdir(exist_ok=True)
        out = run_script(change(script(c).replace(c.proxy, liar.proxy)), f'--download-only={tmp_path}/d',
                         env={**os.environ, 'TMPDIR': str(temporary)})
        assert list(temporary.iterdir()) == []
        assert (tmp_path / 'd').exists() == (out.returncode == 0)
        return out, liar.asked


def test_a_proxy_that_tells_the_truth_is_believed(depot, tmp_path):
    """The trap itself works: else the refusals below would say nothing."""
    out, asked = ask(depot, tmp_path, {})
    assert out.returncode == 0 and asked == [f'/packages/{INDEX}', f'/packages/{NODED}'], out.stderr


def test_a_wrong_certificate_is_refused(depot, tmp_path):
    key, chain = str(tmp_path / 'key'), str(tmp_path / 'crt')
    make_certificate(chain, key)
    out, asked = ask(depot, tmp_path, {}, (chain, key))
    refused(out, 'certificate .* is not to be trusted', 'nothing was changed')
    assert asked == []


@pytest.mark.parametrize('name', [INDEX, NODED])
def test_a_changed_index_or_package_is_refused(depot, tmp_path, name):
    data = files(depot)[name]
    for changed in (data[:-2] + b'X\n', data[:-1], data + b'\n', b''):
        out, _ = ask(depot, tmp_path, {name: changed})
        refused(out, re.escape(name), 'nothing was changed')


def test_a_changed_index_is_refused_also_when_its_packages_fit(depot, tmp_path):
    """As whoever can write into the proxy's folder would do it."""
    evil = b'!<arch> evil'
    index = f'sallyport-packages 1\nsallyport-noded 9 {len(evil)} {sha256(evil)} {NODED}\n'.encode()
    out, asked = ask(depot, tmp_path, {INDEX: index, NODED: evil})
    refused(out, f'{INDEX} is not what it should be')
    assert asked == [f'/packages/{INDEX}']


@pytest.mark.parametrize('file', ['../../../etc/cron.d/x.deb', '/etc/cron.d/x.deb', '..', '.x.deb', 'a;b.deb', '-o.deb', "$(id).deb"])
def test_a_file_name_that_is_more_than_a_name_is_refused(depot, tmp_path, file):
    """Also where the script itself says that the index is right."""
    index = f'sallyport-packages 1\nsallyport-noded 9 4 {sha256(b"evil")} {file}\n'.encode()
    out, asked = ask(depot, tmp_path, {INDEX: index}, change=lambda text: text.replace(sha256(files(depot)[INDEX]), sha256(index)))
    refused(out, 'names a file that it should not', 'nothing was changed')
    assert asked == [f'/packages/{INDEX}']


def test_a_download_that_was_cut_is_refused(depot, tmp_path):
    data = files(depot)[NODED]
    out, _ = ask(depot, tmp_path, {NODED: (200, {'Content-Length': str(len(data)), 'Connection': 'close'}, data[:100])})
    refused(out, 'was cut', 'nothing was changed')


def test_no_other_server_is_asked(depot, tmp_path):
    with Liar(depot, files(depot)) as other:
        moved = (302, {'Location': f'https://{other.proxy}/packages/{NODED}'}, b'')
        out, _ = ask(depot, tmp_path, {NODED: moved})
        assert other.asked == []
    refused(out, re.escape(NODED), 'nothing was changed')


def test_what_the_proxy_does_not_have_is_said(depot, tmp_path):
    out, _ = ask(depot, tmp_path, {NODED: (404, {}, b'')})
    refused(out, 'the proxy does not give', '404', 'nothing was changed')


@needs_root
def test_a_full_disk_is_said_and_nothing_is_left(depot, tmp_path):
    where = tmp_path / 'small'
    where.mkdir()
    (tmp_path / 'script').write_text(script(depot))
    line = (f'mount -t tmpfs -o size=512k none {where} && TMPDIR={where} '
            f'bash -s -- --clients --download-only={tmp_path}/d < {tmp_path}/script; status=$?; ls -A {where}; exit $status')
    out = subprocess.run(['unshare', '-m', 'bash', '-c', line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    refused(out, 'disk may be full', 'nothing was changed')
    assert not (tmp_path / 'd').exists()


@needs_root
@pytest.mark.parametrize('text', ['ID=ubuntu\nVERSION_CODENAME=noble\nPRETTY_NAME="Ubuntu 24.04"\n',
                                  'ID=debian\nVERSION_CODENAME=buster\nPRETTY_NAME="Debian GNU/Linux 10"\n',
                                  'ID=debian\nPRETTY_NAME="Debian GNU/Linux sid"\n', ''])
def test_a_system_that_there_is_no_package_for_is_told_so(depot, tmp_path, text):
    (tmp_path / 'os-release').write_text(text)
    (tmp_path / 'script').write_text(script(depot))
    line = (f'mount --bind {tmp_path}/os-release /etc/os-release && bash -s -- --download-only={tmp_path}/d < {tmp_path}/script')
    out = subprocess.run(['unshare', '-m', 'bash', '-c', line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    name = re.search('PRETTY_NAME="(.*)"', text)
    refused(out, f'no package for {re.escape(name.group(1)) if name else "this system"}.*has them for {SYSTEM}')


def test_a_proxy_without_packages_says_so(build, tmp_path):
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd(f"packages: {c.path('nosuch')}\n")
        assert c.https('GET', f'/packages/{INDEX}')[0] == 404
        out = run_script(c.https('GET', '/scripts/install.sh')[2], f'--download-only={tmp_path}/d')
        refused(out, 'this proxy has no packages', 'nothing was changed')
    finally:
        keep_logs(c, 'install-without')
        c.remove()
