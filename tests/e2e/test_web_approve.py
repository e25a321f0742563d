# SPDX-License-Identifier: Apache-2.0
"""`tsh login` through the browser: a real tsh in a terminal, a real Chromium, a real proxy. What is refused to whom at authd is
test_browser_login.py's."""
import json
import os
import re
import subprocess

import pexpect
import pytest

import webapi
from browser import TOP, Browser
from cluster import Cluster, wait_for
from conftest import keep_logs, scratch

PASSWORD = 'correct horse battery'


@pytest.fixture(scope='module')
def gate(build):
    """authd and proxyd only, with the app."""
    subprocess.run(['flock', 'web', 'make', '-s', 'web'], cwd=TOP, check=True)
    c = Cluster(scratch(), build)
    try:
        c.start_authd()
        c.start_proxyd()
        yield c
    finally:
        keep_logs(c, 'web-approve')
        c.remove()


@pytest.fixture(scope='module')
def alice(gate):
    return gate.add_user('alice', roles='access', logins='root')


@pytest.fixture(scope='module')
def window(gate):
    b = Browser(os.path.join(TOP, 'build'), f'https://localhost:{gate.public_port}')
    b.do('open')
    yield b
    b.stop()


@pytest.fixture(scope='module')
def kept(gate, alice):
    """Her session, by its cookie: a code is good once, and one login is enough for all."""
    web = webapi.Browser(gate)
    web.login(alice)
    return web.cookie


@pytest.fixture
def at_alices(window, kept):
    """The browser, with her session in it."""
    window.do('open')
    window.keep(kept)
    window.do('goto', path='/web')
    window.do('see', selector='header.top')
    return window


@pytest.fixture
def web(gate, kept):
    """What asks the API in her session."""
    asks = webapi.Browser(gate)
    asks.cookie = kept
    return asks


class Tsh:
    """tsh in a terminal. here: it finds a program that opens browsers; what that was given is the address."""

    def __init__(self, gate, user, here=False, by='--auth=browser', home=None):
        self.gate, self.home, self.opened = gate, home or user, gate.path(f'opened-{user}')
        opener = gate.write(f'open-{user}', f'#!/bin/sh\nprintf %s "$1" > {self.opened}.new && mv {self.opened}.new {self.opened}\n', 0o755)
        if os.path.exists(self.opened):
            os.unlink(self.opened)
        self.child = pexpect.spawn(gate.bin('tsh'), [
            'login', f'--proxy=localhost:{gate.public_port}', f'--user={user}', f'--ca-pin={gate.ca_pin()}',
            f'--browser={opener if here else "none"}', *([by] if by else [])],
            encoding='utf-8', timeout=60, dimensions=(40, 200), env={**os.environ, 'SALLYPORT_HOME': gate.home(self.home)})

    def address(self):
        """The page, as the terminal shows it."""
        self.child.expect(r'(/web/approve/[0-9a-f]{32})\s')
        return self.child.match[1]

    def code(self):
        self.child.expect(r'for this code: ([A-Z]{4})\s')
        return self.child.match[1]

    def is_in(self):
        self.child.expect('Logged in as: ')
        self.child.expect(pexpect.EOF)
        self.child.close()
        assert self.child.exitstatus == 0
        return json.loads(self.gate.tsh(self.home, 'status', '--format=json').stdout)['active']

    def end(self):
        self.child.close(force=True)


def typed(tsh, grant):
    tsh.child.expect('code that the page shows in the end: ')
    tsh.child.sendline(grant)


def test_a_browser_of_this_machine_brings_the_answer_by_itself(gate, alice, window):
    tsh = Tsh(gate, 'alice', here=True)
    path, code = tsh.address(), tsh.code()
    wait_for('tsh to open the browser', lambda: os.path.exists(tsh.opened))
    with open(tsh.opened) as f:
        assert f.read() == f'https://localhost:{gate.public_port}{path}'
    # Nobody is logged in there: the login leads to the page.
    window.log_in(alice, lambda: gate.code(alice), path=path)
    window.see('From the address')
    assert window.do('address') == path
    assert window.texts('.facts .badge') == ['yours'] and window.do('axe') == []
    window.fill('Code', 'QQQQ' if code != 'QQQQ' else 'PPPP')
    window.click('button', 'Log in')
    window.see('That is not the code that tsh shows')
    window.fill('Code', code.lower())
    window.click('button', 'Log in')
    window.see('tsh goes on in your terminal.')
    assert window.do('address') == '/web/approved' and window.do('complaints') == []
    active = tsh.is_in()
    assert active['username'] == 'alice' and active['logins'] == ['root']
    assert gate.tsh('alice', 'ls').returncode == 0


