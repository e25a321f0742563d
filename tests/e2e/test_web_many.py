# SPDX-License-Identifier: Apache-2.0
"""The web app of a cluster with ten thousand nodes: the list holds few elements, is sorted and searched, and is live. A real Chromium."""
import os

import pytest
from browser import TOP, Browser
from cluster import wait_for
from many_nodes import MANY, fill

ROWS_MAX = 100  # in the document, whatever there is
NAMES = '.rows .name'


@pytest.fixture
def browser(fresh):
    fresh.start([('node-1', 'env=example,tier=backend')])
    person = fresh.add_user('alice')
    fresh.daemons['authd'].stop()
    fill(fresh.path('authd', 'authd.sqlite'))
    fresh.restart('authd')
    wait_for('the nodes', lambda: {'node-1', 'web-00000'} <= fresh.node_names())
    b = Browser(os.path.join(TOP, 'build'), f'https://{fresh.proxy}')
    try:
        b.log_in(person, lambda: fresh.code(person))
        yield b
    finally:
        b.stop()


def names(browser):
    """Of the rows that the document has; there are few."""
    shown = browser.texts(NAMES)
    assert 0 < len(shown) < ROWS_MAX
    return shown


def in_view(browser):
    """Names that one sees."""
    return browser.evaluate(f"""[...document.querySelectorAll('{NAMES}')].filter((e) => {{
        const {{ top, bottom }} = e.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
    }}).map((e) => e.textContent)""")


def test_ten_thousand_servers_are_a_list_that_one_can_use(fresh, browser):
    wait_for('all of them', lambda: f'{MANY + 1:,} online' in browser.texts('.count'))
    assert names(browser)[:2] == ['node-1', 'web-00000']
    assert browser.do('count', selector='*') < 5000
    # To the end, and to the middle.
    browser.evaluate('scrollTo(0, document.documentElement.scrollHeight)')
    wait_for('the last one', lambda: in_view(browser)[-1:] == [f'web-{MANY - 1:05}'])
    browser.evaluate('scrollTo(0, document.documentElement.scrollHeight / 2)')
    wait_for('one from the middle', lambda: f'web-{MANY // 2:05}' in names(browser))
    names(browser)
    browser.evaluate('scrollTo(0, 0)')
    wait_for('the first one', lambda: in_view(browser)[:1] == ['node-1'])
    # The other way round.
    browser.do('click', selector='th.c-name button')
    wait_for('the other end', lambda: names(browser)[0] == f'web-{MANY - 1:05}')
    browser.do('click', selector='th.c-name button')
    wait_for('as before', lambda: names(browser)[0] == 'node-1')
    # By a part of the name, and by a label, which all but none have.
    browser.do('press', key='/')
    browser.do('type', value='web-0999')
    wait_for('ten of them', lambda: names(browser) == [f'web-{i:05}' for i in range(9990, 10000)])
    assert f'10 of {MANY + 1:,}' in browser.texts('.count')
    browser.do('press', key='Control+A')
    browser.do('type', value='tier=backend')
    wait_for('all of them', lambda: f'{MANY + 1:,} online' in browser.texts('.count'))
    browser.do('press', key='Control+A')
    browser.do('type', value='node-1')
    wait_for('one of them', lambda: names(browser) == ['node-1'])
    # Live, among all the others.
    fresh.daemons['node-1'].stop()
    wait_for('the end of it', lambda: browser.do('count', selector='.rows tr.gone .name:text-is("node-1")') == 1, 90)
    assert browser.do('complaints') == []
