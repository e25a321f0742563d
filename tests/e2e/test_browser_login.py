# SPDX-License-Identifier: Apache-2.0
"""Logins of tsh's that their users approve in a browser, at authd: what begins them, who may approve, and what is worth nothing to
whom. The proxy here is a Python program with a proxy's certificate; the pages are tested in test_web_approve.py."""
import contextlib
import hashlib
import importlib
import os
import secrets
import shutil
import sqlite3
import tempfile

import pytest

from authd import PASSWORD, Authd, Browser, Keys, Person, audit_text, fails, pb, ssh_cert
from cluster import wait_for
from security_key import ORIGIN, SecurityKey

pytestmark = pytest.mark.sanitized
PORT = 40123


@pytest.fixture(scope='module')
def authd(build):
    folder = tempfile.mkdtemp(prefix='sp-approve-')
    a = Authd(folder, build).start()
    a.proxy = a.join('proxy', 'gate').caller
    a.proxy.HelloProxy(public_addr='proxy.example.org:3080')
    yield a
    a.stop()
    text = a.daemon.text()
    assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text, text[-4000:]
    shutil.rmtree(folder, ignore_errors=True)


count = iter(range(1, 1000))


def source():
    """Of each login one of its own: addresses are what logins are counted by."""
    n = next(count)
    return f'127.{n // 250 + 2}.{n % 250 + 1}.7'


@pytest.fixture
def alice(authd):
    return authd.user(f'alice-{next(count)}')


def browser(authd, who):
    return Browser(authd.proxy, f'198.51.100.{next(count) % 250 + 1}').login(who)


class Tsh:
    """One login of tsh's, from an address of its own."""

    def __init__(self, authd, user, port=0, tool='tsh 1.0 on laptop', **wrong):
        self.authd, self.user, self.secret, self.keys, self.source = authd, user, secrets.token_bytes(32), Keys(), source()
        fields = dict(user=user, secret_hash=hashlib.sha256(self.secret).digest(), port=port, tool=tool)
        with authd.stranger(self.source) as caller:
            self.begun = caller.BeginBrowserLogin(**{**fields, **wrong})
        self.id = self.begun.id

    def finish(self, grant, **wrong):
        """As fails tells it; the answer is self.reply."""
        q = dict(id=self.id, secret=self.secret, grant=grant)
        fields = dict(user=self.user, keys=self.keys.public(), grant=pb.BrowserGrant(**{**q, **wrong}))

        def call():
            with self.authd.stranger(self.source) as caller:
                self.reply = caller.Login(**fields)
        return fails(call)


def approve(web, tsh, **kw):
    return web.ApproveBrowserLogin(id=tsh.id, **{'code': tsh.begun.code, **kw}).grant


GONE = 'there is no such login of'
WRONG = ('UNAUTHENTICATED', 'that is not what the browser showed, or it is over: a login by a browser lasts five minutes')


def test_who_approves_gets_what_tsh_needs_and_tsh_gets_certificates(authd, alice, tmp_path):
    web, tsh = browser(authd, alice), Tsh(authd, alice.name, port=PORT)
    seen = web.GetBrowserLogin(name=tsh.id)
    assert (seen.tool, seen.address, seen.own_address, seen.port) == ('tsh 1.0 on laptop', tsh.source, web.address.split(':')[0], PORT)
    assert not seen.proof_wanted and seen.expires - seen.begun == 300000
    assert len(tsh.begun.code) == 4 and 0 < tsh.begun.life_ms <= 300000
    answer = web.ApproveBrowserLogin(id=tsh.id, code=tsh.begun.code.lower())
    assert answer.port == PORT and len(answer.grant) == 8 and answer.grant != tsh.begun.code
    assert tsh.finish(f' {answer.grant[:4].lower()}-{answer.grant[4:]} ')[0] == 'OK'
    assert tsh.reply.user == alice.name and list(tsh.reply.logins) == ['root']
    assert ssh_cert(tsh.reply.ssh_cert, tmp_path)['Key ID'] == [f'"{alice.name}"']
    mine = authd.remote(tsh.keys.tls_pem(), tsh.reply.tls_cert_pem.encode())
    assert mine.GetStatus().cluster
    # Once.
    assert tsh.finish(answer.grant) == WRONG
    # Both sides are in the trail, and nothing that would let anybody in.
    text = audit_text(authd)
    assert text.count(b'login.approve') >= 1 and b'browser' in text
    assert tsh.source.encode() in text and web.address.split(':')[0].encode() in text
    assert answer.grant.encode() not in text and tsh.secret not in text


