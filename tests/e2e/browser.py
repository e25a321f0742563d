# SPDX-License-Identifier: Apache-2.0
"""A real Chromium for the tests of the web app: tests/web/browser.mjs does what is said here."""
import json
import os
import subprocess
import threading

from cluster import wait_for

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Browser:
    """Every method waits until it can be done, at most a minute. Elements are found as people find them: by role and name, label or text;
    or by selector."""

    def __init__(self, build, base):
        self.proc = subprocess.Popen(['node', os.path.join(TOP, 'tests/web/browser.mjs'), build, base], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)

    def do(self, act, **options):
        self.proc.stdin.write(json.dumps({'do': act, **options}) + '\n')
        self.proc.stdin.flush()
        late = threading.Timer(180, self.proc.kill)  # then there is no line
        late.start()
        line = self.proc.stdout.readline()
        late.cancel()
        assert line, f'the browser has ended, or did not answer: {act}'
        answer = json.loads(line)
        assert 'error' not in answer, answer['error']
        return answer['value']

    def stop(self):
        self.proc.stdin.close()
        try:
            self.proc.wait(20)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()

    def click(self, role, name, **more):
        self.do('click', role=role, name=name, **more)

    def fill(self, label, value):
        self.do('fill', label=label, value=value)

    def see(self, text, **more):
        self.do('see', text=text, **more)

    def told(self, text):
        """The page has said so in passing; the words themselves may be gone by now. Once: the next call is about what is said next."""
        wait_for(text, lambda: self.evaluate(f"""(() => {{
            const i = told.findIndex((said) => said.includes({json.dumps(text)}));
            return i >= 0 && told.splice(0, i + 1).length > 0;
        }})()"""))

    def keep(self, cookie):
        """The cookie of a session, as after a login."""
        self.do('keep', value=cookie)

    def cookie(self):
        """That of the session; None: nobody is logged in."""
        return next((c['value'] for c in self.do('cookies') if c['name'] == '__Host-sallyport'), None)

    def texts(self, selector):
        return self.do('texts', selector=selector)

    def evaluate(self, expression):
        return self.do('evaluate', expression=expression)

    def log_in(self, person, code, path='/web', **window):
        """In a browser of its own: no cookie, nothing kept of before. code: called for the code when the form is there."""
        self.do('open', **window)
        self.do('goto', path=path)
        self.fill('User', person['user'])
        self.fill('Password', person['password'])
        self.fill('Code', code())
        self.click('button', 'Log in')
        self.do('see', selector='header.top')

    def download(self, role, name):
        """What a click there saves: (name, bytes)."""
        got = self.do('download', role=role, name=name)
        with open(got['path'], 'rb') as f:
            return got['name'], f.read()
