// SPDX-License-Identifier: Apache-2.0
// security_key: a real Chromium with a virtual security key (over the debugger's WebAuthn domain): signs up on the page behind an
// invitation's link, logs in, and looks after the second factors of the account in the app. Arguments: the build folder (for npm's packages); a JSON object {base, other, link, page, user,
// password, next, wrong}. Writes what happened as JSON; tests/e2e/test_web_security_keys.py judges.
import crypto from 'node:crypto';
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

// --- the app -----------------------------------------------------------------------------------------------------------------

const named = (role, name) => page.getByRole(role, { name, exact: true });
const rows = () => page.getByRole('table', { name: 'Second factors' }).locator('tbody tr').allInnerTexts();

// RFC 6238, of a base32 secret.
function code(secret) {
	const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
	const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
	const step = Buffer.alloc(8);
	step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
	const mac = crypto.createHmac('sha1', key).update(step).digest();
	return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
}

async function logInByApp() {
	// Who signs up is signed in.
	await page.goto(q.base + '/web/account');
	await named('button', 'Log out').click();
	await page.getByLabel('User', { exact: true }).waitFor();
	await page.goto(q.base + '/web/login');
	await page.getByLabel('User', { exact: true }).fill(q.user);
	await page.getByLabel('Password', { exact: true }).fill(q.wrong);
	await named('button', 'Use a security key').click();
	await page.getByText('wrong user name or password', { exact: false }).waitFor();
	await page.getByLabel('Password', { exact: true }).fill(q.password);
	await named('button', 'Use a security key').click();
	await page.locator('header.top').waitFor();
}

const box = () => page.locator('dialog');
async function inBox(title, fill, press) {
	await box().getByRole('heading', { name: title }).waitFor();
	for (const [label, value] of Object.entries(fill)) await box().getByLabel(label, { exact: true }).fill(value);
	await box().getByRole('button', { name: press, exact: true }).click();
}
const act = async (row, item) => {
	await named('button', `Actions for ${row}`).click();
	await named('menuitem', item).click();
};

async function account() {
	await page.goto(q.base + '/web/account');
	await named('button', 'Add security key').click();
	await inBox('Add a security key or passkey', { Name: 'again', 'Your password': q.password }, 'Continue');
	await page.getByText('You have this security key already.').waitFor();
	await box().getByRole('button', { name: 'Cancel' }).click();

	await named('button', 'Add app').click();
	await inBox('Add an authenticator app', { Name: 'phone', 'Your password': q.wrong }, 'Continue');
	await box().getByText('Wrong user name or password').waitFor();
	await inBox('Add an authenticator app', { 'Your password': q.password }, 'Continue');
	const secret = await page.getByLabel('The secret', { exact: true }).innerText();
	await inBox('Set up the app', { Code: code(secret) }, 'Add');
	await named('button', 'Actions for phone').waitFor();
	out.two = await rows();

	await act('phone', 'Rename');
	await inBox('Rename phone', { Name: 'tablet' }, 'Save');
	await named('button', 'Actions for tablet').waitFor();
	await act('tablet', 'Remove');
	await inBox('Remove tablet?', { 'Your password': q.password }, 'Remove');
	await named('button', 'Actions for tablet').waitFor({ state: 'detached' });
	out.one = await rows();
	await named('button', `Actions for blue <b>key</b>`).click();
	out.last = await page.getByRole('menuitem').allInnerTexts();
	await page.keyboard.press('Escape');
	if (q.shot) await page.screenshot({ path: q.shot, fullPage: true });
}

async function changePassword() {
	await page.getByLabel('Password of now', { exact: true }).fill(q.password);
	for (const label of ['New password', 'The same again']) await page.getByLabel(label, { exact: true }).fill('password123456');
	await named('button', 'Change with a security key').click();
	await page.getByText('guessed soon', { exact: false }).waitFor();
	for (const label of ['New password', 'The same again']) await page.getByLabel(label, { exact: true }).fill(q.next);
	await named('button', 'Change with a security key').click();
	await page.getByText('Your password is changed.', { exact: false }).waitFor();
	out.changed = true;
}

try {
	await signUp();
	await logInByApp();
	await account();
	await changePassword();
	q.password = q.next;
	await logIn();
	await clone();
	await elsewhere();
} catch (error) {
	out.error = `${error.stack}\n${await page.evaluate('document.body.innerText').catch(() => '')}`;
}
await browser.close();
console.log(JSON.stringify(out));
