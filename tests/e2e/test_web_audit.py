# SPDX-License-Identifier: Apache-2.0
"""The audit log in a real Chromium: counts, files, long lists, and the way to recordings and back."""
import csv
import io
import json
import os
import re

import pytest
from browser import TOP, Browser
from cluster import wait_for

TEXT = 'document.body.innerText'
IDLE = "!document.querySelector('[aria-busy=true]')"


@pytest.fixture(scope='module')
def browser(cluster):
    b = Browser(os.path.join(TOP, 'build'), f'https://{cluster.proxy}')
    yield b
    b.stop()


@pytest.fixture(scope='module')
def eve(browser, cluster, login):
    """An auditor, who has done something, too."""
    person = cluster.add_user('eve', roles='access,auditor', logins=login)
    cluster.login(person)
    cluster.tsh('eve', 'ssh', f'{login}@node-1', '=HYPERLINK', check=False)
    cluster.tsh('eve', 'ssh', f'{login}@node-1', 'echo begun; sleep 2; echo done')
    for kind in ('connect', 'start', 'end'):
        wait_for(f'both in the trail: {kind}', lambda kind=kind: cluster.sql(
            f"SELECT count(*) FROM events WHERE username = 'eve' AND type = 'session.{kind}'") == [['2']])
    browser.log_in(person, lambda: cluster.code(person), files=True)
    return person


def look(browser, path):
    browser.do('goto', path=path)
    browser.do('see', selector='h1')
    wait_for('what the page loads', lambda: browser.evaluate(IDLE))


def comes(browser, path, text):
    """The page shows it, now or when it is asked for again: auditd may not have it yet."""
    def there():
        look(browser, path)
        return text in browser.evaluate(TEXT)
    wait_for(text, there)


BARS = "[...document.querySelectorAll('.bars button')].map((b) => b.ariaLabel)"


def test_events_are_counted_and_a_bar_narrows_the_time(browser, eve):
    comes(browser, '/web/audit?user=eve&type=session.*', 'session.end')

    def words(pattern):
        return wait_for(pattern, lambda: browser.evaluate(IDLE) and re.match(pattern, browser.texts('.chart p')[0]))
    rows = len(browser.texts('.events .c-type .mono'))
    words(rf'{rows} events since .*, every hour')
    bars = browser.evaluate(BARS)
    assert bars and sum(int(re.search(r': (\d+) event', bar).group(1)) for bar in bars) == rows
    # By keyboard: one stop, the newest; Enter looks at its time alone.
    assert browser.evaluate("document.querySelectorAll('.bars [tabindex=\"0\"]').length") == 1
    browser.evaluate("document.querySelector('.bars [tabindex=\"0\"]').focus()")
    for key in ('Home', 'End', 'Enter'):
        browser.do('press', key=key)
    words(r'\d+ events? since .*, every minute')
    address = browser.do('address')
    assert 'time=own' in address and 'from=' in address and 'user=eve' in address
    assert browser.evaluate("document.activeElement.matches('.bars button')")
    narrowed = len(browser.texts('.events .c-type .mono'))
    assert 0 < narrowed <= rows
    words(f'{narrowed} event')
    browser.click('button', 'Wider again')
    words(rf'{rows} events since .*, every hour')
    assert 'time=own' not in browser.do('address')
    # How it ended is a filter, too.
    browser.do('choose_option', selector='select[name=result]', value='failed')
    wait_for('nothing that failed', lambda: 'result=failed' in browser.do('address') and 'Nothing happened' in browser.evaluate(TEXT))
    browser.do('choose_option', selector='select[name=result]', value='ok')
    words(rf'{rows} events since .*, every hour')
    for width in (1280, 360):
        for scheme in ('light', 'dark'):
            browser.do('look', width=width, height=800, scheme=scheme)
            assert browser.do('axe') == []
            assert browser.evaluate('document.documentElement.scrollWidth <= innerWidth')
    browser.do('look', width=1280, height=800, scheme='light')
    assert browser.do('complaints') == []


def test_what_can_be_typed_is_suggested(browser, eve):
    look(browser, '/web/audit')

    def suggested(name):
        return set(browser.evaluate(f"[...document.querySelector('input[name={name}]').list.options].map((o) => o.value)"))
    assert {'session.*', 'user.login'} <= suggested('type')
    wait_for('the names', lambda: 'eve' in suggested('user') and {'node-1', 'node-2'} <= suggested('node'))


def test_an_event_leads_to_its_moment_in_the_recording_and_back(browser, eve):
    comes(browser, '/web/audit?user=eve&type=session.end', 'session.end')
    browser.do('click', selector='.events tbody button')
    browser.click('link', 'play from here')
    browser.do('see', selector='.player')
    wait_for('its end', lambda: browser.evaluate("document.querySelector('.timeline').value > 1.5"))
    browser.click('link', 'Its events')
    wait_for('its events', lambda: {'session.start', 'session.end', 'exec'} <= set(browser.texts('.events .c-type .mono')))
    # Who looked is written down.
    comes(browser, '/web/audit?user=eve&type=session.recording.access', 'session.recording.access')


SAVED = 'navigator.storage.getDirectory().then((d) => d.getFileHandle(saved)).then((f) => f.getFile()).then((f) => f.text())'


def export(browser, kind):
    browser.click('button', 'Export')
    browser.click('menuitem', kind)
    browser.told('is written.')
    return browser.evaluate(SAVED)


