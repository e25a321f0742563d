# SPDX-License-Identifier: Apache-2.0
"""The JSON API of proxyd: every request of it, by those who may and those who may not, and what other sites, wrong
cookies and wrong requests come to. Real daemons, as a browser would ask."""
import base64
import hashlib
import http.client
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import time
from types import SimpleNamespace

import pytest

from authd import TOP
from cluster import Cluster, memory_has, totp, wait_for
from conftest import end, scratch
from producers import frames_of
from security_key import SecurityKey
from test_recording import newest
from webapi import Browser
from websocket_client import WebSocket

FORM = 'application/x-www-form-urlencoded'
MARKUP = '<script>alert(1)</script>&amp;"\'\u202e\\'


def routes(of_nobody=False):
    """(method, path) of every row of the table, with a value for what stands in the path; of_nobody: those without a session."""
    with open(os.path.join(TOP, 'services/proxy/web_api.def')) as f:
        rows = re.findall(r'^WEB_API\(\w+, \w+, "([A-Z]+)", "([^"]+)", \S+, (\w+)\)', f.read(), re.M)
    assert len(rows) > 30
    return [(method, re.sub(r':\w+', 'nobody', path)) for method, path, kind in rows
            if (kind in ('LOGIN', 'ANYBODY', 'INVITE', 'SIGNUP')) == of_nobody]


LOGIN = ('POST', '/v1/webapi/login')


@pytest.fixture(scope='module')
def cluster(build):
    """One of our own: these tests make many users, from one address."""
    c = Cluster(scratch(), build)
    try:
        c.start([('node-1', 'env=example,team=x'), ('node-2', 'env=example'), ('node-3', 'env=prod')],
                proxyd='limits: {web_requests_per_minute: 1000}\n')
        yield c
    finally:
        end(c, 'web-api')


@pytest.fixture(scope='module')
def alice(cluster, login):
    """Somebody who works with tsh."""
    person = cluster.add_user('alice', roles='editor,access,auditor', logins=login)
    cluster.login(person)
    return person


@pytest.fixture(scope='module')
def admin(cluster, login):
    """Somebody who may everything."""
    person = cluster.add_user('web-admin', roles='editor,access,auditor', logins=login)
    browser = Browser(cluster)
    browser.login(person)
    return browser


@pytest.fixture(scope='module')
def nobody(cluster, tmp_path_factory):
    """Somebody with a role that allows nothing, but on nodes that there are none of: whose roles allow no login has no session."""
    path = tmp_path_factory.mktemp('web') / 'role.yaml'
    path.write_text(json.dumps({'kind': 'role', 'version': 'v1', 'metadata': {'name': 'web-nothing'},
                                'spec': {'allow': {'logins': ['root'], 'node_labels': {'env': 'there-is-none'}}}}))
    cluster.tctl('create', '-f', '--force', str(path))
    person = cluster.add_user('web-nobody', roles='web-nothing', logins='root')
    browser = Browser(cluster)
    browser.login(person)
    return browser


# --- the cookie -----------------------------------------------------------------------------------------


def test_a_login_sets_a_cookie_that_no_script_and_no_other_site_gets(cluster, login):
    person = cluster.add_user('web-cookie', roles='access', logins=login)
    browser = Browser(cluster)
    fields = {'user': 'web-cookie', 'password': person['password'], 'otp': cluster.code(person)}
    status, headers, body = browser.send(*LOGIN, json.dumps(fields))
    assert status == 200
    name, *attributes = headers['Set-Cookie'].split('; ')
    assert re.fullmatch(r'__Host-sallyport=[0-9a-f]{64}', name)
    assert sorted(attributes) == ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure']
    # The token is in the cookie, and nowhere else.
    token = name.split('=')[1]
    assert token not in body.decode() and headers['Cache-Control'] == 'no-store'
    session = json.loads(body)
    assert session['user'] == 'web-cookie' and session['roles'] == ['access'] and session['logins'] == [login]
    browser.cookie = token
    again = browser.get('/v1/webapi/session')
    assert {k: again[k] for k in ('id', 'user', 'cluster', 'expires')} == {
        k: session[k] for k in ('id', 'user', 'cluster', 'expires')}
    # Beside that of the sign-up.
    own = [s for s in browser.get('/v1/webapi/account/sessions')['sessions'] if s['id'] == session['id']]
    assert [(s['current'], s['browser']) for s in own] == [(True, 'Mozilla/5.0 (tests)')]
    assert own[0]['address'].startswith('127.0.0.1')
    # Logging out ends it, and takes it back.
    status, headers, body = browser.send('POST', '/v1/webapi/logout', '{}')
    assert status == 200 and json.loads(body) == {}
    assert headers['Set-Cookie'].startswith('__Host-sallyport=;') and 'Max-Age=0' in headers['Set-Cookie']
    assert browser.refused('GET', '/v1/webapi/session')[0] == 401
    status, headers, _ = browser.send('POST', '/v1/webapi/logout')
    assert status == 401 and 'Max-Age=0' in headers['Set-Cookie']


def test_a_login_is_good_everywhere_at_once(cluster, login):
    """Also at auditd, which hears of it from authd a moment later."""
    for n in range(8):
        browser = Browser(cluster)
        browser.login(cluster.add_user(f'web-quick-{n}', roles='access,auditor', logins=login))
        assert browser.ask('GET', '/v1/webapi/recordings?limit=1')[0] == 200
        browser.post('/v1/webapi/logout')
        wait_for('the end at auditd', lambda b=browser: b.ask('GET', '/v1/webapi/recordings?limit=1')[0] == 401, 60)


def test_wrong_logins_get_no_cookie(cluster, login):
    person = cluster.add_user('web-wrong', roles='access', logins=login)
    browser = Browser(cluster)
    right = {'user': 'web-wrong', 'password': person['password'], 'otp': '000000'}
    for fields in right, right | {'password': 'wrong'}, right | {'user': 'web-there-is-none'}:
        status, headers, body = browser.send(*LOGIN, json.dumps(fields))
        assert status == 401 and 'Set-Cookie' not in headers and 'message' in json.loads(body)['error']
    # What proxyd says of the browser is not for the page to say.
    for fields in {'browser': 'x'}, {'roles': ['editor']}, {'password': 7}, {'user': ['web-wrong']}:
        status, message = browser.refused(*LOGIN, right | fields)
        assert status == 400 and message.startswith(list(fields)[0] + ': ')
    assert browser.refused('POST', '/v1/webapi/login?user=web-wrong&password=x')[0] == 400


