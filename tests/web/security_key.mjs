// SPDX-License-Identifier: Apache-2.0
// security_key: a real Chromium with a virtual security key (over the debugger's WebAuthn domain): signs up on the page behind an
// invitation's link, then logs in. Arguments: the build folder (for npm's packages); a JSON object {base, other, link, page, user,
// password, wrong}. Writes what happened as JSON; tests/e2e/test_web_security_keys.py judges.
import { pathToFileURL } from 'node:url';

const [build, json] = process.argv.slice(2);
const q = JSON.parse(json);
const { chromium } = (await import(pathToFileURL(`${build}/npm/node_modules/playwright-core/index.mjs`))).default;
const WAIT_MS = 60000;

// The certificate of a test's cluster is its own.
const browser = await chromium.launch({
	executablePath: '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
		'--disable-sync', '--disable-dev-shm-usage', '--ignore-certificate-errors'],
});
const context = await browser.newContext({ ignoreHTTPSErrors: true });
context.setDefaultTimeout(WAIT_MS);
const page = await context.newPage();
const out = { complaints: [] };
page.on('pageerror', (error) => out.complaints.push(error.message));
page.on('console', (m) => {
	if (m.type() === 'error' && !/status of 4\d\d/.test(m.text())) out.complaints.push(m.text());
});
const debug = await context.newCDPSession(page);
await debug.send('WebAuthn.enable');
const { authenticatorId } = await debug.send('WebAuthn.addVirtualAuthenticator', {
	options: { protocol: 'ctap2', transport: 'usb', hasResidentKey: true, hasUserVerification: false, automaticPresenceSimulation: true },
});
const keys = async () => (await debug.send('WebAuthn.getCredentials', { authenticatorId })).credentials;

// --- sign-up ---------------------------------------------------------------------------------------------------------------

async function signUp() {
	await page.goto(q.base + q.link);
	await page.getByRole('radio', { name: /Security key/ }).check();
	out.codeHidden = !(await page.locator('#otp').isVisible());
	await page.locator('#password').fill(q.password);
	await page.locator('#password2').fill('another password');
	await page.locator('#keyname').fill('blue <b>key</b>');
	await page.locator('button').click();
	await page.getByText('The two passwords are not the same.').waitFor();
	await page.locator('#password2').fill(q.password);
	await page.locator('button').click();
	await page.getByRole('heading', { name: 'All set' }).waitFor();
	out.made = (await keys()).map((k) => k.rpId);
}

// --- login: by the same modules that the app uses, on a page that may load script ------------------------------------------

// status and answer of a request.
const post = (path, body) =>
	page.evaluate(async ([path, body]) => {
		const r = await fetch('/v1/webapi/' + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
		return [r.status, await r.json()];
	}, [path, body]);
const begin = async (more = {}) =>
	(await post('login/begin', { user: q.user, password: q.password, origin: new URL(page.url()).origin, ...more }));
const sign = (challenge) => page.evaluate(async (c) => (await import('/web/securitykey.mjs')).signWithKey(c), challenge);
const finish = async (key) => (await post('login', { user: q.user, key }))[0];

async function logIn() {
	await page.goto(q.base + q.page);
	out.wrongPassword = (await begin({ password: q.wrong }))[0];
	out.otherOrigin = (await begin({ origin: 'https://evil.example' }))[0];
	const key = await sign((await begin())[1]);
	out.login = await finish(key);
	out.replay = await finish(key);
	out.session = await page.evaluate(async () => (await (await fetch('/v1/webapi/session')).json()).user);
	out.factors = await page.evaluate(async () => (await (await fetch('/v1/webapi/account/factors')).json()).factors);
	out.cookies = (await context.cookies()).map((c) => [c.name, c.httpOnly, c.secure, c.sameSite]);
}

// A copy of the key, made before it signed.
async function clone() {
	const [key] = await keys();
	await debug.send('WebAuthn.removeCredential', { authenticatorId, credentialId: key.credentialId });
	await debug.send('WebAuthn.addCredential', { authenticatorId, credential: { ...key, signCount: 0 } });
	out.clone = await finish(await sign((await begin())[1]));
}

// The same page by another name: the browser has no key there, and authd no site.
async function elsewhere() {
	await page.goto(q.other + q.page);
	out.elsewhere = (await begin())[0];
	out.noKey = await page.evaluate(async () => {
		const { signWithKey } = await import('/web/securitykey.mjs');
		return signWithKey({ ticket: '', challenge: 'AAAA', rp_id: 'localhost', credentials: [] }).catch((error) => error.message);
	});
}

try {
	await signUp();
	await logIn();
	await clone();
	await elsewhere();
} catch (error) {
	out.error = `${error.stack}\n${await page.evaluate('document.body.innerText').catch(() => '')}`;
}
await browser.close();
console.log(JSON.stringify(out));
