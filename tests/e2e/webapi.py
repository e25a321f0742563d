# SPDX-License-Identifier: Apache-2.0
"""What a browser is for the web API: it keeps the cookie, and says where its requests come from."""
import contextlib
import http.client
import json
import re
import ssl


class Browser:
    """One browser, whose pages are the proxy's."""

    def __init__(self, cluster, source='127.0.0.1'):
        self.cluster, self.cookie, self.conn, self.source = cluster, None, None, source
        self.origin = f'https://localhost:{cluster.public_port}'

    def headers(self, method):
        headers = {'Host': self.origin.removeprefix('https://'), 'User-Agent': 'Mozilla/5.0 (tests)'}
        if self.cookie:
            headers['Cookie'] = f'__Host-sallyport={self.cookie}'
        if method not in ('GET', 'HEAD'):
            headers |= {'Origin': self.origin, 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'same-origin'}
        return headers

    def send(self, method, path, body=None, **changed):
        """(status, headers, bytes). changed: headers, with _ for -; None: not sent."""
        headers = self.headers(method) | {k.replace('_', '-'): v for k, v in changed.items()}
        request = method, path, body, {k: v for k, v in headers.items() if v is not None}
        with contextlib.suppress(OSError, http.client.HTTPException):
            if self.conn:  # kept, as browsers do: the proxy counts handshakes
                return self.send_once(*request)
        self.conn = http.client.HTTPSConnection('127.0.0.1', self.cluster.public_port, timeout=60, source_address=(self.source, 0),
                                                context=ssl._create_unverified_context())  # the tests' own loopback proxy
        return self.send_once(*request)

    def send_once(self, *request):
        self.conn.request(*request)
        answer = self.conn.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def ask(self, method, path, fields=None, **changed):
        """(status, what the answer says)."""
        status, headers, body = self.send(method, path, None if fields is None else json.dumps(fields), **changed)
        assert headers['Content-Type'] == 'application/json' and headers['X-Content-Type-Options'] == 'nosniff', headers
        return status, json.loads(body)

    def get(self, path):
        status, answer = self.ask('GET', path)
        assert status == 200, answer
        return answer

    def post(self, path, **fields):
        status, answer = self.ask('POST', path, fields)
        assert status == 200, answer
        return answer

    def delete(self, path):
        status, answer = self.ask('DELETE', path)
        assert status == 200, answer
        return answer

    def refused(self, *question, **changed):
        """(status, message) of what is refused."""
        status, answer = self.ask(*question, **changed)
        assert status >= 400 and list(answer) == ['error'] and list(answer['error']) == ['message'], (status, answer)
        return status, answer['error']['message']

    def login(self, person):
        fields = {'user': person['user'], 'password': person['password'], 'otp': self.cluster.code(person)}
        status, headers, body = self.send('POST', '/v1/webapi/login', json.dumps(fields))
        assert status == 200, body
        self.cookie = re.match(r'__Host-sallyport=([0-9a-f]{64});', headers['Set-Cookie'])[1]
        return json.loads(body)