def test_without_a_cookie_of_ours_nobody_is_anybody(admin, cluster):
    good = admin.cookie
    wrong = [None, '', good[:-1], good + '0', good.upper() if good.upper() != good else 'g' * 64, secrets.token_hex(32), f'"{good}"',
             good[:-1] + ('0' if good[-1] != '0' else '1')]
    for method, path in routes():
        stranger = Browser(cluster)
        assert stranger.refused(method, path)[0] == 401, (method, path)
    for cookie in wrong:
        stranger.cookie = cookie
        assert stranger.refused('GET', '/v1/webapi/session')[0] == 401, cookie
    # Two: somebody planted one. Another name is another cookie.
    for header in (f'__Host-sallyport={good}; __Host-sallyport={good}', f'sallyport={good}', f'__host-sallyport={good}'):
        assert stranger.refused('GET', '/v1/webapi/session', Cookie=header)[0] == 401
    # Beside others it counts.
    assert stranger.ask('GET', '/v1/webapi/session', Cookie=f'a=b; __Host-sallyport={good}; c="d"')[0] == 200


def test_whose_cookie_it_is_he_is(admin, nobody):
    assert admin.get('/v1/webapi/session')['user'] == 'web-admin'
    assert nobody.get('/v1/webapi/session')['user'] == 'web-nobody'
    # A session of another's is not his to end, and he is not told that it is there.
    other = admin.get('/v1/webapi/account/sessions')['sessions'][0]['id']
    assert nobody.refused('DELETE', f'/v1/webapi/account/sessions/{other}')[0] == 404
    assert admin.get('/v1/webapi/session')['user'] == 'web-admin'
    own = [s['id'] for s in nobody.get('/v1/webapi/account/sessions')['sessions']]
    assert nobody.get('/v1/webapi/session')['id'] in own and other not in own


# --- other sites ------------------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_what_another_site_makes_a_browser_ask_is_refused(admin):
    port = admin.origin.rsplit(':', 1)[1]
    elsewhere = [dict(Origin='https://evil.example', Sec_Fetch_Site='cross-site'), dict(Origin='null'), dict(Origin=''),
                 dict(Origin=f'http://localhost:{port}'), dict(Origin=f'https://localhost.evil.example:{port}'),
                 dict(Origin='https://localhost'), dict(Origin=admin.origin + '/'), dict(Origin=f'https://evil.localhost:{port}'),
                 dict(Sec_Fetch_Site='same-site'), dict(Sec_Fetch_Site='cross-site', Origin=None),
                 dict(Sec_Fetch_Site='none', Origin=None), dict(Origin=None, Sec_Fetch_Site=None)]
    forms = [dict(Content_Type=t) for t in (FORM, 'text/plain', 'multipart/form-data; boundary=x', 'application/jsonp',
                                            'text/plain; x=application/json', '', None)]
    for method, path in routes() + routes(of_nobody=True):
        if method == 'GET':
            continue
        for changed in elsewhere + forms:
            assert admin.refused(method, path, {}, **changed)[0] == 403, (method, path, changed)
    for method, path in routes():
        if method == 'GET':
            for changed in elsewhere[:4] + elsewhere[8:10]:
                assert admin.refused(method, path, **changed)[0] == 403, (path, changed)
    # An address that somebody typed is no other site.
    assert admin.ask('GET', '/v1/webapi/session', Sec_Fetch_Site='none')[0] == 200
    # Either of the two is enough, where a browser sends only one.
    for changed in dict(Origin=None), dict(Sec_Fetch_Site=None):
        assert admin.refused('POST', '/v1/webapi/users/web-there-is-none', {'unlock': True}, **changed)[0] == 404
    assert admin.refused('POST', '/v1/webapi/users/web-there-is-none', {'unlock': True},
                         Content_Type='application/json; charset=utf-8')[0] == 404
    # No page of another site is told that it may read or ask.
    for method in 'GET', 'OPTIONS':
        _, headers, _ = admin.send(method, '/v1/webapi/session', Origin='https://evil.example',
                                   Access_Control_Request_Method='POST')
        assert not [h for h in headers if h.lower().startswith('access-control-')]


def test_what_a_form_sends_is_no_login(cluster):
    browser = Browser(cluster)
    for kind in FORM, 'text/plain':
        body = 'user=a&password=b' if kind == FORM else '{"user":"a","password":"b","otp":"1","x":"="}'
        assert browser.send(*LOGIN, body, Content_Type=kind)[0] == 403


# --- what it does ------------------------------------------------------------------------------------------


def test_servers(admin):
    nodes = admin.get('/v1/webapi/nodes?selector=env%3Dexample')
    assert [n['name'] for n in nodes['nodes']] == ['node-1', 'node-2'] and nodes['next'] == ''
    assert admin.get('/v1/webapi/nodes?selector=env=*&selector=team=x')['nodes'][0]['name'] == 'node-1'
    found = admin.get('/v1/webapi/nodes?search=node-3')['nodes']
    assert [n['name'] for n in found] == ['node-3'] and found[0]['tunnel'] is True
    # Every field is there, with its type.
    node = found[0]
    assert {k: type(v) for k, v in node.items()} == {
        'uuid': str, 'name': str, 'address': str, 'tunnel': bool, 'labels': list, 'version': str, 'last_seen': int, 'joined': int,
        'too_old': bool}
    # Labels are data, whatever they hold.
    admin.post(f"/v1/webapi/nodes/{node['uuid']}/labels", set=[{'key': 'web-note', 'value': 'a b'}])
    wait_for('the label', lambda: {'key': 'web-note', 'value': 'a b'} in admin.get('/v1/webapi/nodes?search=node-3')['nodes'][0]['labels'], 60)
    admin.post('/v1/webapi/nodes/node-3/labels', remove=['web-note'])
    assert admin.refused('DELETE', '/v1/webapi/nodes/there-is-none')[0] == 404


