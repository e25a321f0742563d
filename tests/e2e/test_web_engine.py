# SPDX-License-Identifier: Apache-2.0
"""The SSH engine of the page (build/web/engine.wasm and web/engine/*.mjs) in Node.js, against real proxies and nodes: a page and its
worker, with keys of WebCrypto that cannot be exported. tests/web/session.mjs does, these tests judge."""
import json
import os
import subprocess

import own_keys
import pytest

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
    def run(test):
        out = subprocess.run(['node', os.path.join(TOP, 'tests/web/session.mjs'), built, who, test], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, timeout=180)
        assert out.returncode == 0, out.stdout + out.stderr
        return json.loads(out.stdout)
    return run


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
    assert got['untaken'] <= 512 << 10 and got['memory'] <= 8 << 20, got
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
    assert got['closed']['status'] is None or got['closed']['reason'] == ''
    assert got['how']['reason'] == 'closed' == got['reason']
    assert 'no connection' in got['again'] and got['back'] == 'back\n'


def test_files_go_up_and_come_down_whole_or_with_a_reason(do):
    got = do('files')
    assert got['path'] == '/na me.bin' and got['up'] and got['down'] and got['told'], got
    assert got['none'] == 0 and got['proc'], got
    assert 'is a folder' in got['folder'] and 'No such file' in got['absent'] and 'No such file' in got['nowhere']
    assert got['given'] == 'given up'
