# SPDX-License-Identifier: Apache-2.0
"""What idle WebSockets cost the proxy: as many as wanted, of one web session, from ten addresses."""
import asyncio
import ssl

import websockets
import websockets.version

HEADERS = 'additional_headers' if int(websockets.version.version.split('.')[0]) >= 14 else 'extra_headers'
SETTLE_S = 60


def limits(n):
    """Of a proxy that n of them may come to."""
    return f'''limits:
  web_sockets_per_user: {n + 200}
  web_connections: {8 * (n + 200)}
'''


def anonymous_kb(pid):
    with open(f'/proc/{pid}/smaps_rollup') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('Pss_Anon'))


def cost(cluster, token, path, n, enough):
    """KiB of each of n, when it is less than enough, or after a minute."""
    pid = cluster.daemons['proxyd'].pid
    context = ssl._create_unverified_context()  # the tests' own loopback proxy

    async def one(i):
        return await websockets.connect(f'wss://localhost:{cluster.public_port}{path}', ssl=context, compression=None, open_timeout=60,
                                        origin=f'https://localhost:{cluster.public_port}', ping_interval=None,
                                        local_addr=(f'127.0.0.{2 + i % 10}', 0), **{HEADERS: {'Cookie': f'__Host-sallyport={token}'}})

    async def go():
        before, sockets, each = anonymous_kb(pid), [], None
        while len(sockets) < n:
            sockets += await asyncio.gather(*(one(i) for i in range(20)))
        for _ in range(SETTLE_S):
            await asyncio.sleep(1)
            each = (anonymous_kb(pid) - before) / n
            if each < enough:
                break
        for ws in sockets:
            ws.transport.abort()
        return each
    return asyncio.run(go())
