// SPDX-License-Identifier: Apache-2.0
// session: the page's engine against a real cluster, run by tests/e2e/test_web_engine.py. Arguments: the build folder, a JSON file
// with who is logged in (harness.mjs) and the nodes, and which test. Prints what was seen, as JSON; the caller judges.
import fs from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import { gather, identity, page } from './harness.mjs';

const [build, file, test] = process.argv.slice(2);
const who = JSON.parse(fs.readFileSync(file));
const MIB = 1 << 20;
const sha256 = (b) => createHash('sha256').update(b).digest('hex');

async function connected(options = {}, more = {}) {
	const p = page(build, options);
	p.reason = new Promise((resolve) => { p.ssh.onclose = resolve; });
	await p.ssh.connect(await identity(who, more));
	return p;
}

// Why it does not come to a shell.
async function refusal(options, more = {}, open = {}) {
	const p = page(build, options);
	try {
		await p.ssh.connect(await identity(who, more));
		const c = await p.ssh.exec({ node: who.node, login: who.login, command: 'echo in', ...open });
		const { out } = await gather(c);
		return `IN: ${out}`;
	} catch (error) {
		return error.message;
	} finally {
		p.end();
	}
}

async function upload(c, data) {
	for (let i = 0; i < data.length; i += 100000) await c.write(data.subarray(i, i + 100000));
	c.eof();
}