def test_all_that_fits_is_written_into_a_file_as_tctl_writes_it(browser, eve, cluster):
    """And no cell is one that a spreadsheet would run."""
    comes(browser, '/web/audit?user=eve', '=HYPERLINK')

    def same():
        text = export(browser, 'CSV')
        return text if text == cluster.tctl('audit', 'export', '--by=eve', '--format=csv', text=False).stdout.decode() else None
    text = wait_for('what tctl writes', same)
    rows = list(csv.DictReader(io.StringIO(text, newline='')))
    assert any('=HYPERLINK' in row['fields'] for row in rows) and text.endswith('\r\n')
    assert not any(cell.lstrip()[:1] in ('=', '+', '-', '@') for row in rows for cell in row.values() if cell)

    def lines_too():
        text = export(browser, 'JSON lines')
        lines = cluster.tctl('audit', 'export', '--by=eve').stdout
        return [json.loads(line) for line in text.splitlines()] == [json.loads(line) for line in lines.splitlines()]
    wait_for('the same as JSON lines', lines_too)


MANY = 10000
# Events that auditd does not have: page by page, as it would send them.
FAKE = '''(() => {
    const real = window.fetch, page = 1000, all = %d;
    const event = (i) => ({ event: { id: 'e' + i, type: 'exec', code: 'T3002I', time_us: (1764360000 - i) * 1e6, ok: true, user: 'u' + i %% 7, login: 'root',
        node: 'n', node_name: 'node-' + i %% 9, session: '', remote_addr: '', message: '=' + i, fields: [], labels: [], connection: '', raw: [] },
        producer_kind: 'node', producer: 'n', backed: 'signature', received_us: 0, time_doubtful: false });
    window.fetch = async (url, init) => {
        const at = new URL(url, location.origin);
        if (at.pathname !== '/v1/webapi/events') return real(url, init);
        if (window.hold) await window.hold;
        if (init.signal?.aborted) throw new DOMException('', 'AbortError');
        if (window.refuse > 0) { window.refuse--; return new Response('{"error":{"message":"slower"}}', { status: 429 }); }
        const from = Number(at.searchParams.get('after') || 0), n = Math.min(page, all - from);
        return new Response(JSON.stringify({ events: Array.from({ length: n }, (_, i) => event(from + i)), next: from + n < all ? String(from + n) : '' }));
    };
})()''' % MANY
ROWS = "document.querySelectorAll('.events tbody tr').length"
DETAILS = "document.querySelectorAll('.events .detail').length"
HEIGHT = 'document.body.scrollHeight'


def row(n):
    return f"[...document.querySelectorAll('.events tbody tr')].find((r) => r.ariaRowIndex === '{n}')"


def test_ten_thousand_rows_are_few_elements_and_come_by_themselves(browser, eve):
    look(browser, '/web/recordings')
    browser.evaluate(FAKE)
    browser.click('link', 'Audit log')
    wait_for('the first rows', lambda: browser.evaluate(ROWS) > 10)

    def at_the_end():
        browser.evaluate(f'scrollTo(0, {HEIGHT})')
        assert browser.evaluate(ROWS) < 80
        return browser.evaluate("document.querySelector('.events').ariaRowCount") == str(MANY + 1)
    wait_for('all of them', at_the_end)
    browser.evaluate(f'scrollTo(0, {HEIGHT})')
    wait_for('the last one', lambda: browser.evaluate(f'!!{row(MANY + 1)}'))
    # One that is open is as high as it must be, stays so when it is out of sight, and nothing jumps.
    browser.evaluate(f'scrollTo(0, {HEIGHT} / 2)')
    wait_for('the middle', lambda: browser.evaluate(f'!!{row(5002)}'))
    height = browser.evaluate(HEIGHT)
    browser.evaluate(f"{row(5002)}.querySelector('button').click()")
    detail = browser.evaluate("document.querySelector('.events .detail').offsetHeight")
    assert detail > 100 and abs(browser.evaluate(HEIGHT) - height - detail) <= 1
    browser.evaluate('scrollTo(0, 0)')
    wait_for('the beginning', lambda: browser.evaluate(DETAILS) == 0)
    assert abs(browser.evaluate(HEIGHT) - height - detail) <= 1 and browser.evaluate(ROWS) < 80
    browser.evaluate(f'scrollTo(0, {HEIGHT} / 2)')
    wait_for('the open one', lambda: browser.evaluate(DETAILS) == 1)
    # Written page by page, also when the proxy asks for patience.
    browser.evaluate('scrollTo(0, 0)')
    browser.evaluate('window.refuse = 2')
    lines = export(browser, 'CSV').split('\r\n')
    assert len(lines) == MANY + 2 and lines[1].split(',')[13] == "\"'=0\"" and lines[-1] == ''
    # Given up, there is nothing of it.
    browser.evaluate('(async () => { const d = await navigator.storage.getDirectory(); await d.removeEntry(saved); })()')
    browser.evaluate('window.hold = new Promise((go) => { window.go = go; }), 0')
    browser.click('button', 'Export')
    browser.click('menuitem', 'CSV')
    browser.click('button', 'Cancel')
    browser.evaluate('window.go()')
    browser.do('see', selector='.saving', gone=True)
    assert browser.evaluate(SAVED) == ''
    assert browser.do('complaints') == []
