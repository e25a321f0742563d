# SPDX-License-Identifier: Apache-2.0
"""The web app as proxyd hands it out: which files, as what, kept how long, under which policy; and that it is read anew."""
import gzip
import hashlib
import os
import shutil
import signal

import pytest

from cluster import Cluster, wait_for
from conftest import keep_logs, scratch

pytestmark = pytest.mark.sanitized
PAGE = '<!doctype html><title>{}</title>'
SCRIPT = 'export const x = 1;\n' * 100


def make_site(folder, title, script=SCRIPT):
    """As tools/gather-web makes it. Returns the script's name."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    name = f'main.{hashlib.sha256(script.encode()).hexdigest()[:16]}.mjs'
    files = {'app.html': PAGE.format(title).encode(), name: script.encode(), name + '.gz': gzip.compress(script.encode(), mtime=0),
             'engine.0123456789abcdef.wasm': b'\0asm', 'style.0123456789abcdef.css': b'a{}'}
    for file, data in files.items():
        with open(os.path.join(folder, file), 'wb') as f:
            f.write(data)
    with open(os.path.join(folder, 'index'), 'w', encoding='utf-8') as f:
        f.writelines(f'{hashlib.sha256(data).hexdigest()}  {file}\n' for file, data in files.items())
    return name


@pytest.fixture(scope='module')
def gate(build):
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.site = c.path('app')
        c.script = make_site(c.site, 'first')
        c.start_proxyd(f'web_app: {c.site}\n')
        yield c
    finally:
        keep_logs(c, 'web-site')
        c.remove()


@pytest.mark.parametrize('path', ['/web', '/web/', '/web/login', '/web/terminal/node-1/root', '/web/recordings/1?t=3'])
def test_every_address_of_the_app_is_its_page(gate, path):
    status, headers, text = gate.https('GET', path)
    assert status == 200 and text == PAGE.format('first')
    assert headers['Content-Type'] == 'text/html; charset=utf-8'
    assert headers['Cache-Control'] == 'no-cache'
    status, again, text = gate.https('GET', path, headers={'If-None-Match': headers['ETag']})
    assert status == 304 and text == '' and again['ETag'] == headers['ETag']


def test_the_page_loads_from_here_alone(gate):
    headers = gate.https('GET', '/web')[1]
    # A worker has the policy of its own file.
    assert gate.https('GET', f'/web/site/{gate.script}')[1]['Content-Security-Policy'] == headers['Content-Security-Policy']
    policy = dict(part.strip().split(' ', 1) for part in headers['Content-Security-Policy'].split(';'))
    assert policy['default-src'] == policy['connect-src'] == policy['style-src'] == policy['form-action'] == "'self'"
    assert policy['script-src'] == "'self' 'wasm-unsafe-eval'"
    assert policy['frame-ancestors'] == policy['base-uri'] == policy['object-src'] == "'none'"
    assert headers['Referrer-Policy'] == 'no-referrer' and headers['X-Content-Type-Options'] == 'nosniff'
    assert headers['Cross-Origin-Opener-Policy'] == headers['Cross-Origin-Resource-Policy'] == 'same-origin'


def test_pages_of_before_are_as_they_were(gate):
    assert 'tsh login' in gate.https('GET', '/')[2]
    assert gate.https('GET', '/web/style.css')[1]['Content-Type'].startswith('text/css')
    assert [gate.https('GET', f'/web/invite/{x}')[0] for x in ('nosuch', '%00', 'a/b', '')] == [404] * 4
    assert gate.https('POST', '/web/login', 'x')[0] == 405


def test_files_are_kept_for_a_year_and_have_their_types(gate):
    for name, kind in ((gate.script, 'text/javascript; charset=utf-8'), ('engine.0123456789abcdef.wasm', 'application/wasm'),
                       ('style.0123456789abcdef.css', 'text/css; charset=utf-8')):
        status, headers, _ = gate.https('GET', f'/web/site/{name}')
        assert status == 200 and headers['Content-Type'] == kind
        assert headers['Cache-Control'] == 'public, max-age=31536000, immutable'


def test_whoever_takes_gzip_gets_it(gate):
    path = f'/web/site/{gate.script}'
    plain = gate.https('GET', path)
    assert 'Content-Encoding' not in plain[1] and plain[2] == SCRIPT
    status, headers, _ = gate.https('HEAD', path, headers={'Accept-Encoding': 'deflate, gzip, br'})
    assert status == 200 and headers['Content-Encoding'] == 'gzip' and headers['Vary'] == 'Accept-Encoding'
    assert int(headers['Content-Length']) < len(SCRIPT) and headers['ETag'] != plain[1]['ETag']
    out = gate.run('curl', '-ks', '--compressed', f'https://{gate.proxy}{path}').stdout
    assert out == SCRIPT


@pytest.mark.parametrize('name', ['index', 'app.html', '..%2findex', '%2e%2e%2fproxyd.yaml', 'nosuch.mjs', ''])
def test_what_the_index_does_not_name_is_not_there(gate, name):
    assert gate.https('GET', f'/web/site/{name}')[0] == 404


def test_it_is_read_anew_as_a_whole_or_not_at_all(gate):
    proxyd = gate.daemons['proxyd']
    with open(os.path.join(gate.site, gate.script), 'a', encoding='utf-8') as f:
        f.write('// changed')
    os.kill(proxyd.pid, signal.SIGHUP)
    wait_for('the refusal', lambda: 'the web app stays as it was' in proxyd.text())
    assert gate.https('GET', f'/web/site/{gate.script}')[2] == SCRIPT
    make_site(gate.site, 'second')
    os.kill(proxyd.pid, signal.SIGHUP)
    wait_for('the second', lambda: gate.https('GET', '/web')[2] == PAGE.format('second'))
    shutil.rmtree(gate.site)
    os.kill(proxyd.pid, signal.SIGHUP)
    wait_for('the page of before', lambda: 'tsh login' in gate.https('GET', '/web')[2])
    assert gate.https('GET', '/web/login')[0] == 404