def test_without_a_port_the_code_is_not_asked_for_and_the_grant_is_shown(authd, alice):
    web, tsh = browser(authd, alice), Tsh(authd, alice.name)
    assert tsh.begun.code == ''
    assert tsh.finish(approve(web, tsh))[0] == 'OK'


def test_who_lured_somebody_into_approving_has_nothing(authd, alice):
    """The stranger began it, in her name, and she approved: what that gave is hers, and he has a secret and no grant."""
    web, strangers = browser(authd, alice), Tsh(authd, alice.name)
    assert strangers.finish('') == WRONG
    grant = approve(web, strangers)
    wrong = 'BBBBBBBB' if grant != 'BBBBBBBB' else 'CCCCCCCC'
    for guess in ('', wrong, grant[:7], grant + 'B', wrong):
        assert strangers.finish(guess) == WRONG
    # After five there is nothing left to guess.
    assert strangers.finish(grant) == WRONG
    # And who has the grant and the address of the page has no secret; nor does he use up her tries.
    hers = Tsh(authd, alice.name)
    grant = approve(web, hers)
    for _ in range(6):
        assert hers.finish(grant, secret=strangers.secret) == WRONG
        assert hers.finish(grant, secret=b'') == WRONG
    assert hers.finish(grant, id=strangers.id) == WRONG
    assert hers.finish(grant)[0] == 'OK'


def test_nobody_but_the_user_it_was_begun_for_sees_or_approves_it(authd, alice):
    bob, tsh = browser(authd, authd.user(f'bob-{next(count)}', roles=['editor', 'access', 'auditor'])), Tsh(authd, alice.name)
    for call in (bob.GetBrowserLogin, bob.RefuseBrowserLogin):
        code, text = fails(call, name=tsh.id)
        assert code == 'NOT_FOUND' and GONE in text
    assert fails(approve, bob, tsh)[0] == 'NOT_FOUND'
    # Nor is the name that tsh says at the end another one than at the beginning.
    web = browser(authd, alice)
    grant = approve(web, tsh)
    tsh.user = bob.session.user
    assert tsh.finish(grant) == WRONG
    tsh.user = alice.name
    assert tsh.finish(grant)[0] == 'OK'


def test_a_wrong_code_is_refused_and_five_end_it(authd, alice):
    web, tsh = browser(authd, alice), Tsh(authd, alice.name, port=PORT)
    wrong = 'BBBB' if tsh.begun.code != 'BBBB' else 'CCCC'
    for code in ('', wrong, tsh.begun.code + 'B', tsh.begun.code[:3]):
        got, text = fails(approve, web, tsh, code=code)
        assert (got, text) == ('INVALID_ARGUMENT', 'that is not the code that tsh shows in your terminal')
    got, text = fails(approve, web, tsh, code=wrong)
    assert got == 'INVALID_ARGUMENT' and 'run tsh login anew' in text
    assert fails(approve, web, tsh)[0] == 'NOT_FOUND'


def test_it_is_approved_once(authd, alice):
    web, tsh = browser(authd, alice), Tsh(authd, alice.name)
    grant = approve(web, tsh)
    before = audit_text(authd).count(b'login.approve')
    for _ in range(3):
        code, text = fails(approve, web, tsh)
        assert code == 'FAILED_PRECONDITION' and 'approved before' in text
    # Which is in the trail already, and fills it no more.
    assert audit_text(authd).count(b'login.approve') == before
    assert tsh.finish(grant)[0] == 'OK'
    assert fails(approve, web, tsh)[0] == 'NOT_FOUND'


