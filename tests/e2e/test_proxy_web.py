# SPDX-License-Identifier: Apache-2.0
"""proxyd's public port: what it answers over HTTPS, and what strangers cannot do to it. Real authd and proxyd."""
import hashlib
import html
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import time

import pytest
from cluster import Cluster, totp, wait_for
from conftest import keep_logs, scratch

FORM = {'Content-Type': 'application/x-www-form-urlencoded'}
PASSWORD = 'correct+horse+battery'
SCRIPT = '<script type="module" src="/web/invite.mjs">'


@pytest.fixture(scope='module')
def gate(build):
    """authd and proxyd only."""
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd()
        yield c
    finally:
        keep_logs(c, 'proxy-web')
        c.remove()


def tcp(c, data=b'', port=None):
    s = socket.create_connection(('127.0.0.1', port or c.public_port), timeout=20)
    if data:
        s.sendall(data)
    return s


def read_all(s):
    out = b''
    try:
        while part := s.recv(65536):
            out += part
    except ConnectionResetError:
        pass
    return out


def tls(c, server_name='localhost', context=None):
    context = context or ssl._create_unverified_context()
    return context.wrap_socket(tcp(c), server_hostname=server_name)


def ca_file(c):
    _, _, pem = c.https('GET', '/v1/webapi/ca.pem')
    return c.write('ca.pem', pem, 0o644)


def invite(c, user):
    out = c.tctl('users', 'add', user, '--roles=access', '--logins=root').stdout
    return re.search(r'/web/invite/[0-9a-f]{32}', out).group(0)


def secret_of(page):
    return re.search(r'id="secret">([A-Z2-7]+)<', page).group(1)


def form(password, again, otp):
    return f'password={password}&password2={again}&otp={otp}'


# --- what it says ------------------------------------------------------------------------------------


def test_find_tells_version_cluster_and_ports(gate):
    for path in ('/v1/webapi/find', '/webapi/find', '/v1/webapi/ping', '/webapi/ping', '/webapi/ping/local'):
        status, headers, body = gate.https('GET', path)
        assert status == 200 and headers['Content-Type'] == 'application/json'
        found = json.loads(body)
        assert found['cluster_name'] == gate.name
        assert re.fullmatch(r'\d+\.\d+\.\d+', found['server_version'])
        assert found['min_client_version']
        assert found['proxy']['ssh']['public_addr'] == gate.proxy
        assert found['proxy']['ssh']['ssh_public_addr'].endswith(f':{gate.ssh_port}')


def test_curl_and_jq_as_in_the_guide(gate):
    out = gate.run('bash', '-c', f'curl -sk https://{gate.proxy}/v1/webapi/find | jq -r .server_version').stdout
    assert re.fullmatch(r'\d+\.\d+\.\d+\n', out)


def test_the_authorities_have_the_pin_and_verify_the_web_certificate(gate):
    der = subprocess.run(f'openssl x509 -in {ca_file(gate)} -noout -pubkey | openssl pkey -pubin -outform DER', shell=True,
                         stdout=subprocess.PIPE, check=True).stdout
    assert 'sha256:' + hashlib.sha256(der).hexdigest() == gate.ca_pin()
    context = ssl.create_default_context(cafile=ca_file(gate))
    with tls(gate, 'localhost', context) as s:
        assert ('DNS', 'localhost') in s.getpeercert()['subjectAltName']


def test_every_answer_carries_the_security_headers(gate):
    for path in ('/', '/web/style.css', '/v1/webapi/find', '/nosuch'):
        _, headers, _ = gate.https('GET', path)
        assert "default-src 'none'" in headers['Content-Security-Policy']
        assert "frame-ancestors 'none'" in headers['Content-Security-Policy']
        assert headers['X-Content-Type-Options'] == 'nosniff'
        # Of a certificate that browsers do not know nothing is to be remembered.
        assert 'Strict-Transport-Security' not in headers
        assert "'unsafe" not in headers['Content-Security-Policy']


def test_unknown_paths_and_methods(gate):
    assert gate.https('GET', '/nosuch')[0] == 404
    assert gate.https('POST', '/v1/webapi/find', 'x')[0] == 405
    status, headers, body = gate.https('HEAD', '/v1/webapi/find')
    assert status == 200 and body == '' and int(headers['Content-Length']) > 100
    assert 'message' in json.loads(gate.https('GET', '/nosuch')[2])['error']