def test_a_browser_elsewhere_shows_what_is_typed_into_the_terminal(gate, at_alices):
    window = at_alices
    tsh = Tsh(gate, 'alice', home='elsewhere')
    path = tsh.address()
    window.do('goto', path=path)
    window.see('You will be shown a code')
    window.click('button', 'Log in')
    window.see('Whoever asks you for this code')
    [grant] = window.texts('.grant')
    assert re.fullmatch(r'[A-Z]{4}-[A-Z]{4}', grant) and window.do('axe') == []
    typed(tsh, grant)
    tsh.is_in()
    # It was good once; the page says what to do.
    window.do('reload')
    window.see('run tsh login anew')


def show_changed(window, path, changes):
    """What the proxy answers is changed on its way, for it is all one address here; authd's own is in test_browser_login.py."""
    window.do('goto', path='/web')
    window.do('see', selector='h1')
    window.evaluate("""(() => {
        const real = fetch;
        window.fetch = async (url, options) => {
            const answer = await real(url, options);
            if (options?.method === 'POST' || !String(url).includes('/approve/')) return answer;
            const shown = { ...(await answer.json()), ...CHANGES };
            return new Response(JSON.stringify(shown), { headers: { 'Content-Type': 'application/json' } });
        };
        history.pushState(null, '', 'PATH');
        dispatchEvent(new PopStateEvent('popstate'));
    })()""".replace('PATH', path).replace('CHANGES', json.dumps(changes)))


def test_an_address_that_is_not_known_is_not_taken_for_ones_own(gate, at_alices):
    window, tsh = at_alices, Tsh(gate, 'alice', home='hidden')
    path = tsh.address()
    show_changed(window, path, {'address': '', 'own_address': ''})
    window.see('It may have been begun at another address than yours')
    assert window.texts('.facts .badge') == [] and window.do('axe') == []
    show_changed(window, path, {'own_address': ''})
    window.see('It may have been begun at another address than yours')
    assert window.texts('.facts .badge') == []
    tsh.end()


def test_another_address_and_an_old_session_are_seen(gate, at_alices):
    window, tsh = at_alices, Tsh(gate, 'alice', here=True, home='far')
    show_changed(window, tsh.address(), {'address': '203.0.113.9', 'proof_wanted': True, 'tool': '<b>tsh</b>'})
    window.see('It was begun at another address than yours')
    window.see('<b>tsh</b> (as it calls itself)')
    assert window.texts('.facts .badge') == ['not yours'] and window.do('axe') == []
    window.see('show once more that it is you')
    # Which a fresh session is not asked for, and may show all the same.
    window.fill('Code', tsh.code())
    window.fill('Password', PASSWORD)
    window.fill('One-time code', '123456')
    window.click('button', 'Log in')
    window.see('tsh goes on in your terminal.')
    tsh.is_in()


def test_who_has_only_a_security_key_is_led_to_the_browser(gate, window):
    link = re.search(r'/web/invite/[0-9a-f]{32}', gate.tctl('users', 'add', 'kim', '--roles=access', '--logins=root').stdout)[0]
    window.do('open')
    window.do('key')
    window.do('goto', path=link)
    window.do('click', role='radio', name='Security key', exact=False)
    for field, value in (('password', PASSWORD), ('password2', PASSWORD), ('keyname', 'blue')):
        window.do('fill', selector=f'#{field}', value=value)
    window.do('click', selector='button')
    window.see('All set')
    tsh = Tsh(gate, 'kim', here=True, by=None)
    tsh.child.expect('Password of the Sallyport user kim: ')
    tsh.child.sendline(PASSWORD)
    tsh.child.expect('Enter: log in with a browser')
    tsh.child.sendline('123456')
    path, code = tsh.address(), tsh.code()
    window.do('goto', path='/web/account')
    window.click('button', 'Log out')
    window.see('You are logged out.')
    window.do('goto', path=f'/web/login?next={path}')
    window.fill('User', 'kim')
    window.fill('Password', PASSWORD)
    window.click('button', 'Use a security key')
    window.see('From the address')
    window.fill('Code', code)
    window.click('button', 'Log in')
    window.see('tsh goes on in your terminal.')
    assert tsh.is_in()['username'] == 'kim'
    # The next login asks for no password that would not do.
    again = Tsh(gate, 'kim', by='--force')
    window.do('goto', path=again.address())
    window.click('button', 'Log in')
    window.see('Whoever asks you for this code')
    typed(again, window.texts('.grant')[0])
    again.is_in()