def test_pages_go_on_where_the_last_one_ended(admin):
    names, after = [], ''
    while True:
        page = admin.get(f'/v1/webapi/nodes?limit=1&after={after}')
        assert len(page['nodes']) <= 1
        names += [n['name'] for n in page['nodes']]
        after = page['next']
        if not after:
            break
    assert [n for n in names if n.startswith('node-')][:3] == ['node-1', 'node-2', 'node-3'] and len(set(names)) == len(names)
    first = admin.get('/v1/webapi/events?limit=2')
    second = admin.get(f"/v1/webapi/events?limit=2&after={first['next']}")
    ids = [e['event']['id'] for e in first['events'] + second['events']]
    assert len(set(ids)) == 4
    assert admin.refused('GET', '/v1/webapi/events?after=nonsense')[0] == 400


def test_users(admin, cluster):
    link = admin.post('/v1/webapi/users', name='web-made', roles=['access'], logins=['root'], ttl_s=600)
    assert link['user'] == 'web-made' and re.search(r'/web/invite/[0-9a-f]{32}$', link['url'])
    assert admin.refused('POST', '/v1/webapi/users', {'name': 'web-made', 'roles': ['access']})[0] == 409
    assert admin.post('/v1/webapi/users/web-made', set_logins=True, logins=['ubuntu']) == {}
    made = next(u for u in admin.get('/v1/webapi/users')['users'] if u['name'] == 'web-made')
    assert made['logins'] == ['ubuntu'] and made['roles'] == ['access'] and made['confirmed'] is False
    cluster.accept_invite(link['url'], 'correct horse battery')
    again = admin.post('/v1/webapi/users/web-made/reset', ttl_s=600)
    assert again['url'] != link['url']
    assert admin.delete('/v1/webapi/users/web-made') == {}
    assert admin.refused('DELETE', '/v1/webapi/users/web-made')[0] == 404


def test_tokens(admin):
    token = admin.post('/v1/webapi/tokens', kind='node', ttl_s=600, labels=[{'key': 'env', 'value': MARKUP[:25]}])
    assert token['token'] and token['uses_left'] == 1
    listed = [t for t in admin.get('/v1/webapi/tokens')['tokens'] if t['id'] == token['id']]
    assert listed[0]['token'] == '' and listed[0]['labels'] == token['labels'] == [{'key': 'env', 'value': MARKUP[:25]}]
    assert admin.delete(f"/v1/webapi/tokens/{token['id']}") == {}
    assert admin.refused('POST', '/v1/webapi/tokens', {'kind': 'emperor'})[0] == 400


@pytest.mark.sanitized
def test_a_program_calls_with_an_api_token_and_no_cookie(admin, cluster):
    made = admin.post('/v1/webapi/tokens', kind='api', roles=['auditor'], ttl_s=3600)
    bearer = {'Authorization': f"Bearer {made['token']}", 'Origin': None, 'Sec_Fetch_Site': None}
    program = Browser(cluster)
    status, session = program.ask('GET', '/v1/webapi/session', **bearer)
    assert (status, session['user'], session['roles']) == (200, f"api:{made['id']}", ['auditor'])
    assert program.ask('GET', '/v1/webapi/events?limit=1', **bearer)[0] == 200
    # Its own rights, also beside somebody's cookie.
    program.cookie = admin.cookie
    for question in (('POST', '/v1/webapi/users', {'name': 'eve'}), ('POST', '/v1/webapi/logout'), ('POST', '/v1/webapi/account/signout', {}),
                     ('DELETE', '/v1/webapi/tokens/' + made['id']), ('POST', '/v1/webapi/certificate', {'ssh_key': ''})):
        assert program.refused(*question, **bearer)[0] == 403, question
    for wrong in (made['token'].upper(), made['id'], '', secrets.token_hex(32)):
        assert program.refused('GET', '/v1/webapi/session', **bearer | {'Authorization': f'Bearer {wrong}'})[0] == 401
    assert program.refused('GET', '/v1/webapi/session', **bearer | {'Authorization': 'Basic YTpi'})[0] == 401
    assert program.refused('POST', '/v1/webapi/users', {'name': 'eve'}, **bearer | {'Content_Type': 'text/plain'})[0] == 403
    assert made['id'] in [t['id'] for t in admin.get('/v1/webapi/tokens')['tokens']]
    admin.delete('/v1/webapi/tokens/' + made['id'])
    assert program.refused('GET', '/v1/webapi/session', **bearer)[0] == 401


def test_an_api_token_ends_with_the_user_who_made_it(admin, cluster, login):
    maker = Browser(cluster)
    maker.login(cluster.add_user('web-maker', roles='editor,auditor', logins=login))
    made = maker.post('/v1/webapi/tokens', kind='api', roles=['auditor'], ttl_s=3600)
    own = cluster.tctl('tokens', 'add', '--type=api', '--roles=auditor', '--format=text').stdout.strip()
    by = {t['id']: t['created_by'] for t in json.loads(cluster.tctl('tokens', 'ls', '--format=json').stdout) if t['type'] == 'api'}
    assert by[made['id']] == 'web-maker' and by[hashlib.sha256(own.encode()).hexdigest()[:8]] == ''
    program = Browser(cluster)
    assert program.ask('GET', '/v1/webapi/nodes', Authorization=f"Bearer {made['token']}")[0] == 200
    cluster.tctl('users', 'rm', 'web-maker')
    assert program.refused('GET', '/v1/webapi/nodes', Authorization=f"Bearer {made['token']}")[0] == 401
    assert made['id'] not in [t['id'] for t in admin.get('/v1/webapi/tokens')['tokens']]
    assert program.ask('GET', '/v1/webapi/nodes', Authorization=f'Bearer {own}')[0] == 200
    cluster.tctl('tokens', 'rm', own)


