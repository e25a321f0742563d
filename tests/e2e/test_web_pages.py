# SPDX-License-Identifier: Apache-2.0
"""What people see in a browser at the proxy's public port: commands that work, pages that fit. Real authd and proxyd."""
import html
import json
import re
import subprocess
import time

import pytest
from cluster import totp
from test_proxy_web import FORM, PASSWORD, form, gate, invite, secret_of  # noqa: F401


BROWSER = {'Accept': 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'}


def test_unknown_paths_are_a_page_for_people_and_json_for_programs(gate):
    for path in ('/nosuch', '/web/site/nosuch', '/v1/webapi/nosuch'):
        status, headers, page = gate.https('GET', path, headers=BROWSER)
        assert status == 404 and headers['Content-Type'] == 'text/html; charset=utf-8'
        assert 'No such page' in page and 'tsh login' not in page
        for accept in ({}, {'Accept': '*/*'}, {'Accept': 'application/json'}):
            status, headers, text = gate.https('GET', path, headers=accept)
            assert status == 404 and json.loads(text) == {'error': {'message': 'Not Found'}}
    status, headers, page = gate.https('POST', '/v1/webapi/find', 'x', BROWSER)
    assert status == 405 and 'Method Not Allowed' in page and headers['Content-Type'].startswith('text/html')


def shown_command(page):
    return re.search(r'<pre[^>]*>(tsh login [^<]*)</pre>', html.unescape(page)).group(1)


def test_the_login_that_pages_show_works(gate):
    """With proxy, user and pin: on a machine that knows nothing of the cluster."""
    _, _, page = gate.https('GET', '/')
    assert shown_command(page) == f'tsh login --proxy={gate.proxy} --user=NAME --ca-pin={gate.ca_pin()}'
    path = invite(gate, 'pia')
    _, _, page = gate.https('GET', path)
    secret = secret_of(page)
    user = re.search(r'name="username" value="([^"]*)"', page).group(1)
    body = f'username={user}&' + form(PASSWORD, PASSWORD, totp(secret, time.time() - 30))
    status, _, page = gate.https('POST', path, body, FORM)
    assert status == 200
    command = shown_command(page)
    assert '--user=pia ' in command
    out = gate.run(*command.replace('tsh', gate.bin('tsh'), 1).split(), env=gate.env('pia'),
                   input=f'{PASSWORD.replace("+", " ")}\n{totp(secret)}\n')
    assert 'Logged in as:       pia' in out.stdout
    # Whoever fills in the form with somebody's shell in mind is shown no name.
    path = invite(gate, 'pia2')
    secret = secret_of(gate.https('GET', path)[2])
    body = 'username=%24%28reboot%29&' + form(PASSWORD, PASSWORD, totp(secret))
    assert '--user=NAME ' in shown_command(gate.https('POST', path, body, FORM)[2])


MEASURE = """<script>
const wide = [...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth && e.clientWidth > 0 &&
    getComputedStyle(e).display != 'inline').map(e => e.tagName);
if (document.documentElement.scrollWidth > innerWidth) wide.push('PAGE');
document.title = 'measured ' + innerWidth + ': ' + wide.join(' ') + '.';
</script>"""


@pytest.mark.parametrize('width', [1920, 1100, 520])
def test_pages_fit_the_window(gate, tmp_path, width):
    """In a real browser: nothing is wider than what it stands in, also with long names and the pin."""
    style = gate.https('GET', '/web/style.css')[2]
    long_name = 'a-rather-long-name.of-somebody@a-department.example.com'
    path = invite(gate, f'{width}.{long_name}')
    pages = {'index': gate.https('GET', '/')[2], 'invite': gate.https('GET', path)[2],
             'missing': gate.https('GET', '/nosuch', headers=BROWSER)[2]}
    secret = secret_of(pages['invite'])
    body = f'username={width}.{long_name}&' + form(PASSWORD, PASSWORD, totp(secret))
    pages['done'] = gate.https('POST', path, body, FORM)[2]
    assert long_name in pages['done']
    for name, page in pages.items():
        file = tmp_path / f'{name}.html'
        file.write_text(page.replace('<link rel="stylesheet" href="/web/style.css">', f'<style>{style}</style>').replace(
            '</body>', MEASURE + '</body>'))
        dom = subprocess.run(['chromium', '--headless', '--no-sandbox', '--disable-gpu', f'--window-size={width},800',
                              f'--user-data-dir={tmp_path}/profile', '--dump-dom', f'file://{file}'],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60).stdout
        assert re.search(r'<title>(.*?)</title>', dom).group(1) == f'measured {width}: .', name
