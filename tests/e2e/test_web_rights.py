# SPDX-License-Identifier: Apache-2.0
"""Somebody who may open servers, and nothing else, in the web app: he sees neither what others did nor the administration, by whatever
address he tries and whatever he asks the API. A real Chromium, a real cluster."""
import json
import os
import re
import uuid

import pytest
from browser import TOP, Browser
from cluster import wait_for
from webapi import Browser as Visitor

# Of the API's table: what he may by design, with who sees to it that it is his own; all others are refused.
HIS = {
    'GET /v1/webapi/session', 'POST /v1/webapi/logout', 'POST /v1/webapi/certificate',
    'GET /v1/webapi/account/sessions', 'DELETE /v1/webapi/account/sessions/:name', 'POST /v1/webapi/account/signout',
    'POST /v1/webapi/account/password', 'GET /v1/webapi/account/factors', 'POST /v1/webapi/account/newfactor',
    'POST /v1/webapi/account/factors', 'POST /v1/webapi/account/factors/:id', 'POST /v1/webapi/account/factors/:id/remove',
    'GET /v1/webapi/approve/:name', 'POST /v1/webapi/approve/:id', 'POST /v1/webapi/approve/:name/refuse',
    'GET /v1/webapi/nodes', 'GET /v1/webapi/status', 'GET /v1/webapi/events', 'GET /v1/webapi/events/count', 'GET /v1/webapi/recordings',
}
# Logins and invitations: of whoever has a password or a link.
WITHOUT_SESSION = ('LOGIN', 'ANYBODY', 'INVITE', 'SIGNUP')
# What each request must say to be understood.
FIELDS = {
    'POST /v1/webapi/nodes/:node/labels': {'set': [{'key': 'mine', 'value': 'now'}]},
    'POST /v1/webapi/users': {'name': 'walts-friend', 'roles': ['access'], 'logins': []},
    'POST /v1/webapi/users/:name': {'unlock': True},
    'POST /v1/webapi/tokens': {'kind': 'node'},
    'POST /v1/webapi/resources': {'resource': {'kind': 'lock', 'value': {'user': 'vera'}}},
    'POST /v1/webapi/reach': {'user': 'vera'},
}
QUERIES = {
    'GET /v1/webapi/resources': [f'kind={kind}' for kind in ('role', 'lock', 'role&name=access')],
    'DELETE /v1/webapi/resources': ['kind=role&name=access', 'kind=lock&name=x'],
    'GET /v1/webapi/explain': ['user=vera&node=node-1'],
}
SOON_AFTER, DECADE = 1, 315_576_000_000_000  # 1970; microseconds
ADMINISTRATION = ('users', 'roles', 'tokens')


@pytest.fixture(scope='module')
def browser(cluster):
    b = Browser(os.path.join(TOP, 'build'), f'https://{cluster.proxy}')
    yield b
    b.stop()


@pytest.fixture(scope='module')
def vera(cluster, login):
    """Whose affairs are not Walt's: a session with a mark, and its recording."""
    person = cluster.add_user('vera', roles='editor,access,auditor', logins=login)
    cluster.login(person)
    mark = f'mark-{uuid.uuid4()}'
    cluster.tsh('vera', 'ssh', f'{login}@node-1', f'echo {mark}')
    session = wait_for('the recording', lambda: cluster.sql(
        f"SELECT id FROM sessions WHERE command LIKE '%{mark}%' AND ended IS NOT NULL"))[0][0]
    return {**person, 'mark': mark, 'session': session}


@pytest.fixture(scope='module')
def walt(browser, cluster, login, vera):
    person = cluster.add_user('walt', roles='access', logins=login)
    cluster.login(person)
    cluster.tsh('walt', 'ssh', f'{login}@node-1', 'echo walts-own')
    wait_for('his own recording', lambda: cluster.sql("SELECT 1 FROM sessions WHERE username = 'walt' AND ended IS NOT NULL"))
    browser.log_in(person, lambda: cluster.code(person))
    return person


@pytest.fixture(scope='module')
def api(browser, walt, cluster):
    """What asks the API with the very session of the page."""
    visitor = Visitor(cluster)
    visitor.cookie = next(c['value'] for c in browser.do('cookies') if c['name'] == '__Host-sallyport')
    return visitor


def rows():
    """'METHOD path' of each row of the table that is asked in a session."""
    with open(os.path.join(TOP, 'services/proxy/web_api.def'), encoding='utf-8') as f:
        found = re.findall(r'^WEB_API\(\w+, \w+, "([A-Z]+)", "([^"]+)",\s+\S+, (\w+)\)', f.read(), re.M)
    assert len(found) > 30
    return [f'{method} {path}' for method, path, kind in found if kind not in WITHOUT_SESSION]


def test_what_he_may_is_in_the_table():
    assert HIS | set(FIELDS) | set(QUERIES) <= set(rows())