def test_tctl_makes_api_tokens_and_says_how_they_are_used(cluster):
    out = cluster.tctl('tokens', 'add', '--type=api', '--roles=auditor', '--ttl=1h').stdout
    token = re.search(r'^The token: ([0-9a-f]{64})$', out, re.M)[1]
    assert 'Authorization: Bearer' in out and f'https://localhost:{cluster.public_port}/v1/webapi/nodes' in out
    assert Browser(cluster).ask('GET', '/v1/webapi/nodes', Authorization=f'Bearer {token}')[0] == 200
    row = next(t for t in json.loads(cluster.tctl('tokens', 'ls', '--format=json').stdout) if t['type'] == 'api' and 'auditor' in t['roles'])
    assert f"api:{row['id']}" in out and 'auditor' in cluster.tctl('tokens', 'ls').stdout
    cluster.tctl('tokens', 'rm', row['id'])
    assert Browser(cluster).refused('GET', '/v1/webapi/nodes', Authorization=f'Bearer {token}')[0] == 401


def test_roles_and_locks_are_written_as_their_messages(admin):
    role = {'name': 'web-dba', 'allow': {'logins': ['postgres'], 'node_labels': [{'key': 'env', 'values': ['prod']}], 'rules': []},
            'options': {'max_session_ttl_s': 3600, 'permit_pty': True}}
    put = admin.post('/v1/webapi/resources', resource={'kind': 'role', 'value': role})
    assert put['name'] == 'web-dba' and put['value'] is None
    got = admin.get('/v1/webapi/resources?kind=role&name=web-dba')['resources']
    assert len(got) == 1 and got[0]['value']['allow'] == role['allow'] | {'rules': []}
    # What was read can be sent back; over an old revision it cannot.
    got[0]['value']['allow']['logins'] = ['postgres', 'ubuntu']
    admin.post('/v1/webapi/resources', resource=got[0], replace=True)
    assert admin.refused('POST', '/v1/webapi/resources', {'resource': got[0], 'replace': True})[0] == 409
    assert admin.refused('POST', '/v1/webapi/resources', {'resource': {'kind': 'role', 'value': role}})[0] == 409
    assert admin.get('/v1/webapi/resources?kind=role&name=web-dba')['resources'][0]['value']['allow']['logins'] == ['postgres', 'ubuntu']
    assert admin.delete('/v1/webapi/resources?kind=role&name=web-dba') == {}
    lock = admin.post('/v1/webapi/resources', resource={'kind': 'lock', 'value': {'user': 'web-mallory', 'message': MARKUP[:25]}})
    locks = admin.get('/v1/webapi/resources?kind=lock')['resources']
    mine = next(r['value'] for r in locks if r['name'] == lock['name'])
    assert mine['user'] == 'web-mallory' and mine['message'] == MARKUP[:25]
    assert admin.delete(f"/v1/webapi/resources?kind=lock&name={lock['name']}") == {}
    assert admin.refused('GET', '/v1/webapi/resources?kind=emperor')[0] == 400


def reach(browser, **question):
    """{(user, node): (logins, drafted)} of all pages, two pairs each."""
    found, after = {}, ''
    while True:
        page = browser.post('/v1/webapi/reach', **question, limit=2, after=after)
        for r in page['reaches']:
            assert (r['user'], r['node_name']) not in found and len(page['reaches']) <= 2
            found[r['user'], r['node_name']] = (r['logins'], r['drafted'])
        after = page['next']
        if not after:
            return found


def test_who_reaches_what_is_the_policys_answer(admin, cluster):
    role = {'name': 'web-reach', 'allow': {'logins': ['postgres'], 'node_labels': [{'key': 'env', 'values': ['example']}], 'rules': []}}
    admin.post('/v1/webapi/resources', resource={'kind': 'role', 'value': role})
    for user in ('web-reach-1', 'web-reach-2'):
        cluster.tctl('users', 'add', user, '--roles=web-reach', '--logins=own')
    now = (['postgres'], ['postgres'])
    assert reach(admin, user='web-reach-1') == {('web-reach-1', 'node-1'): now, ('web-reach-1', 'node-2'): now}
    of_node = reach(admin, node='node-1')
    assert of_node['web-reach-1', 'node-1'] == of_node['web-reach-2', 'node-1'] == now and ('web-admin', 'node-1') in of_node
    assert reach(admin, user='web-reach-1', node='node-3') == {}
    # A draft: what would change for everybody who has the role, and for one as if he had it.
    draft = role | {'allow': role['allow'] | {'logins': ['postgres', '{{internal.logins}}'], 'node_labels': [{'key': 'env', 'values': ['pr*']}]}}
    lost, won = (['postgres'], []), ([], ['own', 'postgres'])
    assert reach(admin, draft=draft) == {(f'web-reach-{n}', node): change for n in (1, 2)
                                         for node, change in (('node-1', lost), ('node-2', lost), ('node-3', won))}
    assert reach(admin, draft=role) == {}
    before = reach(admin, user='web-admin', node='node-3')['web-admin', 'node-3'][0]
    assert reach(admin, user='web-admin', draft=draft, give=True, changes=True) == {('web-admin', 'node-3'): (before, sorted([*before, 'postgres']))}
    assert reach(admin, user='web-reach-1')['web-reach-1', 'node-1'] == now  # nothing was kept
    # A draft that is no role is refused by its place, and so is one that would be kept.
    wrong = {'name': 'web-reach', 'deny': {'node_labels': [{'key': 'env', 'values': ['a', '^b$']}]}}
    for path, body in (('reach', {'draft': wrong}), ('resources', {'resource': {'kind': 'role', 'value': wrong}, 'replace': True})):
        status, message = admin.refused('POST', f'/v1/webapi/{path}', body)
        assert status == 400 and message.startswith('deny.node_labels[0].values[1]: '), message
    for question in ({}, {'user': 'web-reach-1', 'give': True}, {'draft': role, 'give': True}, {'draft': role, 'after': 'x'}):
        assert admin.refused('POST', '/v1/webapi/reach', question)[0] == 400
    assert admin.refused('POST', '/v1/webapi/reach', {'user': 'web-no-such-user'})[0] == 404
    assert admin.refused('POST', '/v1/webapi/reach', {'node': 'web-no-such-node'})[0] == 404
    # Why, here and in tctl.
    why = admin.get('/v1/webapi/explain?user=web-reach-1&node=node-1')['logins']
    assert [(d['login'], d['allowed'], d['role']) for d in why] == [('own', False, ''), ('postgres', True, 'web-reach')]
    assert cluster.tctl('explain', 'web-reach-1', 'node-3', '--login=postgres').stdout.splitlines()[2].split()[:2] == ['postgres', 'no']
    assert admin.refused('GET', '/v1/webapi/explain?user=web-reach-1&node=node-1&login=%E6%BC%A2')[0] == 400
    lock = admin.post('/v1/webapi/resources', resource={'kind': 'lock', 'value': {'user': 'web-reach-1', 'message': MARKUP[:25]}})
    row = admin.post('/v1/webapi/reach', user='web-reach-1', node='node-1')['reaches'][0]
    assert row['logins'] == [] and row['closed'] == f'user web-reach-1 is locked: {MARKUP[:25]}'
    said = json.loads(cluster.tctl('explain', 'web-reach-1', 'node-1', '--format=json').stdout)
    assert {d['login']: d['rule'] for d in said} == {'own': 'no allow', 'postgres': 'lock'}
    admin.delete(f"/v1/webapi/resources?kind=lock&name={lock['name']}")
    for user in ('web-reach-1', 'web-reach-2'):
        cluster.tctl('users', 'rm', user)
    admin.delete('/v1/webapi/resources?kind=role&name=web-reach')


