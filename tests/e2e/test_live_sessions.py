# SPDX-License-Identifier: Apache-2.0
"""Sessions while they run: who sees that there are any, who watches them, what ends a watch, and who ends a session. Real daemons."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

import pexpect
import pytest

from cluster import Cluster, wait_for
from conftest import end, scratch
from producers import frames_of
from webapi import Browser
from websocket_client import WebSocket

pytestmark = pytest.mark.sanitized
# Says what it is told, on a terminal, until it is told "leave".
ECHO = 'stty -echo; echo ready; while read -r l; do [ "$l" = leave ] && exit 3; echo "heard $l"; done'


@pytest.fixture(scope='module')
def town(build, login):
    """A cluster of its own, since its parts stop and start. alice works; carol may see what others do; mallory may not; ed administers."""
    c = Cluster(scratch(), build)
    try:
        c.start([('node-1', 'env=x'), ('node-2', 'env=x')])
        c.people = {name: c.add_user(name, roles=roles, logins=login) for name, roles in (
            ('alice', 'access'), ('carol', 'auditor'), ('mallory', 'access'), ('ed', 'editor,access,auditor'))}
        c.login(c.people['alice'])
        c.login(c.people['ed'])
        yield c
    finally:
        end(c, 'live-sessions')


@pytest.fixture(scope='module')
def browsers(town):
    """Of each of them one, logged in; as often as one likes."""
    made = {}

    def browser_of(name):
        if name not in made:
            made[name] = Browser(town)
            made[name].login(town.people[name])
        return made[name]
    return browser_of


class Session:
    """What alice has open on a node: a terminal with ECHO in it."""

    def __init__(self, town, login, browser, node='node-1', who='alice'):
        before = {r['session'] for r in running(browser)}
        self.child = pexpect.spawn(town.bin('tsh'), ['ssh', '-t', f'{login}@{node}', ECHO], encoding='utf-8', timeout=60,
                                   dimensions=(24, 80), env={**os.environ, **town.env(who)})
        self.child.expect('ready')
        self.row = wait_for('the session in the list', lambda: next(
            (r for r in running(browser) if r['session'] not in before and r['user'] == who), None))
        self.id = self.row['session']

    def say(self, line):
        self.child.sendline(line)
        self.child.expect(f'heard {line}')

    def leave(self):
        if self.child.isalive():
            self.child.sendline('leave')
            self.child.expect(pexpect.EOF)


def running(browser):
    return browser.get('/v1/webapi/recordings?running=true')['recordings']


@pytest.fixture
def session(town, login, browsers):
    s = Session(town, login, browsers('carol'))
    yield s
    s.leave()


class Watch:
    """A page that watches: what it was shown until now, and how it ended."""

    def __init__(self, browser, session):
        self.ws = WebSocket(browser.cluster.public_port, f'/v1/webapi/recordings/{session}/live', browser.cookie)
        self.bytes, self.told = b'', []

    def take(self):
        """The code and reason when it is over, else None."""
        first, data = self.ws.receive()
        if first == 0x82:
            self.bytes += data
            self.ws.send(str(len(self.bytes)).encode(), first=0x81)
        elif first == 0x81:
            self.told.append(json.loads(data))
        elif first == 0x88:
            return struct.unpack('>H', data[:2])[0], data[2:].decode()
        return None

    def shown(self):
        try:
            return b''.join(data for kind, data in frames_of(self.bytes) if kind in (1, 2)).decode(errors='replace')
        except IndexError:  # the last frame is not whole
            return ''

    def until(self, text):
        while text not in self.shown():
            assert self.take() is None, self.shown()

    def over(self):
        while True:
            how = self.take()
            if how:
                return how


def test_the_list_says_who_where_since_when_and_from_where(town, session, browsers, login):
    row = next(r for r in running(browsers('carol')) if r['session'] == session.id)
    assert row['user'] == 'alice' and row['login'] == login and row['node_name'] == 'node-1' and row['ended_us'] == 0
    assert row['remote_addr'] == '127.0.0.1' and row['producer_online'] and row['heard_us'] > row['started_us'] - 60_000_000
    session.leave()
    wait_for('the end', lambda: session.id not in [r['session'] for r in running(browsers('carol'))])
    ended = browsers('carol').get(f'/v1/webapi/recordings?session={session.id}')['recordings'][0]
    assert ended['ended_us'] and not ended['producer_online']


def test_a_watch_shows_what_was_and_what_comes_until_the_end(town, session, browsers):
    session.say('before')
    watch = Watch(browsers('carol'), session.id)
    assert watch.ws.status == 101
    watch.until('heard before')
    for word in 'one', 'two':
        session.say(word)
        watch.until(f'heard {word}')
    session.leave()
    assert watch.over() == (1000, 'the session has ended')
    kinds = [kind for kind, _ in frames_of(watch.bytes)]
    assert kinds[-1] == 7 and watch.told[0]['session'] == session.id and watch.told[-1]['ended_us']
    status, _, whole = browsers('carol').send('GET', f'/v1/webapi/recordings/{session.id}/frames')
    assert status == 200 and whole == watch.bytes
    looked = wait_for('the event', lambda: [
        e['event'] for e in browsers('carol').get(f'/v1/webapi/events?types=session.recording.access&session={session.id}')['events']
        if {'key': 'method', 'value': 'live'} in e['event']['fields']])
    assert [e['user'] for e in looked] == ['carol'] and {'key': 'owner', 'value': 'alice'} in looked[0]['fields']


def test_whose_roles_do_not_allow_it_sees_nothing_of_others(town, session, browsers):
    mallory = browsers('mallory')
    assert running(mallory) == []
    watch = Watch(mallory, session.id)
    assert watch.over()[0] == 1008 and watch.bytes == b'' and watch.told == []
    assert mallory.refused('GET', f'/v1/webapi/recordings/{session.id}/frames')[0] == 404
    # One's own one may see.
    mine = Watch(browsers('alice'), session.id)
    session.say('mine')
    mine.until('heard mine')
    mine.ws.close()
    assert mallory.refused('GET', f'/v1/webapi/recordings/{session.id}/frames?follow=true')[0] == 400


def test_strangers_and_other_sites_watch_nothing(town, session, browsers):
    path = f'/v1/webapi/recordings/{session.id}/live'
    port, cookie = town.public_port, browsers('carol').cookie
    for status, options in ((401, {}), (401, {'token': '0' * 64}), (403, {'token': cookie, 'origin': 'https://evil.example'}),
                            (403, {'token': cookie, 'origin': None})):
        ws = WebSocket(port, path, **options)
        assert ws.status == status, (options, ws.head)
        ws.close()
    assert WebSocket(port, path + '?x=1', cookie).status == 400
    for wrong in 'nonsense', '00000000-0000-4000-8000-000000000000':
        ws = WebSocket(port, f'/v1/webapi/recordings/{wrong}/live', cookie)
        assert ws.status == 101 and ws.receive_close()[0] == 1008


def test_pages_of_those_who_may_see_it_hear_that_a_session_began_and_ended(town, login, browsers):
    changes = {name: WebSocket(town.public_port, '/v1/webapi/changes', browsers(name).cookie) for name in ('carol', 'alice', 'mallory')}
    assert all(ws.status == 101 for ws in changes.values())

    def hear(name, kind):
        """What was said until then."""
        said = []
        while kind not in said:
            said.append(json.loads(changes[name].receive()[1])['kind'])
        return said[:-1]
    s = Session(town, login, browsers('carol'))
    for name in 'carol', 'alice':
        hear(name, 'session')
    s.leave()
    for name in 'carol', 'alice':
        hear(name, 'session')
    town.tctl('nodes', 'label', 'node-1', 'note=changed')
    assert 'session' not in hear('mallory', 'node')
    for ws in changes.values():
        ws.close()


def test_one_person_watches_so_many_and_the_rest_of_the_page_works(town, session, browsers):
    carol = browsers('carol')
    watches = [Watch(carol, session.id) for _ in range(4)]
    for watch in watches:
        watch.until('ready')
    code, why = Watch(carol, session.id).over()
    assert code == 1011 and 'you watch 4 sessions' in why
    assert running(carol)  # there is room to ask
    for watch in watches:
        watch.ws.close()

    def again():
        watch = Watch(carol, session.id)
        watch.ws.sock.settimeout(60)
        first, _ = watch.ws.receive()
        watch.ws.close()
        return first != 0x88
    wait_for('room', again)


@pytest.mark.parametrize('how', ['role', 'lock', 'logout', 'removal'])
def test_a_watch_ends_with_what_it_was_allowed_by(town, session, login, how):
    name = f'watcher-{how}'
    person = town.add_user(name, roles='access,auditor', logins=login)
    b = Browser(town)
    b.login(person)
    watch = Watch(b, session.id)
    watch.until('ready')
    if how == 'role':
        town.tctl('users', 'update', name, '--set-roles=access')
    elif how == 'lock':
        town.tctl('lock', f'--user={name}', '--message=enough', '--ttl=1h')
    elif how == 'logout':
        b.post('/v1/webapi/logout')
    else:
        town.tctl('users', 'rm', name)
    code, why = watch.over()
    assert code == 1008 and why, why
    seen = watch.bytes
    session.say('secret')
    with pytest.raises((EOFError, socket.timeout, OSError)):
        watch.ws.sock.settimeout(5)
        watch.take()
    assert watch.bytes == seen


def test_a_node_that_died_is_said_to_be_away(town, login, browsers):
    """Killed with its monitor, and not there to write the end: whether the session is over nobody knows, and the list says so."""
    s = Session(town, login, browsers('carol'), node='node-2')
    watch = Watch(browsers('carol'), s.id)
    watch.until('ready')
    town.daemons['node-2'].cut_off()

    def row():
        return browsers('carol').get(f'/v1/webapi/recordings?session={s.id}')['recordings'][0]
    wait_for('authd to miss it', lambda: not row()['producer_online'], 120, pause=1)
    assert row()['ended_us'] == 0 and row()['heard_us'] > row()['started_us'] - 1000
    while watch.told[-1]['producer_online']:
        assert watch.take() is None
    town.restart('node-2')
    wait_for('the end that the node writes when it is back', lambda: row()['ended_us'], pause=1)
    assert watch.over() == (1000, 'the session has ended')


# --- ending one ----------------------------------------------------------------------------------------------------


def over(session, why):
    """It ended, and its user read why."""
    session.child.expect(re.escape(why))
    session.child.expect(pexpect.EOF)
    session.child.close()
    assert session.child.exitstatus != 0


def last_words(town, session):
    out = town.tctl('audit', 'ls', f'--session={session.id}', '--type=session.end', '--format=json', check=False)
    return [e['message'] for e in json.loads(out.stdout)] if out.returncode == 0 else []


def test_who_may_lock_ends_a_session_and_its_user_reads_why(town, login, browsers):
    ended, other = (Session(town, login, browsers('carol')) for _ in range(2))
    watch = Watch(browsers('carol'), ended.id)
    watch.until('ready')
    out = town.tctl_remote('ed', 'sessions', 'end', ended.id[:13], '--reason=maintenance begins')
    assert out.stdout == f'Session {ended.id} of alice on node-1 is ended.\n'
    why = 'this session was ended by ed: maintenance begins'
    over(ended, why)
    assert watch.over() == (1000, 'the session has ended') and why.encode() in watch.bytes
    wait_for('the end in the trail', lambda: last_words(town, ended) == [why])
    other.say('still here')
    other.leave()
    lock = next(r['value'] for r in browsers('ed').get('/v1/webapi/resources?kind=lock')['resources']
                if r['value']['session'] == ended.id)
    assert lock['session_user'] == 'alice' and not lock['user'] and lock['created_by'] == 'ed' and lock['expires'] > 0
    out = town.tctl_remote('ed', 'sessions', 'end', ended.id, check=False)
    assert out.returncode == 1 and 'no session that runs' in out.stderr


def test_a_session_whose_output_nobody_reads_ends_too(town, login, browsers):
    """Otherwise its user could keep it for as long as he likes."""
    before = {r['session'] for r in running(browsers('carol'))}
    child = subprocess.Popen([town.bin('tsh'), 'ssh', f'{login}@node-1', 'yes'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             env={**os.environ, **town.env('alice')})
    try:
        assert child.stdout.read(2) == b'y\n'
        row = wait_for('the session', lambda: next((r for r in running(browsers('carol')) if r['session'] not in before), None), pause=0.5)
        state = []

        def stands():
            """No more of it comes."""
            bytes_now = next(r['bytes'] for r in running(browsers('carol')) if r['session'] == row['session'])
            state.append(bytes_now)
            return state[-4:] == [bytes_now] * 4 and bytes_now > 0
        wait_for('the pipe to be full', stands, pause=1)
        town.tctl_remote('ed', 'sessions', 'end', row['session'], '--reason=enough')
        wait_for('its end', lambda: browsers('carol').get(f"/v1/webapi/recordings?session={row['session']}")['recordings'][0]['ended_us'])
    finally:
        child.kill()
        child.communicate()


def test_a_session_is_said_to_be_ended_when_it_is(town, login, browsers):
    s = Session(town, login, browsers('carol'))
    node = town.daemons['node-1'].pid
    os.kill(node, signal.SIGSTOP)
    try:
        out = town.tctl_remote('ed', 'sessions', 'end', s.id)
        assert out.stdout == '' and 'has not ended yet: node-1 was told' in out.stderr
    finally:
        os.kill(node, signal.SIGCONT)
    over(s, 'this session was ended by ed')


def lock_of(browser, **value):
    return browser.ask('POST', '/v1/webapi/resources', {'resource': {'kind': 'lock', 'value': value}})


def in_an_hour():
    return int(time.time() * 1000) + 3600_000


def test_who_may_not_lock_ends_nothing(town, session, browsers):
    for name in 'mallory', 'carol', 'alice':
        status, _ = lock_of(browsers(name), session=session.id, session_user='alice', message='go', expires=in_an_hour())
        assert status == 403, name
    # Whoever may, says whose it is, or is above that; a wrong name ends nothing.
    ed = browsers('ed')
    assert lock_of(ed, session=session.id, session_user='mallory', message='go', expires=in_an_hour())[0] == 200
    for wrong in ({'user': 'alice'}, {'expires': in_an_hour() + 24 * 3600_000}, {'role': 'access'}, {'session': 'x'}, {'session': session.id.upper()}):
        assert lock_of(ed, **({'session': session.id, 'session_user': 'alice', 'expires': in_an_hour()} | wrong))[0] == 400, wrong
    session.say('still here')


def test_who_administers_some_ends_no_session_of_those_above_him(town, session, login):
    """May lock, but holds less than alice."""
    town.tctl('create', '-', input='''kind: role
metadata: {name: locker}
spec: {allow: {rules: [{resources: [lock], verbs: [create, list]}]}}
''')
    person = town.add_user('lou', roles='locker', logins='')
    b = Browser(town)
    b.login(person)
    for user in {'session_user': 'alice'}, {}:
        status, answer = lock_of(b, session=session.id, message='go', expires=in_an_hour(), **user)
        assert status == 403 and 'beyond your own rights' in answer['error']['message'], answer
    session.say('still here')


def test_a_lock_of_a_session_by_its_id_alone_is_root_s(town, login, browsers):
    s = Session(town, login, browsers('carol'))
    town.tctl('lock', f'--session={s.id}')
    over(s, 'this session was ended by root')


# --- with tsh ------------------------------------------------------------------------------------------------------


def test_tsh_lists_and_follows(town, session, browsers, login):
    rows = json.loads(town.tsh('ed', 'sessions', 'ls', '--format=json').stdout)
    row = next(r for r in rows if r['id'] == session.id)
    assert row['user'] == 'alice' and row['producer_online'] and row['remote_addr'] == '127.0.0.1' and row['ended'] == ''
    table = town.tctl('sessions', 'ls', '--by=alice', '--node=node-1').stdout
    assert re.search(rf'^{session.id} +alice +{login}@node-1 +127\.0\.0\.1 .* runs ', table, re.M), table
    assert session.id not in town.tsh('ed', 'sessions', 'ls', '--by=ed').stdout
    follower = pexpect.spawn(town.bin('tsh'), ['play', '--follow', session.id[:13]], encoding='utf-8', timeout=60,
                             dimensions=(40, 120), env={**os.environ, **town.env('ed')})
    follower.expect('ready')
    session.say('one')
    follower.expect('heard one')
    session.leave()
    follower.expect(pexpect.EOF)
    follower.close()
    assert follower.exitstatus == 0
    out = town.tsh('alice', 'play', '--follow', '--format=text', session.id, check=False)
    assert out.returncode == 1 and '--follow' in out.stderr


# --- how fast what is shown comes is the page's affair -----------------------------------------------------------------


def test_who_takes_nothing_is_sent_a_mib_and_lies_are_refused(town, login, browsers):
    flood = pexpect.spawn(town.bin('tsh'), ['ssh', f'{login}@node-1', 'head -c 3000000 /dev/zero | tr "\\0" x; echo; echo flooded; read x'],
                          encoding='utf-8', timeout=60, env={**os.environ, **town.env('alice')})
    flood.expect('flooded')
    row = wait_for('the session', lambda: next((r for r in running(browsers('carol')) if r['bytes'] > 3000000), None), pause=0.5)
    watch = Watch(browsers('carol'), row['session'])
    got = 0
    while got < 1 << 20:
        first, data = watch.ws.receive()
        got += len(data) if first == 0x82 else 0
    assert got == 1 << 20
    watch.ws.send(str(got).encode(), first=0x81)
    more = 0
    while more < 1 << 20:
        first, data = watch.ws.receive()
        more += len(data) if first == 0x82 else 0
    assert more == 1 << 20
    for lie in b'1', b'9999999999', b'x', b'', b'-5', b'1048577 ':
        liar = Watch(browsers('carol'), row['session'])
        liar.ws.receive()
        liar.ws.send(b'1', first=0x81) if lie == b'1' else None
        liar.ws.send(b'0' if lie == b'1' else lie, first=0x81)
        assert liar.over()[0] == 1003, lie
    flood.sendline('')
    flood.expect(pexpect.EOF)
