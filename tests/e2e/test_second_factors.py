# SPDX-License-Identifier: Apache-2.0
"""Second factors at authd, as a proxy asks it for browsers: sign-up and login with a security key, and everything about such an
answer that can be wrong; several factors of one person."""
import shutil
import tempfile

import pytest

from authd import PASSWORD, Authd, Browser, Person, audit_text, fails, pb
from cluster import totp
from security_key import ORIGIN, SecurityKey

pytestmark = pytest.mark.sanitized
WRONG = ('UNAUTHENTICATED', 'the security key does not fit, or what it signed was used or is too old; try again')


@pytest.fixture(scope='module')
def authd(build):
    folder = tempfile.mkdtemp(prefix='sp-factors-')
    a = Authd(folder, build).start()
    a.proxy = a.join('proxy', 'gate').caller
    a.proxy.HelloProxy(public_addr='proxy.example.org:3080')
    yield a
    a.stop()
    text = a.daemon.text()
    assert 'ERROR: AddressSanitizer' not in text and 'runtime error' not in text, text[-4000:]
    shutil.rmtree(folder, ignore_errors=True)


count = iter(range(1, 1000))


def new_key(key, asked, **wrong):
    return pb.NewKey(**key.make(asked, **wrong))


class KeyPerson(Person):
    """Somebody whose second factor is a security key."""

    def __init__(self, authd):
        super().__init__(authd, f'keys-{next(count)}', PASSWORD)
        self.key, self.browser = SecurityKey(), Browser(authd.proxy, f'198.51.100.{next(count)}')
        self.link = authd.local().AddUser(name=self.name, roles=['access'], logins=['root']).token

    def sign_up(self):
        challenge = self.browser.BeginInviteKey(token=self.link, origin=ORIGIN)
        self.browser.CompleteInvite(token=self.link, password=self.password, name='blue', key=new_key(self.key, challenge))
        return self

    def begin(self, **kw):
        return self.browser.BeginLogin(**{'user': self.name, 'password': self.password, 'origin': ORIGIN, **kw})

    def finish(self, signature, **kw):
        """As fails tells it."""
        return fails(self.browser.WebLogin, user=self.name, key=pb.KeySignature(**signature), **kw)

    def log_in(self):
        """In a web session of its own."""
        web = Browser(self.authd.proxy, self.browser.address.split(':')[0])
        reply = web.WebLogin(user=self.name, key=pb.KeySignature(**self.key.sign(self.begin())))
        web.token, web.session = reply.token, reply.session
        return web


@pytest.fixture
def alice(authd):
    return KeyPerson(authd).sign_up()


def test_sign_up_and_login_with_a_security_key(authd, alice):
    web = alice.log_in()
    assert web.session.user == alice.name
    [one] = web.ListFactors().factors
    assert (one.name, one.kind, one.site) == ('blue', 'webauthn', 'proxy.example.org') and one.used > 0
    [user] = [u for u in authd.local().ListUsers().users if u.name == alice.name]
    assert list(user.factors) == ['webauthn']
    challenge = alice.begin()
    assert list(challenge.credentials) == [alice.key.id] and len(challenge.challenge) == 32
    text = audit_text(authd)
    assert text.count(b'mfa.add') and one.id.encode() in text
    assert alice.key.id not in text and challenge.challenge not in text


def said_of(authd, name):
    return audit_text(authd).count(name.encode())


def test_the_first_step_of_a_login_is_a_login_try(authd, alice):
    for user, password in ((alice.name, 'wrong horse battery'), ('nobody-here', PASSWORD)):
        before = said_of(authd, user)
        assert fails(alice.begin, user=user, password=password) == ('UNAUTHENTICATED', 'wrong user name or password')
        assert said_of(authd, user) > before, 'it is in the trail'
    # Whoever has the password and no key is seen.
    before = said_of(authd, 'mfa.challenge')
    alice.begin()
    assert said_of(authd, 'mfa.challenge') == before + 1
    code, text = fails(alice.begin, origin='https://evil.example')
    assert said_of(authd, 'mfa.challenge') == before + 2
    assert code == 'INVALID_ARGUMENT' and 'security keys do not work at https://evil.example' in text
    # Only proxies, and only for somebody.
    assert fails(authd.anyone().BeginLogin, user=alice.name, password=PASSWORD)[0] == 'UNAUTHENTICATED'
    assert fails(authd.proxy.BeginLogin, user=alice.name, password=PASSWORD)[0] == 'INVALID_ARGUMENT'
    other = KeyPerson(authd).sign_up()
    for n in range(5):
        assert fails(other.begin, password=f'wrong horse {n}')[0] == 'UNAUTHENTICATED'
    before = said_of(authd, other.name)
    code, text = fails(other.begin)
    assert code == 'FAILED_PRECONDITION' and 'too many failed logins' in text
    assert said_of(authd, other.name) > before, 'a closed door, too'


