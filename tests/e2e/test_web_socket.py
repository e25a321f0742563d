# SPDX-License-Identifier: Apache-2.0
"""WebSockets of people who are logged in in a browser: who gets one, what breaks one, what they cost; and stock ssh through
one. Real authd, proxyd and noded."""
import hashlib
import json
import os
import re
import struct
import sys
import time

import idle_sockets
import pytest

from cluster import Cluster, wait_for
from conftest import keep_logs, scratch
from websocket_client import WebSocket

pytestmark = pytest.mark.sanitized
SSH = '/v1/webapi/ssh'
CHANGES = '/v1/webapi/changes'
IDLE = 1000
IDLE_KIB = 20
CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'websocket_client.py')


@pytest.fixture(scope='module')
def gate(build):
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd(idle_sockets.limits(IDLE))
        c.start_node('node-1')
        yield c
    finally:
        keep_logs(c, 'web-socket')
        c.remove()


@pytest.fixture(scope='module')
def ann(gate):
    person = gate.add_user('ann')
    gate.login(person)
    return person


def post(c, path, body=None, token=None):
    headers = {'Content-Type': 'application/json', 'Origin': f'https://localhost:{c.public_port}'}
    if token:
        headers['Cookie'] = f'__Host-sallyport={token}'
    return c.https('POST', path, json.dumps(body or {}), headers)


def web_login(c, person):
    status, headers, text = post(c, '/v1/webapi/login', {'user': person['user'], 'password': person['password'],
                                                       'otp': c.code(person)})
    assert status == 200, text
    token = re.match('__Host-sallyport=([0-9a-f]{64});', headers['Set-Cookie']).group(1)

    def known():
        ws = WebSocket(c.public_port, CHANGES, token)
        ws.close()
        return ws.status == 101
    wait_for('the proxy to hear of the session', known)
    return token


@pytest.fixture(scope='module')
def token(gate, ann):
    return web_login(gate, ann)


def open_ws(c, token, path=SSH, **kw):
    return WebSocket(c.public_port, path, token, **kw)


def banner(ws):
    first, data = ws.receive()
    assert first == 0x82 and data.startswith(b'SSH-2.0-'), (first, data)


# --- who gets one -------------------------------------------------------------------------------------


def test_the_ssh_server_answers_a_page_of_ours_with_a_session(gate, token):
    ws = open_ws(gate, token)
    assert ws.status == 101
    banner(ws)
    ws.close()


@pytest.mark.parametrize('origin', [None, 'null', 'https://evil.example', 'http://localhost', 'https://localhost'])
def test_another_origin_is_refused(gate, token, origin):
    ws = open_ws(gate, token, origin=origin)
    assert ws.status == 403
    ws.close()


@pytest.mark.parametrize('cookie', [None, '0' * 64, 'f' * 63, 'F' * 64])
def test_no_session_is_refused(gate, token, cookie):
    ws = open_ws(gate, cookie)
    assert ws.status == 401
    ws.close()


def test_two_cookies_of_that_name_are_none(gate, token):
    ws = open_ws(gate, token, extra=[f'X: y; __Host-sallyport={token}'])
    assert ws.status == 101
    ws.close()
    ws = open_ws(gate, f'{token}; __Host-sallyport={token}')
    assert ws.status == 401
    ws.close()


def test_a_plain_request_is_told_what_this_is(gate, token):
    status, headers, _ = gate.https('GET', SSH, headers={'Cookie': f'__Host-sallyport={token}',
                                                       'Origin': f'https://localhost:{gate.public_port}'})
    assert status == 426 and headers['Sec-WebSocket-Version'] == '13'


# --- what breaks one ------------------------------------------------------------------------------------


def test_a_frame_without_mask_ends_it(gate, token):
    ws = open_ws(gate, token)
    ws.send(b'SSH-2.0-x\r\n', mask=None)
    assert ws.receive_close()[0] == 1002
    ws.close()


def test_a_frame_beyond_the_bound_ends_it(gate, token):
    ws = open_ws(gate, token)
    ws.sock.sendall(b'\x82\xff' + (1 << 40).to_bytes(8, 'big') + b'abcd' + b'x')
    assert ws.receive_close()[0] == 1009
    ws.close()


def test_text_is_not_ssh(gate, token):
    ws = open_ws(gate, token)
    ws.send(b'SSH-2.0-x\r\n', first=0x81)
    assert ws.receive_close()[0] == 1003
    ws.close()


def test_what_is_no_ssh_ends_with_the_ssh_connection(gate, token):
    ws = open_ws(gate, token)
    ws.send(b'SSH-1.0-old\r\n')
    assert ws.receive_close()[0] == 1000
    ws.close()


