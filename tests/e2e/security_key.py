# SPDX-License-Identifier: Apache-2.0
"""A security key and its browser, in software: answers to challenges, right or wrong in what a test names."""
import base64
import hashlib
import json
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, CREDENTIAL = 0x01, 0x40
ORIGIN = 'https://proxy.example.org:3080'


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


class SecurityKey:
    def __init__(self, origin=ORIGIN):
        self.key, self.id, self.count, self.origin = ec.generate_private_key(ec.SECP256R1()), os.urandom(32), 0, origin

    def cose(self):
        n = self.key.public_key().public_numbers()
        return (b'\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20' + n.x.to_bytes(32, 'big') +
                b'\x22\x58\x20' + n.y.to_bytes(32, 'big'))

    def client_data(self, kind, asked, **wrong):
        data = {'type': kind, 'challenge': b64url(asked.challenge), 'origin': self.origin, 'crossOrigin': False}
        return json.dumps({**data, **wrong}).encode()

    def auth_data(self, asked, flags, rp_id=None, count=None):
        self.count += 1
        return (hashlib.sha256((rp_id or asked.rp_id).encode()).digest() + bytes([flags]) +
                (self.count if count is None else count).to_bytes(4, 'big'))

    def make(self, asked, rp_id=None, **wrong):
        """The fields of a NewKey."""
        data = self.auth_data(asked, PRESENT | CREDENTIAL, rp_id) + bytes(16) + len(self.id).to_bytes(2, 'big')
        return dict(ticket=asked.ticket, client_data=self.client_data('webauthn.create', asked, **wrong),
                    auth_data=data + self.id + self.cose())

    def sign(self, asked, flags=PRESENT, rp_id=None, count=None, **wrong):
        """The fields of a KeySignature."""
        client, auth = self.client_data('webauthn.get', asked, **wrong), self.auth_data(asked, flags, rp_id, count)
        signature = self.key.sign(auth + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return dict(ticket=asked.ticket, credential=self.id, client_data=client, auth_data=auth, signature=signature)
