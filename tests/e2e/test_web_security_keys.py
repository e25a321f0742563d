# SPDX-License-Identifier: Apache-2.0
"""Security keys in a real Chromium, through a real proxyd: tests/web/security_key.mjs does, these tests judge."""
import json
import os
import re
import subprocess

import pytest
from cluster import Cluster
from conftest import keep_logs, scratch

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
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
        keep_logs(c, 'web-security-keys')
        c.remove()


def invite(c, user):
    return re.search(r'/web/invite/[0-9a-f]{32}', c.tctl('users', 'add', user, '--roles=access', '--logins=root').stdout)[0]


@pytest.fixture(scope='module')
def done(gate):
    base = f'https://localhost:{gate.public_port}'
    q = {'base': base, 'other': base.replace('localhost', '127.0.0.1'), 'link': invite(gate, 'alice'), 'page': invite(gate, 'bob'),
         'user': 'alice', 'password': PASSWORD, 'next': 'staple another horse', 'shot': os.environ.get('SHOT', ''), 'wrong': 'wrong horse battery'}
    out = subprocess.run(['node', os.path.join(TOP, 'tests/web/security_key.mjs'), os.path.join(TOP, 'build'), json.dumps(q)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=240)
    assert out.returncode == 0, out.stdout + out.stderr
    got = json.loads(out.stdout)
    assert 'error' not in got, got['error']
    return got


def test_the_page_of_the_link_signs_up_with_a_security_key(done):
    assert done['made'] == ['localhost'] and done['codeHidden']
    assert done['complaints'] == []  # the pages' policy refused nothing that they do


def test_a_security_key_logs_in_and_its_signature_is_good_once(done):
    assert (done['login'], done['session'], done['replay']) == (200, 'alice', 401)
    assert done['cookies'] == [['__Host-sallyport', True, True, 'Strict']]
    [key] = done['factors']
    assert (key['name'], key['kind'], key['site']) == ('blue <b>key</b>', 'webauthn', 'localhost') and key['used'] > 0


def test_the_account_page_adds_renames_and_removes_but_not_the_last(done):
    assert [row.split('\t')[0].strip() for row in done['two']] == ['blue <b>key</b>', 'phone']
    assert [row.split('\t')[0].strip() for row in done['one']] == ['blue <b>key</b>'] and done['last'] == ['Rename']
    assert done['changed']


def test_a_wrong_password_another_site_and_a_copy_of_the_key_are_refused(done):
    assert (done['wrongPassword'], done['otherOrigin'], done['clone']) == (401, 400, 403)
    assert done['elsewhere'] == 400 and 'Security keys do not work here' in done['noKey']


def test_without_script_the_page_asks_for_a_code(gate):
    status, headers, page = gate.https('GET', invite(gate, 'carol'))
    policy = headers['Content-Security-Policy']
    assert status == 200 and "script-src 'self'; connect-src 'self'" in policy and "default-src 'none'" in policy and 'unsafe' not in policy
    assert '<fieldset class="choice" hidden>' in page and re.search(r'name="otp"[^>]*required', page)
    for path in ('/web/invite.mjs', '/web/securitykey.mjs'):
        status, headers, script = gate.https('GET', path)
        assert status == 200 and headers['Content-Type'].startswith('text/javascript') and 'SPDX' in script