def test_who_reaches_what_is_for_whoever_may_list_what_it_is_made_of(cluster, admin, login):
    """And of the nodes those that he sees."""
    kinds = ('user', 'role', 'node')
    for missing in (*kinds, None):
        name = f'web-lists-{missing}'
        rules = [{'resources': [k for k in kinds if k != missing], 'verbs': ['list']}]
        admin.post('/v1/webapi/resources', resource={'kind': 'role', 'value': {
            'name': name, 'allow': {'logins': [login], 'node_labels': [{'key': 'env', 'values': ['prod']}], 'rules': rules},
            'options': {'permit_pty': True}}})
        browser = Browser(cluster)
        browser.login(cluster.add_user(name, roles=name, logins=login))
        for method, path, fields in (('POST', '/v1/webapi/reach', {'user': 'web-admin'}),
                                     ('GET', '/v1/webapi/explain?user=web-admin&node=node-3', None)):
            status, answer = browser.ask(method, path, fields)
            assert status == (403 if missing else 200) and (not missing or f'list {missing}' in answer['error']['message']), answer
    assert {node for _, node in reach(browser, user='web-admin')} == {'node-3'}
    assert browser.refused('POST', '/v1/webapi/reach', {'node': 'node-1'})[0] == 404
    assert browser.refused('GET', '/v1/webapi/explain?user=web-admin&node=node-1')[0] == 404


def test_status(admin, cluster):
    status = admin.get('/v1/webapi/status')
    assert status['cluster'] == cluster.name and status['ca_pins'] == [cluster.ca_pin()]
    assert admin.get('/v1/webapi/session')['may']


@pytest.mark.sanitized
def test_events_and_recordings_and_the_very_bytes_that_tsh_plays(admin, cluster, alice, login):
    mark = f'web-mark {MARKUP[:25]}'
    cluster.tsh('alice', 'ssh', f'{login}@node-1', f"printf '%s\\n' '{mark}'; head -c 300000 /dev/urandom | base64; exit 7",
                check=False)
    row = newest(cluster, 'web-mark')
    listed = admin.get(f"/v1/webapi/recordings?session={row['id'][:12]}")['recordings']
    assert [r['session'] for r in listed] == [row['id']] and mark in listed[0]['command'] and listed[0]['exit_status'] == 7
    status, headers, data = admin.send('GET', f"/v1/webapi/recordings/{row['id']}/frames")
    assert status == 200 and headers['Content-Type'] == 'application/octet-stream'
    played = json.loads(cluster.tsh('alice', 'play', '--format=json', row['id']).stdout)
    names = {1: 'output', 2: 'error', 3: 'input'}
    for kind, name in names.items():
        assert b''.join(d for k, d in frames_of(data) if k == kind).decode() == ''.join(
            f['data'] for f in played if f['type'] == name)
    assert mark.encode() in data
    # Of some of it the rest; of none, or somebody else's, an answer and no frames.
    assert admin.send('GET', f"/v1/webapi/recordings/{row['id']}/frames?from_us=999999999999")[0] == 200
    for wrong in '00000000-0000-4000-8000-000000000000', 'nonsense', "x'%3B--":
        status, _, body = admin.send('GET', f'/v1/webapi/recordings/{wrong}/frames')
        assert status in (400, 404) and 'message' in json.loads(body)['error']
    looked = wait_for('the event', lambda: [
        e for e in admin.get(f"/v1/webapi/events?types=session.recording.access&session={row['id']}")['events']
        if e['event']['user'] == 'web-admin'], 60)
    assert looked[0]['event']['ok'] is True
    started = admin.get(f"/v1/webapi/events?types=session.start&session={row['id']}")['events']
    assert len(started) == 1 and started[0]['event']['user'] == 'alice' and started[0]['backed'] == 'signature'
    assert mark in {f['key']: f['value'] for f in started[0]['event']['fields']}['command']


@pytest.fixture(scope='module')
def long_recording(cluster, alice, login):
    """More than is under way between auditd and a browser that does not read."""
    cluster.tsh('alice', 'ssh', f'{login}@node-2', 'head -c 24000000 /dev/urandom | base64 # web-long')
    return newest(cluster, 'web-long')['id']


def reader(browser, session):
    """An answer with frames, of which nothing was read yet."""
    conn = http.client.HTTPSConnection('127.0.0.1', browser.cluster.public_port, timeout=60, context=ssl._create_unverified_context())
    conn.request('GET', f'/v1/webapi/recordings/{session}/frames', headers=browser.headers('GET'))
    answer = conn.getresponse()
    assert answer.status == 200
    return conn, answer


def unsanitized(cluster):
    if cluster.build.endswith('san'):
        pytest.skip('the sanitizers keep what was freed, and have memory of their own')


def resident(cluster):
    with open(f"/proc/{cluster.daemons['proxyd'].pid}/status") as f:
        return int(re.search(r'VmRSS:\s+(\d+) kB', f.read())[1]) * 1024