def test_many_requests_on_one_connection(gate):
    with tls(gate) as s:
        s.sendall(b'GET /v1/webapi/find HTTP/1.1\r\nHost: a\r\n\r\n' * 3 + b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        assert read_all(s).count(b'HTTP/1.1 200 OK') == 4


def test_plain_http_is_told_to_use_https(gate):
    answer = read_all(tcp(gate, b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    assert answer.startswith(b'HTTP/1.1 400 ') and b'HTTPS' in answer


def test_tls_with_authds_name_reaches_authd_itself(gate):
    context = ssl.create_default_context(cafile=ca_file(gate))
    with tls(gate, f'authd.{gate.name}', context) as s:
        names = s.getpeercert()['subjectAltName']
    assert ('DNS', f'authd.{gate.name}') in names and any(v.startswith(f'sallyport://{gate.name}/auth/') for _, v in names)


# --- the invite page -----------------------------------------------------------------------------------


def test_invite_form_is_repeated_until_it_is_right_and_works_once(gate):
    path = invite(gate, 'ivy')
    status, headers, page = gate.https('GET', path)
    assert status == 200 and '<svg' in page and re.findall('<script[^>]*>', page) == [SCRIPT] and "form-action 'self'" in headers[
        'Content-Security-Policy']
    secret = secret_of(page)
    for body, problem in ((form(PASSWORD, 'other+password+x', totp(secret)), 'not the same'),
                          (form('short', 'short', totp(secret)), 'too short'),
                          (form(PASSWORD, PASSWORD, '12345'), 'six digits'), ('', 'Choose a password')):
        status, _, page = gate.https('POST', path, body, FORM)
        assert status == 400 and problem in html.unescape(page)
        assert secret_of(page) == secret
    status, headers, page = gate.https('POST', path, form(PASSWORD, PASSWORD, totp(secret)),
                                       {**FORM, 'Origin': f'https://{gate.proxy}'})
    assert status == 200 and 'All set' in page
    # And is signed in.
    assert 'HttpOnly' in headers['Set-Cookie'] and 'href="/web"' in page
    status, _, session = gate.https('GET', '/v1/webapi/session', None, {'Cookie': headers['Set-Cookie'].split(';')[0]})
    assert status == 200 and json.loads(session)['user'] == 'ivy'
    assert gate.https('GET', path)[0] == 404
    assert gate.https('POST', path, form(PASSWORD, PASSWORD, totp(secret)), FORM)[0] == 404


def test_an_invite_form_that_names_no_page_of_ours_signs_nobody_in(gate):
    path = invite(gate, 'olga')
    secret = secret_of(gate.https('GET', path)[2])
    status, headers, page = gate.https('POST', path, form(PASSWORD, PASSWORD, totp(secret)), FORM)
    assert status == 200 and 'All set' in page
    assert 'Set-Cookie' not in headers and '<p class="hidden">You are signed in here' in page
    assert gate.https('GET', path)[0] == 404


def test_invite_form_from_another_site_is_refused(gate):
    path = invite(gate, 'eve')
    secret = secret_of(gate.https('GET', path)[2])
    for origin in ('https://evil.example', 'null', f'http://{gate.proxy}'):
        assert gate.https('POST', path, form(PASSWORD, PASSWORD, totp(secret)), {**FORM, 'Origin': origin})[0] == 403
    assert gate.https('GET', path)[0] == 200


def test_invite_names_are_escaped_and_bad_tokens_unknown(gate):
    assert gate.https('GET', '/web/invite/' + 32 * '0')[0] == 404
    assert gate.https('GET', '/web/invite/..%2f..%2fetc%2fpasswd')[0] == 404
    assert gate.https('GET', '/web/invite/%00')[0] == 404
    assert '<b>' not in gate.https('GET', '/web/invite/%3Cb%3E')[2]


# --- strangers -------------------------------------------------------------------------------------------


def still_serves(c):
    assert c.https('GET', '/v1/webapi/find')[0] == 200


@pytest.mark.parametrize('port', ['public_port', 'ssh_port'])
def test_garbage_is_dropped(gate, port):
    for junk in (b'\0' * 100, b'\xff' * 20000, b'\x16\x03\x01\xff\xff' + b'A' * 70000, b'\x80\x2e\x01\x03\x01',
                 b'SSH-1.0-old\r\n', b'SSH-2.0-' + b'A' * 5000 + b'\r\n', b'SSH-2.0-x\r\n' + os.urandom(5000)):
        s = tcp(gate, port=getattr(gate, port))
        try:
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(25)
            assert b'HTTP/1.1 200' not in read_all(s)
        except OSError as e:  # cut off already
            assert not isinstance(e, TimeoutError)
        finally:
            s.close()
    still_serves(gate)


def test_a_silent_client_gets_the_ssh_banner(gate):
    with tcp(gate) as s:
        assert s.recv(8).startswith(b'SSH-2.0-')
    with tcp(gate, port=gate.ssh_port) as s:
        assert s.recv(8).startswith(b'SSH-2.0-')


def test_proxy_header_from_a_stranger_is_not_believed(gate):
    answer = read_all(tcp(gate, b'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nSSH-2.0-x\r\n'))
    assert not answer.startswith(b'SSH-')
    with tcp(gate, b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + bytes(12) + b'SSH-2.0-x\r\n') as s:
        assert not read_all(s).startswith(b'SSH-')
    with tcp(gate, b'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n', gate.ssh_port) as s:
        s.settimeout(25)
        assert b'1.2.3.4' not in read_all(s)
    assert '1.2.3.4' not in gate.daemons['proxyd'].text()
    still_serves(gate)


def test_bad_requests_get_their_status(gate):
    for request, status in ((b'GET / HTTP/1.1\r\n\r\n', 400), (b'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505),
                            (b'POST /web/invite/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', 501),
                            (b'POST /web/invite/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n', 413),
                            (b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\nHost: a\r\n\r\n', 431)):
        with tls(gate) as s:
            s.sendall(request)
            assert read_all(s).startswith(b'HTTP/1.1 %d ' % status)


def test_slow_clients_do_not_hold_up_others(gate):
    """Slow-loris in every state: no byte, half a ClientHello, half a request, half a login."""
    slow = [tcp(gate) for _ in range(50)]
    for s in slow[:20]:
        s.sendall(b'\x16\x03\x01\x02')
    half = [tls(gate) for _ in range(20)]
    for s in half:
        s.sendall(b'GET / HTTP/1.1\r\nHost: ')
    still_serves(gate)
    with tcp(gate, b'SSH-2.0-x\r\n', gate.ssh_port) as s:
        assert s.recv(8).startswith(b'SSH-2.0-')
    for s in slow + half:
        s.close()


@pytest.mark.heavy
def test_slow_clients_are_cut_off(gate):
    half_hello, drip = tcp(gate, b'\x16\x03\x01\x02'), tls(gate)
    begin = time.monotonic()
    half_hello.settimeout(30)
    assert read_all(half_hello) == b''
    assert time.monotonic() - begin < 20
    drip.settimeout(1)
    with pytest.raises((OSError, ssl.SSLError)):
        for byte in b'GET / HTTP/1.1\r\nHost: ' + b'a' * 100:
            drip.sendall(bytes([byte]))  # a byte a second: each read would reset an ordinary timeout
            try:
                if drip.recv(1) == b'':
                    raise ConnectionResetError
            except socket.timeout:
                pass
    assert time.monotonic() - begin < 60


def test_connections_per_address_have_a_ceiling(build):
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd()
        c.daemons['proxyd'].stop()
        with open(c.path('proxyd.yaml'), 'a') as f:
            f.write('limits:\n  unauthenticated_per_address: 5\n')
        c.restart('proxyd')
        wait_for('proxyd', lambda: c.port_open(c.public_port))
        still_serves(c)
        held = [tcp(c, port=c.ssh_port) for _ in range(5)]
        assert all(s.recv(4) == b'SSH-' for s in held)
        with tcp(c, port=c.ssh_port) as s:
            assert read_all(s) == b''
        held.pop().close()

        def again():
            with tcp(c, port=c.ssh_port) as s:
                return read_some(s)
        wait_for('a free place', again)
    finally:
        keep_logs(c, 'proxy-ceiling')
        c.remove()


def read_some(s):
    try:
        return s.recv(4)
    except ConnectionResetError:
        return b''


def test_behind_a_balancer_the_header_is_demanded_and_believed(build):
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd()
        c.daemons['proxyd'].stop()
        with open(c.path('proxyd.yaml'), 'a') as f:
            f.write('proxy_protocol_from: [127.0.0.1]\n')
        c.restart('proxyd')
        wait_for('proxyd', lambda: c.port_open(c.public_port))
        with tcp(c, b'SSH-2.0-x\r\n') as s:
            assert read_all(s) == b''
        v1 = b'PROXY TCP4 203.0.113.9 127.0.0.1 4711 3080\r\n'
        v2 = b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + bytes([203, 0, 113, 9, 127, 0, 0, 1]) + struct.pack('>HH', 4711, 3080)
        for header in (v1, v2):
            for port in (c.public_port, c.ssh_port):
                with tcp(c, header + b'SSH-2.0-x\r\n', port) as s:
                    assert s.recv(8).startswith(b'SSH-2.0-')
        with tcp(c, v1 + b'GET / HTTP/1.1\r\n\r\n') as s:
            assert read_all(s).startswith(b'HTTP/1.1 400')
    finally:
        keep_logs(c, 'proxy-balancer')
        c.remove()


def test_a_proxyd_that_starts_without_authd_serves(build):
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd()
        c.daemons['proxyd'].stop()
        c.daemons['authd'].kill()
        c.restart('proxyd')
        wait_for('proxyd', lambda: c.port_open(c.public_port))
        assert c.https('GET', '/v1/webapi/find')[0] == 200
        assert c.https('GET', '/web/invite/' + 32 * 'a')[0] in (404, 503)
    finally:
        keep_logs(c, 'proxy-alone')
        c.remove()
