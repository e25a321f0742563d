// SPDX-License-Identifier: Apache-2.0
// browser: a real Chromium that does what tests/e2e/browser.py says: a JSON object a line on standard input, {"do": NAME, ...}; the answer
// is one line, {"value": ...} or {"error": TEXT}. Arguments: the build folder (for npm's packages), the address of the proxy.
import fs from 'node:fs';
import readline from 'node:readline';
import { pathToFileURL } from 'node:url';

const [build, base] = process.argv.slice(2);
const npm = `${build}/npm/node_modules`;
const { chromium } = (await import(pathToFileURL(`${npm}/playwright-core/index.mjs`))).default;
const WAIT_MS = 60000;

// The certificate of a test's cluster is its own.
const browser = await chromium.launch({
	executablePath: '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
		'--disable-sync', '--disable-dev-shm-usage', '--ignore-certificate-errors'],
});
let context = null, page = null, complaints = [];

// What a person would not see, and must not be: errors of scripts, and what the pages' policy refused.
function listen(to) {
	to.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
	to.on('console', (message) => {
		const text = message.text();
		if (message.type() === 'error' && !/Failed to load resource: the server responded with a status of 4/.test(text))
			complaints.push(`console: ${text}`);
	});
	to.on('dialog', (dialog) => dialog.accept().catch(() => {}));
}

const find = (o) => (o.selector ? page.locator(o.selector) : o.label ? page.getByLabel(o.label, { exact: true }) :
	o.role ? page.getByRole(o.role, { name: o.name, exact: o.exact ?? true }) : page.getByText(o.text, { exact: o.exact ?? false })).nth(o.nth ?? 0);

