# SPDX-License-Identifier: Apache-2.0
"""Logins with an SSH key that somebody else than tsh made: a page of the browser, a person with a P-256 key."""
import base64

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from authd import Caller, Keys, pb


class OwnKeys(Keys):
    """The SSH key is of the kind asked for: ed25519 or p256."""

    def __init__(self, kind):
        super().__init__()
        if kind == 'p256':
            self.ssh = ec.generate_private_key(ec.SECP256R1())
        else:
            assert kind == 'ed25519'
            self.ssh = ed25519.Ed25519PrivateKey.generate()

    def blob(self):
        line = self.ssh.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return base64.b64decode(line.split()[1])

    def public(self):
        return pb.PublicKeys(ssh=self.blob(), tls=self.spki())

    def spki(self):
        return self.tls.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def pkcs8(self):
        return self.ssh.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def openssh(self):
        return self.ssh.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH,
                                      serialization.NoEncryption()).decode()



def login(cluster, person, keys):
    """What authd answers: UserIdentity; and the blobs of the CAs that certify hosts."""
    roots = Caller(grpc.insecure_channel('unix:' + cluster.path('run/authd.sock'))).GetStatus().ca_pem.encode()
    channel = grpc.secure_channel(f'127.0.0.1:{cluster.public_port}', grpc.ssl_channel_credentials(roots),
                                  [('grpc.ssl_target_name_override', f'authd.{cluster.name}')])
    try:
        reply = Caller(channel).Login(user=person['user'], password=person['password'], otp=cluster.code(person),
                                      keys=keys.public())
    finally:
        channel.close()
    return reply, list(pb.CaSet.FromString(reply.ca.ca_set).host_ssh)