def test_what_was_refused_is_over(authd, alice):
    web, tsh = browser(authd, alice), Tsh(authd, alice.name)
    before = audit_text(authd).count(b'this login is not his')
    web.RefuseBrowserLogin(name=tsh.id)
    assert fails(approve, web, tsh)[0] == 'NOT_FOUND'
    assert audit_text(authd).count(b'this login is not his') == before + 1
    # Also what was approved, as long as tsh has not come for it.
    tsh = Tsh(authd, alice.name)
    grant = approve(web, tsh)
    web.RefuseBrowserLogin(name=tsh.id)
    assert tsh.finish(grant) == WRONG


def test_only_a_persons_web_session_approves(authd, alice):
    tsh = Tsh(authd, alice.name)
    _, by_certificate = alice.login()
    for caller, code in ((by_certificate, 'PERMISSION_DENIED'), (authd.anyone(), 'UNAUTHENTICATED'), (authd.local(), 'PERMISSION_DENIED'),
                         (authd.proxy, 'PERMISSION_DENIED')):
        assert fails(caller.ApproveBrowserLogin, id=tsh.id)[0] == code
        assert fails(caller.GetBrowserLogin, name=tsh.id)[0] == code
        assert fails(caller.RefuseBrowserLogin, name=tsh.id)[0] == code
    made = authd.local().AddToken(kind='api', roles=['editor', 'access', 'auditor'])
    program = Browser(authd.proxy, '198.51.100.9')
    program.token = made.token
    for call, fields in ((program.ApproveBrowserLogin, {'id': tsh.id}), (program.GetBrowserLogin, {'name': tsh.id}),
                         (program.RefuseBrowserLogin, {'name': tsh.id})):
        assert fails(call, **fields) == ('PERMISSION_DENIED', 'this is not for API tokens')
    ended = browser(authd, alice)
    ended.EndWebSession()
    assert fails(ended.ApproveBrowserLogin, id=tsh.id)[0] == 'UNAUTHENTICATED'


def test_what_was_approved_outlives_no_change_of_who_one_is(authd, alice):
    web = browser(authd, alice)
    changes = [lambda: web.SignOutEverywhere(),
               lambda: authd.local().UpdateUser(name=alice.name, set_logins=True, logins=['deploy'])]
    for change in changes:
        web, tsh = browser(authd, alice), Tsh(authd, alice.name)
        grant = approve(web, tsh)
        change()
        assert tsh.finish(grant)[0] == 'FAILED_PRECONDITION'
    web, tsh = browser(authd, alice), Tsh(authd, alice.name)
    grant = approve(web, tsh)
    authd.local().RemoveUser(name=alice.name)
    assert tsh.finish(grant)[0] in ('FAILED_PRECONDITION', 'UNAUTHENTICATED')


def test_what_was_approved_ends_with_the_session_that_gave_it(authd, alice):
    web, tsh = browser(authd, alice), Tsh(authd, alice.name)
    grant = approve(web, tsh)
    web.EndWebSession()
    code, text = tsh.finish(grant)
    assert code == 'FAILED_PRECONDITION' and 'the session in which you approved this login has ended' in text


@pytest.mark.parametrize('wrong', [{'name': ''}, {'name': 'a b'}, {'secret_hash': b''}, {'secret_hash': bytes(33)}, {'port': 80},
                                   {'port': 65536}], ids=str)
def test_what_makes_no_sense_is_not_begun(authd, wrong):
    assert fails(Tsh, authd, wrong.pop('name', 'alice'), **wrong)[0] == 'INVALID_ARGUMENT'


def test_a_tool_may_call_itself_what_it_likes(authd, alice):
    tsh = Tsh(authd, alice.name, tool='<b>tsh</b>\x1b[31m' + 'x' * 200)
    tool = browser(authd, alice).GetBrowserLogin(name=tsh.id).tool
    assert tool.startswith('<b>tsh</b>?[31mxxx') and len(tool) == 64