@pytest.mark.parametrize('wrong', [
    {'origin': 'https://evil.example'}, {'origin': 'https://proxy.example.org'}, {'origin': 'http://proxy.example.org:3080'},
    {'rp_id': 'example.org'}, {'crossOrigin': True}, {'type': 'webauthn.create'}, {'challenge': 'AAAA'}, {'flags': 0},
    {'flags': 0x41}], ids=str)
def test_a_wrong_signature_is_refused(alice, wrong):
    assert alice.finish(alice.key.sign(alice.begin(), **wrong)) == WRONG
    alice.log_in()


def test_a_signature_is_good_once_and_for_its_own_challenge(alice):
    first, second = alice.begin(), alice.begin()
    signature = alice.key.sign(first)
    assert alice.finish({**signature, 'ticket': second.ticket}) == WRONG
    assert alice.finish(signature)[0] == 'OK'
    assert alice.finish(signature) == WRONG
    assert alice.finish({**alice.key.sign(second), 'ticket': second.ticket}) == WRONG  # it was used by the replay
    changed = alice.key.sign(alice.begin())
    changed['signature'] = bytes([changed['signature'][0] ^ 1]) + changed['signature'][1:]
    assert alice.finish(changed) == WRONG


def test_another_users_key_signs_in_nobody(authd, alice):
    bob = KeyPerson(authd).sign_up()
    # Bob's key under the name of alice's, as itself, and his ticket for her.
    assert alice.finish({**bob.key.sign(alice.begin()), 'credential': alice.key.id}) == WRONG
    assert alice.finish(bob.key.sign(alice.begin())) == WRONG
    assert alice.finish(bob.key.sign(bob.begin())) == WRONG


def test_a_cloned_key_is_refused_and_written_down(authd, alice):
    alice.key.count = 40
    alice.log_in()
    code, text = alice.finish(alice.key.sign(alice.begin(), count=41))
    assert code == 'PERMISSION_DENIED' and 'there is a copy of it' in text
    assert alice.finish(alice.key.sign(alice.begin(), count=7))[0] == 'PERMISSION_DENIED'
    assert audit_text(authd).count(b'mfa.clone') >= 2
    alice.key.count = 50
    alice.log_in()


def test_a_ticket_ends_with_the_password_it_was_begun_with(authd, alice):
    ticket = alice.begin()
    alice.link = authd.local().ResetUser(name=alice.name).token
    alice.sign_up()
    assert alice.finish(alice.key.sign(ticket)) == WRONG


@pytest.mark.parametrize('wrong', [{'origin': 'https://evil.example'}, {'rp_id': 'example.org'},
                                   {'type': 'webauthn.get'}, {'challenge': 'AAAA'}, {'crossOrigin': True}], ids=str)
def test_a_wrong_new_key_is_refused_and_the_link_stays(authd, wrong):
    alice = KeyPerson(authd)
    challenge = alice.browser.BeginInviteKey(token=alice.link, origin=ORIGIN)
    code = fails(alice.browser.CompleteInvite, token=alice.link, password=PASSWORD, key=new_key(alice.key, challenge, **wrong))
    assert code[0] == 'INVALID_ARGUMENT'
    alice.sign_up().log_in()


