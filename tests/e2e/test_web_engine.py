# SPDX-License-Identifier: Apache-2.0
"""The SSH engine of the page (build/web/engine.wasm and web/engine/*.mjs) in Node.js, against real proxies and nodes: a page and its
worker, with keys of WebCrypto that cannot be exported. tests/web/session.mjs does, these tests judge."""
import base64
import json
import os
import secrets
import subprocess
import threading

import own_keys
import pytest
from cluster import memory_has, wait_for
from webapi import Browser
from websocket_client import WebSocket

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope='module', params=['ed25519', 'p256'])
def who(request, cluster, login, built):
    """The file that says who is logged in; with a key of each kind."""
    kind = request.param
    person = cluster.add_user(f'wanda-{kind}', roles='access', logins=login)
    keys = own_keys.OwnKeys(kind)
    reply, hosts = own_keys.login(cluster, person, keys)
    name, port = cluster.proxy.rsplit(':', 1)
    return cluster.write(f'wanda-{kind}.json', json.dumps({
        'url': f'tcp://127.0.0.1:{port}', 'user': reply.user, 'kind': kind, 'pkcs8': keys.pkcs8().hex(), 'certificate': reply.ssh_cert.hex(),
        'hostCa': [h.hex() for h in hosts], 'proxyHost': name, 'node': 'node-1', 'other': 'node-2', 'login': login}))


@pytest.fixture(scope='session')
def built():
    """The build folder with the engine and npm's packages; one for every kind of build."""
    subprocess.run(['flock', 'web', 'make', '-s', 'engine', 'npm'], cwd=TOP, check=True)
    return os.path.join(TOP, 'build')


@pytest.fixture
def do(who, built):
    return lambda test: run(built, who, test)


def command(built, who, test):
    return ['node', os.path.join(TOP, 'tests/web/session.mjs'), built, who, test]


def run(built, who, test):
    out = subprocess.run(command(built, who, test), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=180)
    assert out.returncode == 0, out.stdout + out.stderr
    return json.loads(out.stdout)