def test_a_browser_that_does_not_read_costs_no_memory(admin, cluster, long_recording):
    unsanitized(cluster)
    before = resident(cluster)
    readers = [reader(admin, long_recording) for _ in range(4)]
    # Long enough for all of it to come, were nobody waited for.
    whole = admin.send('GET', f'/v1/webapi/recordings/{long_recording}/frames')[2]
    assert len(whole) > 32000000 and resident(cluster) - before < 24 * 1024 * 1024
    for conn, answer in readers:
        assert answer.read() == whole
        conn.close()


@pytest.mark.sanitized
def test_recordings_that_somebody_does_not_read_are_of_his_share(admin, cluster, login, long_recording):
    hoarder = Browser(cluster)
    hoarder.login(cluster.add_user('web-hoarder', roles='access,auditor', logins=login))
    path = f'/v1/webapi/recordings/{long_recording}/frames'
    readers = [reader(hoarder, long_recording) for _ in range(6)]
    status, why = hoarder.refused('GET', path)
    assert status == 429 and 'too many recordings' in why
    # He himself still finds what there is, and others play.
    assert hoarder.get('/v1/webapi/recordings')['recordings'] and admin.send('GET', path)[0] == 200
    for conn, _ in readers:
        conn.close()
    wait_for('his share to be free', lambda: hoarder.send('GET', path)[0] == 200, 60)


@pytest.mark.sanitized
def test_who_leaves_or_loses_his_session_gets_no_more_frames(admin, cluster, login, long_recording):
    conn, answer = reader(admin, long_recording)
    answer.read(100000)
    conn.close()
    person = cluster.add_user('web-watcher', roles='access,auditor', logins=login)
    watcher = Browser(cluster)
    watcher.login(person)
    conn, answer = reader(watcher, long_recording)
    answer.read(100000)
    cluster.tctl('lock', '--user=web-watcher', '--message=gone')
    wait_for('the end of the session at auditd', lambda: watcher.ask('GET', '/v1/webapi/recordings')[0] == 401, 60)
    # What was under way comes, and then the connection ends: it does not look whole.
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
        answer.read()


def test_a_key_of_the_page_is_certified(admin, cluster, tmp_path):
    path = tmp_path / 'key'
    cluster.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(path))
    blob = (tmp_path / 'key.pub').read_text().split()[1]
    made = admin.post('/v1/webapi/certificate', ssh_key=blob)
    assert made['user'] == 'web-admin' and made['host_ca'] and made['valid_until'] <= admin.get('/v1/webapi/session')['expires']
    cert = tmp_path / 'key-cert.pub'
    cert.write_text(f"ssh-ed25519-cert-v01@openssh.com {made['ssh_cert']}\n")
    assert 'web-admin' in cluster.run('ssh-keygen', '-L', '-f', str(cert)).stdout
    assert admin.refused('POST', '/v1/webapi/certificate', {'ssh_key': 'AAAA'})[0] == 400
    assert admin.refused('POST', '/v1/webapi/certificate', {'ssh_key': '***'})[0] == 400


def test_a_certificate_of_a_page_ends_with_its_session_for_who_has_the_key(cluster, login, tmp_path):
    leaver = Browser(cluster)
    leaver.login(cluster.add_user('web-leaver', roles='access', logins=login))
    key = tmp_path / 'key'
    cluster.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(key))
    made = leaver.post('/v1/webapi/certificate', ssh_key=(tmp_path / 'key.pub').read_text().split()[1])
    (tmp_path / 'key-cert.pub').write_text(f"ssh-ed25519-cert-v01@openssh.com {made['ssh_cert']}\n")
    command = ['ssh', '-F', 'none', '-i', str(key), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no',
               '-o', f'UserKnownHostsFile={tmp_path}/known', '-p', str(cluster.public_port), '-W', 'node-1:3022', 'web-leaver@127.0.0.1']
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ssh:
        assert ssh.stdout.read(8) == b'SSH-2.0-'  # the node's
        leaver.post('/v1/webapi/logout')
        wait_for('the end of the connection', lambda: ssh.poll() is not None, 60)
        assert 'your session has ended' in ssh.stderr.read().decode()
    again = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert again.stdout == b'' and 'your session has ended' in again.stderr.decode()


def asked(challenge):
    """A KeyChallenge as a browser gives it to the key."""
    return SimpleNamespace(**challenge | {'challenge': base64.b64decode(challenge['challenge'])})


def as_json(made):
    return {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in made.items()}


@pytest.mark.sanitized
def test_security_keys_from_the_invitation_on(admin, cluster):
    browser, key = Browser(cluster), SecurityKey(admin.origin)
    link = admin.post('/v1/webapi/users', name='web-keys', roles=['access'], logins=['root'])['token']
    challenge = browser.post(f'/v1/webapi/invites/{link}/key', origin=admin.origin)
    assert challenge['rp_id'] == 'localhost' and challenge['user'] == 'web-keys'
    password = 'correct horse battery'
    made = {'key': as_json(key.make(asked(challenge))), 'name': 'blue', 'password': password}
    assert browser.refused('POST', f'/v1/webapi/invites/{link}', made | {'token': link})[0] == 400
    # Which signs in.
    status, headers, body = browser.send('POST', f'/v1/webapi/invites/{link}', json.dumps(made))
    assert status == 200 and headers['Set-Cookie'].startswith('__Host-sallyport=') and json.loads(body)['user'] == 'web-keys'
    assert browser.refused('POST', f'/v1/webapi/invites/{link}', made)[0] == 404
    assert browser.refused('POST', '/v1/webapi/login/begin', {'user': 'web-keys', 'password': 'x', 'origin': admin.origin})[0] == 401
    challenge = browser.post('/v1/webapi/login/begin', user='web-keys', password=password, origin=admin.origin)
    signed = {'user': 'web-keys', 'key': as_json(key.sign(asked(challenge)))}
    status, headers, _ = browser.send(*LOGIN, json.dumps(signed))
    assert status == 200
    browser.cookie = re.search('[0-9a-f]{64}', headers['Set-Cookie'])[0]
    # What was signed counts once.
    assert Browser(cluster).refused(*LOGIN, signed)[0] == 401
    factors = browser.get('/v1/webapi/account/factors')['factors']
    assert [(f['name'], f['kind'], f['site']) for f in factors] == [('blue', 'webauthn', 'localhost')]
    offer = browser.post('/v1/webapi/account/newfactor', kind='totp', password=password)
    # Drawn by the proxy, in a square of whole modules with its rim: SVG's letters for runs of a row, and nothing else.
    assert re.fullmatch(r'(M\d+ \d+h\d+v1h-\d+z)+', offer['totp_qr']['path']) and offer['totp_qr']['side'] % 4 == 1
    app = browser.post('/v1/webapi/account/factors', name='phone', ticket=offer['ticket'], otp=totp(offer['totp_secret']))
    assert browser.post(f"/v1/webapi/account/factors/{app['id']}", name=MARKUP[:25])['name'] == MARKUP[:25]
    assert browser.refused('POST', f"/v1/webapi/account/factors/{app['id']}/remove", {'password': 'x'})[0] in (401, 403)
    assert browser.post(f"/v1/webapi/account/factors/{app['id']}/remove", password=password) == {}
    assert browser.refused('POST', f"/v1/webapi/account/factors/{factors[0]['id']}/remove", {'password': password})[0] == 409


