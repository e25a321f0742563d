# SPDX-License-Identifier: Apache-2.0
"""A store of authd with ten thousand nodes and users in it, written while authd is down."""
import contextlib
import importlib
import sqlite3

import authd  # noqa: F401  (makes the Python messages)

stored = importlib.import_module('stored_pb2')
MANY = 10000


def clone(path, cls, keys, wanted, number):
    """Copies of one record under other keys. number: from its message and a number to the new key."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        rows = db.execute('SELECT value, expires_ms FROM item WHERE key GLOB ?', (keys,)).fetchall()
        message, expires = next((m, e) for m, e in ((cls.FromString(v), e) for v, e in rows) if wanted(m))
        first = db.execute("SELECT value FROM counter WHERE name = 'revision'").fetchone()[0] + 1
        rows = []
        for i in range(MANY):
            name = number(message, i)
            rows.append((name, message.SerializeToString(), first + i, expires))
        db.executemany("INSERT INTO item (key, value, revision, expires_ms) VALUES (?, ?, ?, ?)", rows)
        db.execute("UPDATE counter SET value = ? WHERE name = 'revision'", (first + MANY,))
        db.commit()


def as_node(m, i):
    m.name, m.uuid = f'web-{i:05}', f'{i:08}-0000-4000-8000-000000000000'
    return f'node/{m.uuid}'


def as_user(m, i):
    del m.roles[:]
    m.roles.append('access')
    m.name = f'person{i:05}'
    return f'user/{m.name}'


def fill(path):
    """path: authd.sqlite of a cluster that has a node and a user."""
    clone(path, stored.StoredNode, 'node/*', lambda m: m.kind == 'node', as_node)
    clone(path, stored.StoredUser, 'user/*', lambda m: True, as_user)