@pytest.mark.parametrize('row', [row for row in rows() if row not in HIS])
def test_everything_else_of_the_api_is_refused(api, vera, cluster, row):
    method, path = row.split()
    for name, value in (('name', 'vera' if '/users/' in path else 'node-1'), ('node', 'node-1'), ('session', vera['session'])):
        path = path.replace(f':{name}', value)
    assert ':' not in path, 'name somebody for this row'
    for query in QUERIES.get(row, ['']):
        status, message = api.refused(method, path + (f'?{query}' if query else ''), FIELDS.get(row, {}) if method == 'POST' else None)
        # There is no such recording, for him.
        assert status == 403 or (status == 404 and path.endswith('/frames')), (row, status, message)
        assert vera['mark'] not in message


def test_nothing_came_of_what_was_refused(api, vera, cluster):
    users = cluster.tctl('users', 'ls').stdout
    assert 'vera' in users and 'walts-friend' not in users
    assert 'mine=now' not in cluster.tctl('nodes', 'ls').stdout and 'node-1' in cluster.node_names()
    assert 'vera' not in cluster.tctl('get', 'locks', check=False).stdout


def test_events_and_recordings_are_his_own_whoever_he_asks_for(api, vera):
    events = [f'events?{query}' for query in ('limit=1000', 'user=vera', f"session={vera['session']}", 'types=session.*', 'types=user.*')]
    recordings = [f'recordings?{query}' for query in ('limit=100', 'user=vera', f"session={vera['session']}", 'node=node-1')]
    own = 0
    for path in events + recordings:
        answer = api.get(f'/v1/webapi/{path}')
        found = [e['event'] for e in answer['events']] if 'events' in answer else answer['recordings']
        own += len(found)
        assert {one['user'] for one in found} <= {'walt'}, path
        assert vera['mark'] not in json.dumps(answer), path
    assert own > 2

    def count(who=''):
        return sum(b['events'] for b in api.get(f'/v1/webapi/events/count?from_us={SOON_AFTER}&bucket_us={DECADE}{who}')['buckets'])
    assert count('&user=vera') == 0
    # Of what he was refused before, some may come in between.
    wait_for('his own alone', lambda: count('&user=walt') == count() > 2)


def test_his_account_shows_nobody_elses(api, browser, cluster, vera):
    other = Visitor(cluster)
    other.login(vera)
    theirs = other.get('/v1/webapi/session')['id']
    assert theirs not in [s['id'] for s in api.get('/v1/webapi/account/sessions')['sessions']]
    assert api.refused('DELETE', f'/v1/webapi/account/sessions/{theirs}')[0] == 404
    factor = other.get('/v1/webapi/account/factors')['factors'][0]['id']
    assert api.refused('POST', f'/v1/webapi/account/factors/{factor}', {'name': 'mine'})[0] in (403, 404)
    assert api.refused('POST', f'/v1/webapi/account/factors/{factor}/remove', {'password': 'correct horse battery'})[0] in (403, 404)
    assert other.get('/v1/webapi/session')['user'] == 'vera'


def shown(browser, path):
    browser.do('goto', path=path)
    browser.do('see', selector='#page h1, #page .empty.bad')
    wait_for('what the page loads', lambda: browser.do('count', selector='[aria-busy=true]') == 0)
    return browser.evaluate('document.body.innerText')


@pytest.mark.parametrize('page', ADMINISTRATION)
def test_no_address_leads_him_to_the_administration(browser, walt, page):
    text = shown(browser, f'/web/{page}')
    assert 'That did not work' in text and 'vera' not in text and 'Add' not in text
    assert browser.do('count', selector='.rows tbody tr') == 0


def test_pages_that_he_has_show_neither_what_others_did_nor_what_changes_anything(browser, walt, vera):
    for path in ('/web', '/web/nodes', '/web/cluster', '/web/recordings', '/web/recordings?user=vera', '/web/audit', '/web/audit?user=vera',
                 f"/web/audit?session={vera['session']}", '/web/account', f"/web/recordings/{vera['session']}"):
        text = shown(browser, path)
        assert vera['mark'] not in text and not re.search(r'\bvera\b', text), path
        for words in ('Add server', 'Add user', 'Remove', 'Labels\u2026'):
            # Of his own second factors one may be removed.
            assert words not in text or (words, path) == ('Remove', '/web/account'), (path, words)
    assert 'walts-own' in shown(browser, '/web/recordings')


def test_he_is_shown_no_way_there(browser, walt):
    shown(browser, '/web')
    assert browser.texts('nav a') == ['Servers', 'Sessions', 'Audit log', 'Account']
    # Nor by keys.
    browser.do('press', key='g')
    browser.do('press', key='u')
    browser.do('press', key='?')
    browser.do('see', selector='dialog')
    assert browser.do('address') == '/web' and 'Users' not in browser.texts('dialog')[0]