# --- who may not ---------------------------------------------------------------------------------------------


OWN = {'/v1/webapi/session', '/v1/webapi/logout', '/v1/webapi/certificate', '/v1/webapi/status'}
# What each request must say to be understood at all.
FIELDS = {'/v1/webapi/nodes/nobody/labels': {'set': [{'key': 'a', 'value': 'b'}]},
          '/v1/webapi/users': {'name': 'web-by-nobody', 'roles': ['web-nothing'], 'logins': []},
          '/v1/webapi/users/nobody': {'unlock': True},
          '/v1/webapi/tokens': {'kind': 'node'},
          '/v1/webapi/resources': {'resource': {'kind': 'lock', 'value': {'user': 'alice'}}}}


def test_a_role_that_allows_nothing_allows_nothing_here_either(nobody):
    assert nobody.get('/v1/webapi/session')['may'] == []
    for method, path in routes():
        if path in OWN or path.startswith(('/v1/webapi/account/', '/v1/webapi/approve/')):
            continue
        if path == '/v1/webapi/resources' and method != 'POST':
            path += '?kind=role' if method == 'GET' else '?kind=role&name=access'
        status, answer = nobody.ask(method, path, FIELDS.get(path, {}) if method == 'POST' else None)
        lists = [v for v in answer.values() if isinstance(v, list)]
        assert status == 403 or (status == 200 and method == 'GET' and lists == [[]]) or (
            status == 404 and path.endswith('/frames')), (method, path, status, answer)
    # Of events his own.
    events = nobody.ask('GET', '/v1/webapi/events?limit=1000')
    assert events[0] == 403 or {e['event']['user'] for e in events[1]['events']} <= {'web-nobody'}


def test_who_sees_his_own_events_counts_no_others(cluster, alice, login):
    browser = Browser(cluster)
    browser.login(cluster.add_user('web-counter', roles='access', logins=login))
    count = f'/v1/webapi/events/count?from_us={int(time.time() - 3600) * 10 ** 6}&bucket_us={7200 * 10 ** 6}'

    def same():
        rows, = browser.get(count)['buckets']
        return rows['events'] == len(browser.get('/v1/webapi/events?limit=1000')['events']) > 0
    wait_for('as many as there are', same)
    assert browser.get(f'{count}&user=alice') == {'buckets': [], 'counted_from_us': 0}
    assert browser.ask('GET', '/v1/webapi/events/count')[0] == 400


# --- the end of a session -----------------------------------------------------------------------------------


def over(browser):
    return browser.ask('GET', '/v1/webapi/session')[0] == 401


def reset(cluster, name):
    link = re.search(r'https://\S+', cluster.tctl('users', 'reset', name).stdout).group(0)
    cluster.accept_invite(link, 'staple correct horse')


def test_a_session_ends_with_a_lock_and_with_its_user(cluster, login):
    for name, end in (('web-locked', lambda n: cluster.tctl('lock', f'--user={n}', '--message=gone')),
                      ('web-removed', lambda n: cluster.tctl('users', 'rm', n)),
                      ('web-reset', lambda n: reset(cluster, n)),
                      ('web-changed', lambda n: cluster.tctl('users', 'update', n, '--set-roles=auditor'))):
        browser = Browser(cluster)
        browser.login(cluster.add_user(name, roles='access', logins=login))
        assert not over(browser)
        end(name)
        wait_for(f'the end of {name}', lambda b=browser: over(b), 60)
        # By auditd, too, which knows from the watch.
        wait_for(f'the end of {name} at auditd', lambda b=browser: b.ask('GET', '/v1/webapi/recordings')[0] == 401, 60)


@pytest.mark.sanitized
def test_a_pinned_session_is_worth_nothing_elsewhere(cluster, tmp_path):
    """Where a role pins it to the address that it began at; and whoever stole it takes none of its person's share."""
    path = tmp_path / 'role.yaml'
    path.write_text(json.dumps({'kind': 'role', 'version': 'v1', 'metadata': {'name': 'web-pinned'}, 'spec': {
        'options': {'pin_source_ip': True},
        'allow': {'logins': ['root'], 'node_labels': {'*': '*'}, 'rules': [{'resources': ['session'], 'verbs': ['list', 'read']}]}}}))
    cluster.tctl('create', '-f', '--force', str(path))
    here, elsewhere = Browser(cluster), Browser(cluster, '127.0.0.2')
    here.login(cluster.add_user('web-pin', roles='web-pinned', logins='root'))
    elsewhere.cookie = here.cookie
    wait_for('the proxy to hear of the session', lambda: elsewhere.ask('GET', '/v1/webapi/session')[0] == 401, 60)
    for asked in ('session', 'recordings', 'nodes'):
        status, why = elsewhere.refused('GET', f'/v1/webapi/{asked}')
        assert status == 401 and 'pin a session' in why, asked
        assert here.ask('GET', f'/v1/webapi/{asked}')[0] == 200, asked
    watch = '/v1/webapi/recordings/00000000-0000-4000-8000-000000000000/live'
    statuses = {elsewhere.refused('GET', watch, Origin=elsewhere.origin)[0] for _ in range(300)}  # more than a session may at once
    assert statuses == {401}
    assert {here.ask('GET', '/v1/webapi/session')[0] for _ in range(20)} == {200}
    for path in ('/v1/webapi/changes', '/v1/webapi/ssh', watch):
        for source, status in (('127.0.0.2', 401), ('127.0.0.1', 101)):
            ws = WebSocket(cluster.public_port, path, here.cookie, source=source)
            ws.close()
            assert ws.status == status, (path, source)