def test_one_address_begins_so_many_and_takes_nothing_from_the_others(authd, alice):
    web, hers = browser(authd, alice), Tsh(authd, alice.name)
    with authd.stranger(source()) as stranger:
        fields = dict(user=alice.name, secret_hash=bytes(32))
        begun = [stranger.BeginBrowserLogin(**fields) for _ in range(17)]
        # His oldest is gone, hers is there.
        assert fails(web.GetBrowserLogin, name=begun[0].id)[0] == 'NOT_FOUND'
        assert fails(web.GetBrowserLogin, name=begun[1].id)[0] == 'OK'
        got = {fails(stranger.BeginBrowserLogin, **fields)[0] for _ in range(60)}
        assert got == {'OK', 'RESOURCE_EXHAUSTED'}
    assert hers.finish(approve(web, hers))[0] == 'OK'


def test_who_has_no_app_is_told_so_when_the_password_is_right(authd):
    name, key = f'keys-{next(count)}', SecurityKey()
    link, web = authd.local().AddUser(name=name, roles=['access'], logins=['root']).token, Browser(authd.proxy, '198.51.100.77')
    challenge = web.BeginInviteKey(token=link, origin=ORIGIN)
    web.CompleteInvite(token=link, password=PASSWORD, name='blue', key=pb.NewKey(**key.make(challenge)))
    person = Person(authd, name, PASSWORD)

    def login(password):
        with authd.stranger(source()) as caller:
            return fails(person.login, by=caller, otp='123456', password=password)
    code, text = login(PASSWORD)
    assert code == 'NOT_FOUND' and '--auth=browser' in text
    assert login('wrong horse battery')[0] == 'UNAUTHENTICATED'
    # With the key he has a session, and with that tsh its certificates.
    reply = web.WebLogin(user=name, key=pb.KeySignature(**key.sign(web.BeginLogin(user=name, password=PASSWORD, origin=ORIGIN))))
    web.token, tsh = reply.token, Tsh(authd, name)
    assert tsh.finish(approve(web, tsh))[0] == 'OK'



def make_older(authd, web, by_ms):
    """The record of a session, in the store of an authd that is down meanwhile. Who is connected connects anew."""
    stored = importlib.import_module('stored_pb2')
    key = f"web_session/{hashlib.sha256(web.token.encode()).hexdigest()}"
    authd.daemon.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(authd.state, 'authd.sqlite'))) as db:
        [[value]] = db.execute('SELECT value FROM item WHERE key = ?', (key,)).fetchall()
        record = stored.StoredWebSession.FromString(value)
        record.created -= by_ms
        db.execute('UPDATE item SET value = ? WHERE key = ?', (record.SerializeToString(), key))
        db.commit()
    authd.start()


def test_a_session_that_is_not_fresh_shows_anew_who_it_is(authd, alice):
    web = browser(authd, alice)
    make_older(authd, web, 11 * 60 * 1000)
    wait_for('the proxy to be back', lambda: fails(web.GetWebSession)[0] == 'OK')
    tsh = Tsh(authd, alice.name, port=PORT)
    assert web.GetBrowserLogin(name=tsh.id).proof_wanted
    otp, before = alice.otp(), audit_text(authd)
    for kw in ({}, {'otp': otp}):
        code, text = fails(approve, web, tsh, **kw)
        assert code == 'FAILED_PRECONDITION' and 'load this page again' in text
    for kw in ({'password': PASSWORD}, {'password': 'wrong horse battery', 'otp': otp}):
        assert fails(approve, web, tsh, **kw)[0] == 'UNAUTHENTICATED'
    # A wrong code costs no second factor: this one is still good.
    assert fails(approve, web, tsh, password=PASSWORD, otp=otp, code='x')[0] == 'INVALID_ARGUMENT'
    assert tsh.finish(approve(web, tsh, password=PASSWORD, otp=otp))[0] == 'OK'
    assert audit_text(authd).count(b'wrong user name') == before.count(b'wrong user name') + 2
    again = Tsh(authd, alice.name)
    assert fails(approve, web, again, password=PASSWORD, otp=otp)[0] in ('UNAUTHENTICATED', 'FAILED_PRECONDITION')
