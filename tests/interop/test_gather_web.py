# SPDX-License-Identifier: Apache-2.0
"""tools/gather-web: what the page reaches is gathered, under names that change when what is behind them does."""
import gzip
import os
import re
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HTML = '''<!doctype html>
<link rel="stylesheet" href="app.css"><link rel="modulepreload" href="part.mjs"><script type="module" src="main.mjs"></script>
<a href="/">elsewhere</a>
'''
MAIN = '''import { part } from './part.mjs';
import '@scope/package';
export { x } from './part.mjs';
const later = () => import('./later.mjs');
const worker = new URL('../engine/worker.mjs', import.meta.url), wasm = new URL('../engine/engine.wasm', import.meta.url);
const other = new URL('./part.mjs', location.href), words = "import './nothing.mjs'";
'''


class Tree:
    def __init__(self, folder):
        self.dir = folder
        self.put('web/app/app.html', HTML)
        self.put('web/app/app.css', 'a{}')
        self.put('web/app/main.mjs', MAIN)
        self.put('web/app/part.mjs', 'export const part = 1, x = 2;\n')
        self.put('web/app/later.mjs', 'export const later = 3;\n')
        self.put('web/app/unused.mjs', 'export const unused = 4;\n')
        self.put('web/engine/worker.mjs', "import '../app/part.mjs';\n")
        self.put('build/web/engine.wasm', '\0asm')
        self.put('build/npm/node_modules/@scope/package/package.json', '{"module": "lib/p.mjs", "main": "lib/p.js"}')
        self.put('build/npm/node_modules/@scope/package/lib/p.mjs', 'export default 5;\n//# sourceMappingURL=p.mjs.map\n')
        shutil.copy(os.path.join(ROOT, 'tools', 'gather-web'), self.put('tools/gather-web', ''))

    def put(self, name, text):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def gather(self, check=True):
        return subprocess.run([sys.executable, os.path.join(self.dir, 'tools', 'gather-web'), os.path.join(self.dir, 'build')],
                              capture_output=True, text=True, check=check)

    def site(self, name=''):
        return os.path.join(self.dir, 'build', 'web', 'site', name)

    def names(self):
        """stem -> name, without the copies."""
        return {n.split('.')[0]: n for n in os.listdir(self.site()) if not n.endswith('.gz')}

    def text(self, stem):
        with open(self.site(self.names()[stem]), encoding='utf-8') as f:
            return f.read()


@pytest.fixture
def tree(tmp_path):
    return Tree(str(tmp_path))


def test_what_the_page_reaches_is_there_under_names_with_a_hash(tree):
    tree.gather()
    names = tree.names()
    assert sorted(names) == ['app', 'engine', 'index', 'later', 'main', 'p', 'part', 'worker']
    for stem in ('engine', 'later', 'main', 'p', 'part', 'worker'):
        assert re.fullmatch(stem + r'\.[0-9a-f]{16}\.(mjs|wasm)', names[stem])
    page = open(tree.site('app.html'), encoding='utf-8').read()
    assert f'src="/web/site/{names["main"]}"' in page and f'href="/web/site/{names["part"]}"' in page
    assert '<a href="/">' in page and re.search(r'href="/web/site/app\.[0-9a-f]{16}\.css"', page)


def test_names_in_modules_are_those_of_the_files(tree):
    tree.gather()
    names, main = tree.names(), tree.text('main')
    for form in ("from './{part}'", "import './{p}'", "import('./{later}')", "new URL('./{worker}', import.meta.url)",
                 "new URL('./{engine}', import.meta.url)", "new URL('./part.mjs', location.href)"):
        assert form.format(**names) in main
    assert names['part'] in tree.text('worker') and 'sourceMappingURL' not in tree.text('p')


def test_a_change_gives_new_names_to_what_is_behind_it_and_to_nothing_else(tree):
    tree.gather()
    before = tree.names()
    tree.put('web/app/part.mjs', 'export const part = 10, x = 2;\n')
    tree.gather()
    changed = {stem for stem, name in tree.names().items() if name != before[stem]}
    assert changed == {'part', 'main', 'worker'}


def test_twice_the_same_is_the_same_to_the_bit(tree):
    def all_bytes():
        tree.gather()
        return {n: open(tree.site(n), 'rb').read() for n in os.listdir(tree.site())}
    assert all_bytes() == all_bytes()


def test_the_index_has_the_sums_of_all_and_copies_are_compressed(tree):
    tree.put('web/app/part.mjs', 'export const part = 1, x = 2;\n' * 50)
    tree.gather()
    subprocess.run(['sha256sum', '-c', '--strict', '--quiet', 'index'], cwd=tree.site(), check=True)
    with open(tree.site('index'), encoding='utf-8') as f:
        named = [line.split()[1] for line in f]
    assert sorted([*named, 'index']) == sorted(os.listdir(tree.site()))
    name = tree.names()['part']
    assert named.index(name) < named.index(name + '.gz')
    assert gzip.decompress(open(tree.site(name + '.gz'), 'rb').read()) == open(tree.site(name), 'rb').read()


def test_files_that_name_each_other_and_names_of_nothing_are_refused(tree):
    tree.put('web/app/part.mjs', "import './later.mjs';\n")
    tree.put('web/app/later.mjs', "import './part.mjs';\n")
    out = tree.gather(check=False)
    assert out.returncode != 0 and 'part.mjs -> later.mjs -> part.mjs' in out.stderr
    tree.put('web/app/later.mjs', "import './nosuch.mjs';\n")
    out = tree.gather(check=False)
    assert out.returncode != 0 and 'nosuch.mjs' in out.stderr
