# SPDX-License-Identifier: Apache-2.0
"""SSH by paramiko, where a test does what stock ssh would not."""
import contextlib
import os

import paramiko


def key_from(key, certificate):
    """A private key as a file, with the certificate that is shown for it."""
    key = paramiko.Ed25519Key.from_private_key_file(str(key))
    key.load_certificate(str(certificate))
    return key


def key_of(c, user):
    folder = c.keys(user)
    return key_from(os.path.join(folder, 'key'), os.path.join(folder, 'key-cert.pub'))


@contextlib.contextmanager
def connected(sock, user, key, version=None):
    """A transport that has logged in; sock: anything that paramiko takes for one. version: what it says that it is."""
    transport = paramiko.Transport(sock)
    if version:
        transport.local_version = version
    try:
        transport.start_client(timeout=60)
        transport.auth_publickey(user, key)
        yield transport
    finally:
        transport.close()