const tests = {
	async shell() {
		const p = await connected();
		const t = await p.ssh.terminal({ node: who.node, login: who.login, cols: 91, rows: 31 });
		let shown = '';
		const seen = (what) => new Promise((resolve) => {
			const look = () => { if (shown.includes(what)) { t.look = null; resolve(); } };
			t.look = look;
			look();
		});
		const exit = new Promise((resolve) => { t.onexit = resolve; });
		t.ondata = (b, taken) => { shown += Buffer.from(b).toString(); taken(); t.look?.(); };
		await t.write('PS1=; stty size; echo $TERM\r');
		await seen('31 91');
		await seen('xterm-256color');
		t.resize(100, 40);
		await t.write('stty size\r');
		await seen('40 100');
		await t.write('printf "%s\\n" "w\u00efde \u6f22"; exit 3\r');
		const how = await exit;
		p.end();
		return { ...how, wide: shown.includes('w\u00efde \u6f22\r\n') };
	},

	async exec() {
		const p = await connected();
		const run = async (command, node = who.node) => {
			const { out, err, status, signal, reason } = await gather(await p.ssh.exec({ node, login: who.login, command }));
			return { out: out.toString(), err: err.toString(), status, signal, reason };
		};
		const all = await Promise.all([run('echo out; echo err >&2; exit 7'), run('kill -TERM $$'), run('hostname -s >/dev/null; echo second', who.other)]);
		const links = p.service.nodes.size; // one for each node
		p.end();
		return { all, links };
	},

	// Both ways at once, with new keys every few hundred KiB in both connections.
	async bulk() {
		const p = await connected({ rekeyBytes: 300000 });
		const data = randomBytes(8 * MIB);
		const up = await p.ssh.exec({ node: who.node, login: who.login, command: 'sha256sum' });
		const down = await p.ssh.exec({ node: who.node, login: who.login, command: `head -c ${8 * MIB} /dev/urandom | tee >(sha256sum >&2)` });
		const [u, d] = await Promise.all([gather(up), gather(down), upload(up, data)]);
		p.end();
		return { up: u.out.toString().slice(0, 64) === sha256(data), down: d.out.length === 8 * MIB && d.err.toString().slice(0, 64) === sha256(d.out), exchanges: p.counted.exchanges };
	},

	// What nobody takes does not come: the program waits, memory stays. Then it goes on where it was.
	async slow() {
		const p = await connected();
		const c = await p.ssh.exec({ node: who.node, login: who.login, command: `head -c ${32 * MIB} /dev/zero | tee >(sha256sum >&2)` });
		let n = 0, open = false;
		const waiting = [], hash = createHash('sha256');
		const end = new Promise((resolve) => { c.onexit = resolve; });
		let err = '';
		c.ondata = (b, taken, stderr) => {
			if (stderr) { err += Buffer.from(b).toString(); taken(); return; }
			n += b.length;
			hash.update(b);
			if (open) taken(); else waiting.push(taken);
		};
		// Until what is under way has come: another command goes back and forth, and nothing more has arrived.
		let before = -1;
		while (n === 0 || n !== before) {
			before = n;
			await gather(await p.ssh.exec({ node: who.node, login: who.login, command: 'sleep 0.2' }));
		}
		const untaken = n, memory = p.service.engine.x.memory.buffer.byteLength;
		open = true;
		waiting.forEach((taken) => taken());
		const how = await end;
		p.end();
		return { untaken, memory, total: n, whole: err.slice(0, 64) === hash.digest('hex'), status: how.status };
	},

	// Ctrl+C reaches a program that floods a terminal which is drawn slowly.
	async interrupt() {
		const p = await connected();
		const t = await p.ssh.terminal({ node: who.node, login: who.login, cols: 80, rows: 24 });
		let n = 0, last = '', sent = 0, after = 0;
		const end = new Promise((resolve) => { t.onexit = resolve; });
		const queue = [];
		const draw = setInterval(() => queue.splice(0, 1).forEach((taken) => taken()), 5);
		t.ondata = (b, taken) => {
			n += b.length;
			if (sent) after += b.length;
			last = (last + Buffer.from(b).toString()).slice(-200);
			queue.push(taken);
			if (!sent && n > MIB) { sent = n; t.write('\x03'); t.write('echo st""ill; exit 5\r'); }
		};
		await t.write('PS1=; yes\r');
		const how = await end;
		clearInterval(draw);
		p.end();
		return { ...how, after, still: last.includes('still') };
	},

	async refused() {
		const flip = (s) => s.slice(0, -2) + (s.endsWith('00') ? '11' : '00');
		const unhex = (s) => new Uint8Array(Buffer.from(s, 'hex'));
		const stranger = await crypto.subtle.generateKey(who.kind === 'p256' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'Ed25519' }, false, ['sign', 'verify']);
		return {
			right: await refusal(),
			ca: await refusal({}, { hostCa: [unhex(flip(who.hostCa[0]))] }),
			name: await refusal({}, { proxyHost: 'elsewhere.example.com' }),
			key: await refusal({}, { privateKey: stranger.privateKey }),
			certificate: await refusal({}, { certificate: unhex(flip(who.certificate)) }),
			login: await refusal({}, {}, { login: 'nobody-like-that' }),
			node: await refusal({}, {}, { node: 'no-such-node' }),
		};
	},

	// Bytes that are changed on the way, from early or late on, and those of somebody who speaks no SSH.
	async garbage() {
		let total = 0;
		const first = await refusal({ change: (b, at) => { total = at + b.length; } });
		const spoiled = [];
		// Up to what brings the first shell: the lengths of the rest differ from run to run.
		for (const at of [60, 400, 700, 1000, 1500, Math.floor(total * 0.6)])
			spoiled.push(await refusal({ change: (b, n) => { for (let i = Math.max(at - n, 0); i < b.length; i++) b[i] ^= 0x51; } }));
		// A single bit.
		for (const at of [700, 1000]) spoiled.push(await refusal({ change: (b, n) => { if (n <= at && at < n + b.length) b[at - n] ^= 1; } }));
		const strange = [];
		for (const fill of [0, 0xff, 10]) strange.push(await refusal({ change: (b) => b.fill(fill) }));
		return { first, spoiled, strange };
	},

	// The page is left: the session ends with it.
	async leave() {
		const p = await connected();
		const t = await p.ssh.terminal({ node: who.node, login: who.login, cols: 80, rows: 24 });
		const exit = new Promise((resolve) => { t.onexit = resolve; });
		t.ondata = (b, taken) => taken();
		await t.write('sleep 1000\r');
		t.close();
		const closed = await exit;
		const u = await p.ssh.terminal({ node: who.node, login: who.login, cols: 80, rows: 24 });
		const exit2 = new Promise((resolve) => { u.onexit = resolve; });
		p.ssh.close();
		const [how, reason] = await Promise.all([exit2, p.reason]);
		const again = await p.ssh.exec({ node: who.node, login: who.login, command: 'true' }).catch((e) => e.message);
		await p.ssh.connect(await identity(who));
		const back = await gather(await p.ssh.exec({ node: who.node, login: who.login, command: 'echo back' }));
		p.end();
		return { closed, how, reason, again, back: back.out.toString() };
	},

	// Files up and down, several at once; what is refused; what is given up.
	async files() {
		const p = await connected();
		const at = { node: who.node, login: who.login };
		const file = (bytes) => ({ name: 'na me.bin', size: bytes.length, bytes });
		const run = async (command) => (await gather(await p.ssh.exec({ ...at, command }))).out.toString().trim();
		const folder = await run('mktemp -d /tmp/sp-page-XXXXXX');
		const why = (transfer) => transfer.done.then(() => 'done', (error) => error.message);
		try {
			const data = randomBytes(20 * MIB + 12345), told = [];
			const up = p.ssh.upload({ ...at, file: file(data), path: folder, onprogress: (n, size) => told.push([n, size]) });
			const [{ path }, empty] = await Promise.all([up.done, p.ssh.upload({ ...at, file: file(new Uint8Array()), path: `${folder}/empty` }).done]);
			const hash = (await run(`sha256sum < '${path}'`)).slice(0, 64);
			const down = await p.ssh.download({ ...at, path }).done;
			const none = await p.ssh.download({ ...at, path: empty.path }).done;
			const proc = await p.ssh.download({ ...at, path: '/proc/self/status' }).done; // says that it has no bytes
			const given = p.ssh.upload({ ...at, file: file(Buffer.alloc(64 * MIB)), path: folder, onprogress: () => given.cancel() });
			return {
				path: path.slice(folder.length), up: hash === sha256(data), down: sha256(Buffer.from(await down.blob.arrayBuffer())) === sha256(data),
				none: none.blob.size, proc: (await proc.blob.text()).startsWith('Name:'), told: told.length > 0 && told.every(([n, size]) => n <= size && size === data.length),
				folder: await why(p.ssh.download({ ...at, path: folder })), absent: await why(p.ssh.download({ ...at, path: `${folder}/absent` })),
				nowhere: await why(p.ssh.upload({ ...at, file: file(data), path: `${folder}/absent/` })), given: await why(given),
			};
		} finally {
			await run(`rm -rf '${folder}'`);
			p.end();
		}
	},

	// For who looks on from outside: something is typed and shown, and stays on the screen until the caller says a line; then it ends.
	async typed() {
		const p = await connected();
		const t = await p.ssh.terminal({ node: who.node, login: who.login, cols: 80, rows: 24 });
		let shown = '', told = false, go;
		const ready = new Promise((resolve) => { go = resolve; });
		const exit = new Promise((resolve) => { t.onexit = resolve; });
		t.ondata = (b, taken) => {
			shown += Buffer.from(b).toString();
			taken();
			if (shown.includes('ready')) go();
			if (!told && shown.includes(`got ${who.marker}`)) { told = true; console.log('shown'); }
		};
		// Not before somebody reads: what comes while the shell edits its line has another end of line.
		await t.write(`echo rea''dy; read line; echo got $line; cat\r`);
		await ready;
		await t.write(`${who.marker}\r`);
		const line = new Promise((resolve) => process.stdin.once('data', () => resolve({ line: true })));
		const how = await Promise.race([line, exit]);
		if (!how.line) return how;
		t.close();
		await exit;
		p.end();
		return {};
	},

	// How long, in ms, and how fast, in MiB/s; size in MiB. For people.
	async figures() {
		const p = page(build);
		await p.service.loading;
		const t0 = performance.now();
		await p.ssh.connect(await identity(who));
		const t1 = performance.now();
		await gather(await p.ssh.exec({ node: who.node, login: who.login, command: 'true' }));
		const t2 = performance.now(), size = 64;
		const speed = async (command, data) => {
			const c = await p.ssh.exec({ node: who.node, login: who.login, command });
			const a = performance.now();
			await Promise.all([gather(c), data ? upload(c, data) : null]);
			return +(size / ((performance.now() - a) / 1000)).toFixed(1);
		};
		const r = { proxy: Math.round(t1 - t0), first: Math.round(t2 - t1), down: await speed(`head -c ${size * MIB} /dev/zero`), up: await speed('cat >/dev/null', Buffer.alloc(size * MIB)) };
		p.end();
		return r;
	},
};

console.log(JSON.stringify(await tests[test]()));
process.exit(0);