const acts = {
	async open({ width = 1280, height = 800, scheme = 'light', files = false, more = {} }) {
		await context?.close();
		context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, ignoreHTTPSErrors: true, acceptDownloads: true, ...more });
		context.setDefaultTimeout(WAIT_MS);
		await context.grantPermissions(['clipboard-read', 'clipboard-write']);
		// Nobody is there to say where a file shall go: what is saved is a download, or (files) a file of the page's own.
		await context.addInitScript((own) => {
			if (own) window.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(window.saved = suggestedName, { create: true });
			else delete window.showSaveFilePicker;
		}, files);
		// What is said and goes by itself.
		await context.addInitScript(() => {
			window.told = [];
			const added = (changes) => changes.flatMap((change) => [...change.addedNodes]).filter((node) => node.matches?.('.toast'));
			new MutationObserver((changes) => window.told.push(...added(changes).map((node) => node.textContent)))
				.observe(document, { subtree: true, childList: true });
		});
		page = await context.newPage();
		complaints = [];
		listen(page);
	},
	goto: ({ path }) => page.goto(base + path, { waitUntil: 'load' }).then((response) => response.status()),
	reload: () => page.reload().then(() => null),
	back: () => page.goBack().then(() => null),
	async look({ width, height, scheme, media = 'screen' }) {
		await page.setViewportSize({ width, height });
		await page.emulateMedia({ colorScheme: scheme, media });
	},
	// Files that the server has not any more; without a pattern it has all of them again.
	gone: ({ pattern }) => (pattern ? page.route(pattern, (route) => route.fulfill({ status: 404 })) : page.unrouteAll()).then(() => null),
	// Every text of every answer of the API ends with this one, or is nothing else; until `gone` without a pattern. But what steers: where
	// a list goes on, what roles allow.
	spoil: ({ text, whole }) => page.route('**/v1/webapi/**', async (route) => {
		const spoilt = (value, key) => (typeof value === 'string' ? (key === 'next' ? value : (whole ? '' : value) + text) :
			Array.isArray(value) && key !== 'may' ? value.map((one) => spoilt(one, key)) :
			value && typeof value === 'object' && key !== 'may' ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, spoilt(v, k)])) : value);
		const response = await route.fetch();
		await route.fulfill({ response, json: spoilt(await response.json(), '') });
	}).then(() => null),
	size: ({ width, height }) => page.setViewportSize({ width, height }),
	click: (o) => find(o).click({ modifiers: o.modifiers ?? [], button: o.button ?? 'left' }),
	fill: (o) => find(o).fill(o.value),
	choose_option: ({ value, ...o }) => find(o).selectOption(value).then(() => null),
	press: ({ key }) => page.keyboard.press(key),
	type: ({ value }) => page.keyboard.type(value),
	paste: ({ value }) => page.keyboard.insertText(value),
	see: (o) => find(o).waitFor({ state: o.gone ? 'hidden' : 'visible' }),
	texts: ({ selector }) => page.locator(selector).allInnerTexts(),
	count: ({ selector }) => page.locator(selector).count(),
	evaluate: ({ expression }) => page.evaluate(expression),
	address: () => page.url().slice(base.length),
	title: () => page.title(),
	cookies: () => context.cookies(),
	keep: ({ value }) => context.addCookies([{ name: '__Host-sallyport', value, url: base, secure: true, httpOnly: true, sameSite: 'Strict' }]).then(() => null),
	complaints: () => complaints.splice(0),
	// The page's own thread is so many times slower from now on.
	async slow({ times }) {
		const client = await page.context().newCDPSession(page);
		await client.send('Emulation.setCPUThrottlingRate', { rate: times });
	},
	// A page of whoever is logged in, in a browser that has kept nothing of it but the cookie: bytes of all that it fetched, and ms from
	// its beginning until an element is there, the next frame was drawn and the page's thread is free again. again: the second time, when
	// the browser has kept what it may.
	async arrive({ path, selector, again = false }) {
		const own = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } });
		await own.addCookies(await context.cookies());
		const there = await own.newPage();
		await there.addInitScript((what) => {
			window.arrived = new Promise((done) => {
				const watch = new MutationObserver(() => {
					if (!document.querySelector(what)) return;
					watch.disconnect();
					requestAnimationFrame(() => setTimeout(() => done(performance.now())));
				});
				watch.observe(document, { subtree: true, childList: true });
			});
		}, selector);
		for (let i = again ? 2 : 1; i > 0; i--) {
			await there.goto(base + path, { waitUntil: 'load' });
			await there.evaluate('arrived');
		}
		const ms = await there.evaluate('arrived');
		const bytes = await there.evaluate('performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation")).reduce((n, e) => n + e.transferSize, 0)');
		await own.close();
		return { ms, bytes };
	},
	// Of all that belongs to it: pages with their workers, the network, itself; what the page does not need any more is gone.
	async processes() {
		const heap = await page.context().newCDPSession(page);
		await heap.send('HeapProfiler.collectGarbage');
		await heap.detach();
		const client = await browser.newBrowserCDPSession();
		const { processInfo } = await client.send('SystemInfo.getProcessInfo');
		await client.detach();
		return processInfo.map((one) => one.id);
	},
	screenshot: ({ path }) => page.screenshot({ path }).then(() => null),
	async choose({ files, ...o }) {
		const [chooser] = await Promise.all([page.waitForEvent('filechooser'), find(o).click()]);
		await chooser.setFiles(files);
	},
	async download(o) {
		const [download] = await Promise.all([page.waitForEvent('download'), find(o).click()]);
		const file = await download.path();
		return { name: download.suggestedFilename(), path: file, size: fs.statSync(file).size };
	},
	// A security key, until the browser is opened anew.
	async key() {
		const client = await context.newCDPSession(page);
		await client.send('WebAuthn.enable');
		await client.send('WebAuthn.addVirtualAuthenticator', {
			options: { protocol: 'ctap2', transport: 'usb', hasResidentKey: true, hasUserVerification: false, automaticPresenceSimulation: true },
		});
	},
	// What axe-core finds: the rule, and where. By the debugger, which the page's policy does not bind.
	async axe() {
		const client = await page.context().newCDPSession(page);
		const run = (expression) => client.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true, allowUnsafeEvalBlockedByCSP: true });
		await run(fs.readFileSync(`${npm}/axe-core/axe.min.js`, 'utf8'));
		const found = await run('axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 160))))');
		await client.detach();
		return found.result.value;
	},
	// Bytes of everything that the page has loaded, as they came.
	loaded: () => page.evaluate('performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation")).map((e) => [e.name, e.transferSize, e.decodedBodySize])'),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
	const { do: act, ...options } = JSON.parse(line);
	let answer;
	try {
		answer = { value: (await acts[act](options)) ?? null };
	} catch (error) {
		answer = { error: `${act} ${JSON.stringify(options)}: ${error.message}\n${page ? await page.evaluate('document.body.innerText').catch(() => '') : ''}` };
	}
	process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