def test_fragments_and_pings_between_make_one_stream(gate, token):
    ws = open_ws(gate, token)
    banner(ws)
    packet = struct.pack('>IBB', 28, 6, 1) + struct.pack('>I', 11) + struct.pack('>I', 3) + b'bye' + bytes(10 + 6)
    parts = (b'SSH-', b'', b'2.0-', b'browser\r\n', packet[:9], packet[9:])
    for i, part in enumerate(parts):
        ws.send(part, first=0x02 if i == 0 else 0x80 if i == len(parts) - 1 else 0x00)
        ws.send(b'there?', first=0x89)
    for _ in parts[:-1]:
        assert ws.receive() == (0x8a, b'there?')
    assert ws.receive_close() == (1000, 'the SSH connection has ended')
    ws.close()


def test_a_handshake_that_drips_is_cut_off(gate, token):
    ws = open_ws(gate, token, send_request=False)
    began = time.monotonic()
    with pytest.raises((OSError, EOFError)):
        for byte in ws.request[:-1]:
            ws.sock.sendall(bytes([byte]))
            time.sleep(0.2)
        ws.read_head()
    assert time.monotonic() - began < 60
    ws.close()


# --- what a session gives, and how it ends -------------------------------------------------------------


def test_who_may_see_a_node_hears_of_it_and_nobody_else_does(gate, token):
    stranger = web_login(gate, gate.add_user('bob', roles='auditor'))
    other = open_ws(gate, stranger, CHANGES)
    ws = open_ws(gate, token, CHANGES)
    assert ws.status == other.status == 101
    gate.start_node('node-2', wait=False)
    assert ws.receive() == (0x81, b'{"kind":"node"}')
    assert post(gate, '/v1/webapi/logout', token=stranger)[0] == 200
    # The first that he hears.
    first, data = other.receive()
    assert first == 0x88 and data[:2] == struct.pack('>H', 1008) and b'log in' in data
    ws.send(b'hello', first=0x81)
    assert ws.receive_close()[0] == 1003
    ws.close()
    other.close()


def test_the_end_of_a_web_session_ends_its_ssh_connection_with_the_reason(gate):
    token = web_login(gate, gate.add_user('cid'))
    ws = open_ws(gate, token)
    banner(ws)
    assert post(gate, '/v1/webapi/logout', token=token)[0] == 200
    code, reason = ws.receive_close()
    assert code == 1008 and 'log in' in reason
    ws.close()
    assert open_ws(gate, token).status == 401


# --- stock ssh -----------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def config(gate, ann, token):
    wait_for('node-1', lambda: 'node-1' in gate.tsh('ann', 'ls').stdout)
    own = gate.tsh('ann', 'config').stdout
    return gate.write('ann.ws_config', f'''Host localhost
    ProxyCommand {sys.executable} {CLIENT} {gate.public_port} {SSH} {token}

{own}''')


def test_stock_ssh_reaches_a_node_through_a_websocket(gate, config):
    out = gate.run('ssh', '-F', config, f'root@node-1.{gate.name}', 'echo through; cat', input='and back\n')
    assert out.stdout == 'through\nand back\n'


def test_bulk_in_both_directions_arrives_whole(gate, config):
    data = os.urandom(12 << 20)
    path = gate.path('bulk')
    with open(path, 'wb') as f:
        f.write(data)
    out = gate.run('bash', '-c', f'ssh -F {config} root@node-1.{gate.name} "tee /dev/stderr 2>&1 >/dev/null | sha256sum; '
                                 f'head -c 12582912 {path}" < {path} | sha256sum')
    digest = hashlib.sha256(data).hexdigest()
    assert out.stdout.split()[0] == hashlib.sha256(f'{digest}  -\n'.encode() + data).hexdigest()


# --- what they cost --------------------------------------------------------------------------------------


def test_a_thousand_idle_ones_cost_little(gate, token, build):
    if build.endswith('san'):
        pytest.skip('the sanitizer has memory of its own')
    assert idle_sockets.cost(gate, token, CHANGES, IDLE, IDLE_KIB) < IDLE_KIB


# --- the end ------------------------------------------------------------------------------------------------


def test_a_proxy_that_stops_says_so(gate, token):
    changes, ssh = open_ws(gate, token, CHANGES), open_ws(gate, token)
    banner(ssh)
    gate.daemons['proxyd'].stop()
    assert changes.receive_close()[0] == 1001
    assert ssh.receive_close()[0] in (1000, 1001)
    text = gate.daemons['proxyd'].text()
    assert 'AddressSanitizer' not in text and 'runtime error' not in text, text[-3000:]