def test_without_a_terminal_no_browser_is_waited_for(gate, alice):
    """A script that has no code is told so, and opens nothing."""
    opened = gate.path('opened-by-script')
    opener = gate.write('open-by-script', f'#!/bin/sh\nprintf %s "$1" > {opened}\n', 0o755)
    p = subprocess.run(
        [gate.bin('tsh'), 'login', f'--proxy=localhost:{gate.public_port}', '--user=alice', f'--ca-pin={gate.ca_pin()}', f'--browser={opener}'],
        input=f'{PASSWORD}\n\n', capture_output=True, text=True, timeout=60, start_new_session=True,
        env={**os.environ, 'SALLYPORT_HOME': gate.home('script')})
    assert p.returncode == 1 and 'say --auth=browser' in p.stderr and '/web/approve/' not in p.stdout + p.stderr
    assert not os.path.exists(opened)


def test_another_sees_nothing_and_refusing_ends_it(gate, kept, window):
    bob = gate.add_user('bob', roles='access', logins='root')
    tsh = Tsh(gate, 'alice', home='refused')
    path = tsh.address()
    window.log_in(bob, lambda: gate.code(bob), path=path)
    window.see('was begun for another user')
    window.keep(kept)
    window.do('goto', path=path)
    window.click('button', 'It was not me')
    window.do('see', role='heading', name='Refused')
    typed(tsh, 'BBBB-BBBB')
    tsh.child.expect('that is not what the browser showed')
    tsh.child.expect(pexpect.EOF)
    tsh.child.close()
    assert tsh.child.exitstatus == 1
    assert gate.tsh('refused', 'status', check=False).returncode != 0


def test_what_comes_to_the_port_without_the_id_is_nothing(gate, web):
    """Any page in a browser of this machine can ask there."""
    import http.client
    tsh = Tsh(gate, 'alice', here=True, home='port')
    path, code = tsh.address(), tsh.code()
    ident = path.rsplit('/', 1)[1]
    port = web.get(f'/v1/webapi/approve/{ident}')['port']

    def ask(method, target):
        conn = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
        conn.request(method, target)
        answer = conn.getresponse()
        return answer.status, answer.getheader('Location')
    for method, target in (('GET', '/'), ('GET', '/' + '0' * 32 + '?grant=BBBBBBBB'), ('GET', f'/{ident}'), ('GET', f'/{ident}?x=1'),
                           ('GET', f'/{ident}?grant=' + 'B' * 100), ('GET', f'/{ident}/?grant=BBBBBBBB')):
        assert ask(method, target) == (404, None), target
    assert ask('POST', f'/{ident}?grant=BBBBBBBB')[0] in (404, 405)
    answer = web.post(f'/v1/webapi/approve/{ident}', code=code)
    assert answer['port'] == port
    assert ask('GET', f'/{ident}?grant={answer["grant"]}') == (303, f'https://localhost:{gate.public_port}/web/approved')
    tsh.is_in()


def test_another_site_approves_nothing(gate, web):
    tsh = Tsh(gate, 'alice', home='site')
    path = '/v1/webapi/approve/' + tsh.address().rsplit('/', 1)[1]
    evil = {'Origin': 'https://evil.example', 'Sec_Fetch_Site': 'cross-site'}
    for target in (path, f'{path}/refuse'):
        assert web.refused('POST', target, {}, **evil)[0] == 403
        assert web.refused('POST', target, {}, Content_Type='text/plain')[0] == 403
        assert web.refused('POST', target, {}, Cookie=None)[0] == 401
    token = re.search(r'\b[0-9a-f]{64}\b', gate.tctl('tokens', 'add', '--type=api', '--roles=access').stdout)[0]
    assert web.refused('POST', path, {}, Authorization=f'Bearer {token}', Cookie=None)[0] == 403
    # None of that cost the login anything.
    typed(tsh, web.post(path)['grant'])
    tsh.is_in()