def test_several_factors_of_one_person(authd, alice):
    web, red = alice.log_in(), SecurityKey()
    # A session alone is not enough.
    assert fails(web.BeginFactor, kind='webauthn', origin=ORIGIN, password='wrong')[0] == 'UNAUTHENTICATED'
    offer = web.BeginFactor(kind='webauthn', origin=ORIGIN, password=PASSWORD).key
    assert list(offer.credentials) == [alice.key.id]
    assert fails(web.AddFactor, name='blue', key=new_key(red, offer))[0] == 'ALREADY_EXISTS'
    offer = web.BeginFactor(kind='webauthn', origin=ORIGIN, password=PASSWORD).key
    assert web.AddFactor(name='red', key=new_key(red, offer)).name == 'red'
    offer = web.BeginFactor(kind='totp', password=PASSWORD)
    alice.secret = offer.totp_secret
    assert offer.totp_uri.startswith('otpauth://totp/')
    assert fails(web.AddFactor, name='phone', ticket=offer.ticket, otp='000000')[0] == 'PERMISSION_DENIED'
    offer = web.BeginFactor(kind='totp', password=PASSWORD)
    alice.secret = offer.totp_secret
    web.AddFactor(name='phone', ticket=offer.ticket, otp=alice.otp())
    # Any of them signs in, tsh with the app.
    for key in (alice.key, red):
        assert alice.finish(key.sign(alice.begin()))[0] == 'OK'
    alice.login()
    by_name = {f.name: f for f in web.ListFactors().factors}
    assert list(by_name) == ['blue', 'red', 'phone'] and all(f.used for f in by_name.values())
    # Names and ends.
    assert web.RenameFactor(id=by_name['red'].id, name='rot').name == 'rot'
    assert fails(web.RenameFactor, id=by_name['red'].id, name='phone')[0] == 'ALREADY_EXISTS'
    assert fails(web.RemoveFactor, id=by_name['red'].id, password='wrong')[0] == 'UNAUTHENTICATED'
    for name in ('red', 'phone'):
        web.RemoveFactor(id=by_name[name].id, password=PASSWORD)
    code, text = fails(web.RemoveFactor, id=by_name['blue'].id, password=PASSWORD)
    assert code == 'FAILED_PRECONDITION' and 'last second factor' in text
    assert alice.finish(red.sign(alice.begin())) == WRONG
    text = audit_text(authd)
    assert all(kind in text for kind in (b'mfa.add', b'mfa.rename', b'mfa.delete'))
    assert offer.totp_secret.encode() not in text


def test_factors_are_ones_own(authd, alice):
    bob = KeyPerson(authd).sign_up()
    mine, his = alice.log_in(), bob.log_in()
    [hers] = mine.ListFactors().factors
    assert fails(his.RenameFactor, id=hers.id, name='x')[0] == 'NOT_FOUND'
    assert fails(his.RemoveFactor, id=hers.id, password=PASSWORD)[0] == 'NOT_FOUND'
    offer = mine.BeginFactor(kind='totp', password=PASSWORD)
    assert fails(his.AddFactor, name='x', ticket=offer.ticket, otp=totp(offer.totp_secret))[0] == 'FAILED_PRECONDITION'
    # Without a session, root's own included, there is nobody whose they would be.
    for caller in (authd.proxy, authd.local(), authd.anyone()):
        for call in (caller.ListFactors, caller.BeginFactor):
            assert fails(call)[0] in ('PERMISSION_DENIED', 'UNAUTHENTICATED')


def test_a_password_is_changed_with_a_security_key(authd, alice):
    web = alice.log_in()
    key = pb.KeySignature(**alice.key.sign(alice.begin()))
    web.ChangePassword(new_password='another long password', key=key)
    assert fails(alice.begin)[0] == 'UNAUTHENTICATED'
    alice.password = 'another long password'
    alice.log_in()


def test_a_restart_keeps_factors_and_ends_what_was_begun(authd, alice):
    begun = alice.begin()
    authd.stop()
    authd.start()
    authd.proxy = authd.join('proxy', 'gate-2').caller
    authd.proxy.HelloProxy(public_addr='proxy.example.org:3080')
    alice.browser = Browser(authd.proxy, '198.51.101.1')
    assert alice.finish(alice.key.sign(begun)) == WRONG
    alice.log_in()