def test_own_sessions_are_listed_and_ended_one_by_one_or_all(cluster, login):
    person = cluster.add_user('web-many', roles='access', logins=login)
    one, two = Browser(cluster), Browser(cluster)
    one.login(person)
    two.login(person)
    assert one.refused('POST', '/v1/webapi/account/password', {
        'password': 'wrong', 'otp': '000000', 'new_password': 'staple correct horse'})[0] in (401, 403)
    other = two.get('/v1/webapi/session')['id']
    assert other in [s['id'] for s in one.get('/v1/webapi/account/sessions')['sessions'] if not s['current']]
    assert one.delete(f'/v1/webapi/account/sessions/{other}') == {}
    assert over(two) and not over(one)
    assert one.post('/v1/webapi/account/signout') == {}
    assert over(one)


# --- wrong requests -------------------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_what_is_not_understood_is_refused_by_name(admin):
    for fields, field in (({'names': 'x'}, 'names'), ({'name': 7}, 'name'), ({'roles': 'access'}, 'roles'),
                          ({'roles': [None]}, 'roles[0]'), ({'ttl_s': 1.5}, 'ttl_s'), ({'ttl_s': '1'}, 'ttl_s')):
        status, message = admin.refused('POST', '/v1/webapi/users', fields)
        assert status == 400 and message.startswith(field + ': '), message
    status, message = admin.refused('POST', '/v1/webapi/users/web-admin', {'name': 'alice', 'unlock': True})
    assert (status, message) == (400, 'name: this is given twice')
    for query, field in (('limit=-1', 'limit'), ('limit=4294967296', 'limit'), ('offline=1', 'offline'), ('selector=x', 'selector'),
                         ('limit=1&limit=2', 'limit'), ('lim=1', 'lim'), ('%3Cscript%3E=1', '<script>')):
        status, message = admin.refused('GET', f'/v1/webapi/nodes?{query}')
        assert status == 400 and message.startswith(field + ': '), message
    for query in 'limit', 'limit=1&', '%zz=1', 'search=%ff', 'search=%00', 'a=1&' * 70 + 'a=1':
        assert admin.refused('GET', f'/v1/webapi/nodes?{query}')[0] == 400
    for body in '[]', '{', '{"name":"a"} x', '{"name":"a","name":"b"}', '\ufeff{}', 'null', '{"name":"\\u0000"}', '[' * 30000:
        status, _, answer = admin.send('POST', '/v1/webapi/users', body.encode())
        assert status == 400 and 'message' in json.loads(answer)['error'], body[:20]
    assert admin.send('PUT', '/v1/webapi/users', '{}')[0] == 405
    assert admin.send('GET', '/v1/webapi/nothing')[0] == 404
    status, headers, body = admin.send('HEAD', '/v1/webapi/nodes')
    assert status == 200 and body == b'' and int(headers['Content-Length']) > 100


@pytest.mark.skipif(os.getuid() != 0, reason='looks into the memory of another user\'s process')
def test_a_password_does_not_stay_in_memory(admin, cluster):
    """Of a login that does not get as far as authd: what gRPC does with those that do is its own affair."""
    unsanitized(cluster)
    pid, mark = cluster.daemons['proxyd'].pid, secrets.token_hex(12)
    other = Browser(cluster)
    for body in f'{{"user":"web-admin","password":"{mark}",}}', json.dumps({'password': mark, 'otp': mark, 'user': 7}):
        assert other.send(*LOGIN, body)[0] == 400
    wait_for('memory without it', lambda: not memory_has(pid, mark.encode()), 60)
    # It is not that it could not be found.
    assert memory_has(pid, cluster.name.encode())


@pytest.mark.sanitized
def test_bodies_have_a_size(admin):
    assert admin.send('POST', '/v1/webapi/users', b'{"name":"' + b'a' * 65536 + b'"}')[0] == 413
    # Up to there it is judged by what it says.
    assert admin.refused('POST', '/v1/webapi/users', {'name': 'a' * 65000})[0] == 400
    assert admin.send('GET', '/v1/webapi/session', b'{}')[0] in (400, 413)


def test_whoever_sends_his_request_byte_by_byte_is_cut_off(admin):
    with ssl._create_unverified_context().wrap_socket(socket.create_connection(('127.0.0.1', admin.cluster.public_port), timeout=60),
                                                      server_hostname='localhost') as s:
        head = ''.join(f'{k}: {v}\r\n' for k, v in admin.headers('POST').items())
        s.sendall(f'POST /v1/webapi/users HTTP/1.1\r\n{head}Content-Length: 60000\r\n\r\n'.encode())
        s.settimeout(0.3)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                s.sendall(b' ')
                if s.recv(1000) == b'':
                    return
            except TimeoutError:
                continue
            except (ConnectionError, ssl.SSLError):
                return
        raise AssertionError('the connection was still open')


@pytest.mark.sanitized
def test_one_session_cannot_ask_without_end(cluster, login):
    browser = Browser(cluster)
    browser.login(cluster.add_user('web-hasty', roles='access', logins=login))
    conn = http.client.HTTPSConnection('127.0.0.1', cluster.public_port, timeout=60, context=ssl._create_unverified_context())

    def ask():
        # What ends at the proxy counts, too, and is quick on any machine.
        conn.request('GET', '/v1/webapi/nodes?lim=1', headers=browser.headers('GET'))
        answer = conn.getresponse()
        answer.read()
        return answer
    assert ask().status == 400
    refused = next(a for a in (ask() for _ in range(2000)) if a.status != 400)
    conn.close()
    assert refused.status == 429 and int(refused.getheader('Retry-After')) > 0