def test_what_comes_with_the_end_of_a_channel_does_not_touch_it_any_more():
    out = subprocess.run(['node', os.path.join(TOP, 'tests/web/stale.mjs')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=180)
    assert out.returncode == 0 and json.loads(out.stdout)['cases'] == 5, out.stdout


def test_a_terminal_in_the_page_with_resize_and_wide_characters(do):
    assert do('shell') == {'status': 3, 'signal': None, 'reason': '', 'wide': True}


def test_commands_with_their_ends_and_one_connection_to_each_node(do):
    got = do('exec')
    assert got['all'] == [{'out': 'out\n', 'err': 'err\n', 'status': 7, 'signal': None, 'reason': ''},
                          {'out': '', 'err': '', 'status': None, 'signal': 'TERM', 'reason': ''},
                          {'out': 'second\n', 'err': '', 'status': 0, 'signal': None, 'reason': ''}]
    assert got['links'] == 2


def test_bulk_both_ways_while_keys_are_exchanged_anew(do):
    got = do('bulk')
    assert got['up'] and got['down'] and got['exchanges'] > 40, got


def test_what_the_page_does_not_take_waits_at_the_node(do):
    got = do('slow')
    assert got['untaken'] <= 256 << 10 and got['memory'] <= 8 << 20, got
    assert got['total'] == 32 << 20 and got['whole'] and got['status'] == 0, got


def test_ctrl_c_reaches_a_flood_that_is_drawn_slowly(do):
    got = do('interrupt')
    assert got['still'] and got['status'] == 5
    # What was under way when the key was struck: the page's share, the window, what the node's terminal held.
    assert got['after'] < 4 << 20, got


def test_who_is_not_believed_gets_nothing_and_is_told_why(do):
    got = do('refused')
    assert got['right'] == 'IN: in\n'
    assert 'certificate' in got['ca'] and 'localhost' in got['ca']
    assert 'elsewhere.example.com' in got['name']
    assert 'permission denied' in got['key']
    assert 'signature' in got['certificate'] or 'malformed' in got['certificate']
    assert 'nobody-like-that' in got['login']
    assert 'no-such-node' in got['node']


def test_garbage_on_the_way_ends_with_a_text(do):
    got = do('garbage')
    assert got['first'] == 'IN: in\n'
    for text in got['spoiled'] + got['strange']:
        assert text and not text.startswith('IN') and 'failed:' not in text, got


def test_leaving_ends_sessions_and_one_may_come_back(do):
    got = do('leave')
    assert got['closed']['status'] is None
    assert got['how']['reason'] == 'closed' == got['reason']
    assert 'no connection' in got['again'] and got['back'] == 'back\n'


def test_files_go_up_and_come_down_whole_or_with_a_reason(do):
    got = do('files')
    assert got['path'] == '/na me.bin' and got['up'] and got['down'] and got['told'], got
    assert got['none'] == 0 and got['proc'], got
    assert 'is a folder' in got['folder'] and 'No such file' in got['absent'] and 'No such file' in got['nowhere']
    assert got['given'] == 'given up'


# --- through a web session -------------------------------------------------------------------------------------


class Visitor:
    """Somebody in a browser: logged in, with a key that authd certified for the web session, and the proxy's WebSocket."""

    def __init__(self, cluster, login, name):
        self.person = cluster.add_user(name, roles='access', logins=login)
        self.browser = Browser(cluster)
        self.browser.login(self.person)
        self.keys = own_keys.OwnKeys('ed25519')
        mine = self.browser.post('/v1/webapi/certificate', ssh_key=base64.b64encode(self.keys.blob()).decode())
        self.marker = 'm' + secrets.token_hex(12)
        wait_for('the proxy to hear of the session', lambda: self.has_websocket(cluster))

        def blob(text):
            return base64.b64decode(text).hex()
        self.file = cluster.write(f'{name}.json', json.dumps({
            'url': f'wss://127.0.0.1:{cluster.public_port}/v1/webapi/ssh#{self.browser.cookie}', 'user': mine['user'], 'kind': 'ed25519',
            'pkcs8': self.keys.pkcs8().hex(), 'certificate': blob(mine['ssh_cert']), 'hostCa': [blob(h) for h in mine['host_ca']],
            'proxyHost': mine['proxy_host'], 'node': 'node-1', 'other': 'node-2', 'login': login, 'marker': self.marker}))


    def has_websocket(self, cluster):
        ws = WebSocket(cluster.public_port, '/v1/webapi/changes', self.browser.cookie)
        ws.close()
        return ws.status == 101


@pytest.fixture(scope='module')
def visitor(cluster, login):
    return Visitor(cluster, login, 'victor')


@pytest.fixture
def typing(built, visitor):
    """A terminal in a page, in which the marker was typed and is shown."""
    child = subprocess.Popen(command(built, visitor.file, 'typed'), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    late = threading.Timer(180, child.kill)  # then nothing is read, and the test fails
    late.start()
    try:
        assert child.stdout.readline() == 'shown\n'
        yield child
    finally:
        late.cancel()
        child.kill()
        child.wait()


def test_terminal_bulk_and_files_through_the_proxys_websocket(built, visitor):
    assert run(built, visitor.file, 'shell') == {'status': 3, 'signal': None, 'reason': '', 'wide': True}
    got = run(built, visitor.file, 'bulk')
    assert got['up'] and got['down'], got
    assert run(built, visitor.file, 'files')['down']


@pytest.mark.skipif(os.getuid() != 0, reason='looks into the memory of another user\'s process')
def test_the_proxy_has_neither_what_is_typed_in_a_page_nor_its_key(cluster, visitor, typing):
    pid = cluster.daemons['proxyd'].pid
    seed = visitor.keys.pkcs8()[-32:]
    for _ in range(2):
        assert not memory_has(pid, visitor.marker.encode()) and not memory_has(pid, seed)
        # It is not that it could not be found: what the page does tell the proxy is there, while it is there.
        if typing.poll() is None:
            assert memory_has(pid, visitor.person['user'].encode())
            typing.communicate('end\n', timeout=60)


def test_logging_out_ends_what_runs_in_a_page(visitor, typing):
    assert visitor.browser.post('/v1/webapi/logout') == {}
    how = json.loads(typing.stdout.readline())
    assert how['status'] is None and how['reason'], how
