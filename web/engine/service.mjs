// SPDX-License-Identifier: Apache-2.0
// service: what the worker does for its page: one connection to the proxy, inside it one to each node and login, in these the
// terminals and commands. The messages are those in the head of worker.mjs. Knows no browser: whoever makes a Service brings the
// transport and what carries messages, so that tests run it in Node.js.
import { Engine } from './engine.mjs';
import { sign } from './keys.mjs';

const TICK_MS = 1000;
const START_MS = 30000; // to reach a node and start something there
const LINGER_MS = 10000; // a connection to a node that nothing uses any more
const PROGRESS_MS = 100; // between two messages of how far a transfer is
const READ_BYTES = 4 << 20, PART_BYTES = 1 << 20;
const IS_FOLDER = 0o040000, TYPE = 0o170000;
const UNTAKEN_MAX = 256 * 1024; // bytes of one channel that the page was given and has not taken
// Inside: what a program may write ahead of the page, which is what is still shown after Ctrl+C.
const NODE_WINDOW = 256 * 1024, NODE_WINDOW_MAX = 4 * 1024 * 1024;

export class Service {
	// post(message, transfer) to the page; dial(url, { onopen, ondata, onclose(why), ondrain }) -> { send, full, close };
	// read(file, from, to) -> bytes of a file of the page, at once;
	// loadEngine(wasm) -> Promise of { wasm, prims } as Engine.load wants them; options: { rekeyBytes } for tests.
	constructor({ post, dial, read, loadEngine, options = {} }) {
		Object.assign(this, { post, dial, read, loadEngine, options, engine: null, proxy: null, who: null, nodes: new Map(), chans: new Map(), transfers: new Map(), timer: null });
	}

	async handle(m) {
		const does = { start: 'onStart', connect: 'onConnect', open: 'onOpen', write: 'onWrite', taken: 'onTaken', resize: 'onResize',
			eof: 'onEof', close: 'onClose', upload: 'onUpload', download: 'onDownload', disconnect: 'onDisconnect' }[m.op];
		if (!does) throw new Error(`no such message: ${m.op}`);
		await this[does](m);
	}

	// --- the engine, the connection to the proxy ------------------------------------------------------------------------------

	onStart({ wasm }) {
		// A fault stays until somebody connects, who is told.
		this.loading = this.loadEngine(wasm).then(({ wasm: module, prims }) => Engine.load(module, prims)).then((e) => { this.engine = e; });
		this.loading.catch(() => {});
	}

	async onConnect(m) {
		try {
			await this.connect(m);
			this.post({ op: 'connected' });
		} catch (error) {
			this.ended(error.message);
		}
	}

	async connect({ url, user, privateKey, certificate, hostCa, proxyHost }) {
		if (this.proxy) throw new Error('there is a connection already');
		this.who = { user, certificate, hostCa, sign: (data) => sign(privateKey, data) };
		let link = null, gone = null;
		const early = []; // what came before the engine was there: the proxy speaks first
		const opened = new Promise((resolve, reject) => {
			const transport = this.dial(url, {
				onopen: () => resolve(transport),
				ondata: (bytes) => (link ? link.input(bytes) : early.push(bytes)),
				onclose: (why) => { gone = why; reject(new Error(why)); link?.lost(why); },
				ondrain: () => this.engine?.turn(() => {}),
			});
		});
		const transport = await opened;
		try {
			await this.loading;
			if (gone !== null) throw new Error(gone);
			link = this.proxy = this.engine.link({ ...this.who, host: proxyHost, transport, rekeyBytes: this.options.rekeyBytes });
		} catch (error) {
			transport.close(); // nobody else would
			throw error;
		}
		link.onbanner = (text) => this.post({ op: 'banner', host: proxyHost, text });
		this.timer ??= setInterval(() => this.engine.tick(), TICK_MS);
		early.forEach((bytes) => link.input(bytes));
		await link.ready;
		// Its end is why connecting failed, until here; from here on it is news. What refuses the login comes as such.
		if (link.isOver) throw new Error(link.why);
		link.onover = (why) => this.ended(why);
	}

	ended(reason) {
		clearInterval(this.timer);
		this.timer = null;
		this.proxy = null;
		this.nodes.clear();
		this.post({ op: 'disconnected', reason });
	}

	onDisconnect() { this.proxy?.close('closed'); }

	// --- connections to nodes --------------------------------------------------------------------------------------------------

	node(node, login) {
		if (!this.proxy || this.proxy.isOver) throw new Error('there is no connection to the proxy');
		const key = `${login}@${node}`;
		let n = this.nodes.get(key);
		if (n) return n;
		const link = this.engine.link({ ...this.who, user: login, host: node, outer: this.proxy, window: NODE_WINDOW, windowMax: NODE_WINDOW_MAX,
			rekeyBytes: this.options.rekeyBytes });
		n = { link, used: 0, idle: null };
		link.onbanner = (text) => this.post({ op: 'banner', host: node, text });
		link.onover = () => { clearTimeout(n.idle); if (this.nodes.get(key) === n) this.nodes.delete(key); };
		this.nodes.set(key, n);
		return n;
	}

	use(n) { n.used++; clearTimeout(n.idle); }

	unuse(n) {
		if (--n.used > 0) return;
		n.idle = setTimeout(() => { if (n.used === 0) n.link.close(); }, LINGER_MS);
		n.idle.unref?.(); // in Node.js: no reason to go on running
	}

	// --- channels --------------------------------------------------------------------------------------------------------------

	async onOpen({ id, node, login, request, what = '', pty = null }) {
		let n = null, c = null;
		try {
			n = this.node(node, login);
			this.use(n);
			await within(START_MS, n.link.ready, `${node} does not answer`);
			c = this.attach(id, n, n.link.session(request, what, pty));
			await within(START_MS, c.chan.started, `${node} does not start the session`);
		} catch (error) {
			c?.chan.close();
			this.chans.delete(id);
			if (n) this.unuse(n);
			this.post({ op: 'refused', id, reason: error.message });
			return;
		}
		this.post({ op: 'opened', id });
		c.shown = true;
		c.chan.resume();
		if (c.ended) this.exited(id, c.ended);
	}

	// The channel's bytes go to the page as fast as it takes them, once it knows that it is open; what it writes waits here until
	// SSH takes it.
	attach(id, node, chan) {
		const c = { chan, node, shown: false, untaken: 0, waits: false, writes: [], eof: false, ended: null };
		this.chans.set(id, c);
		chan.ondata = (view, ext) => {
			const n = c.shown ? Math.min(view.length, UNTAKEN_MAX - c.untaken) : 0;
			if (n < view.length) c.waits = true;
			if (n > 0) {
				const bytes = view.slice(0, n);
				c.untaken += n;
				this.post({ op: 'data', id, bytes, stderr: ext === 1 }, [bytes.buffer]);
			}
			return n;
		};
		chan.onwritable = () => this.push(id, c);
		chan.onend = (how) => {
			c.ended = how;
			if (c.shown) this.exited(id, how);
		};
		return c;
	}

	exited(id, how) {
		const c = this.chans.get(id);
		if (!c) return;
		this.chans.delete(id);
		this.unuse(c.node);
		this.post({ op: 'exit', id, ...how });
	}

	push(id, c) {
		while (c.writes.length) {
			const w = c.writes[0];
			const n = c.chan.write(w.bytes);
			w.bytes = w.bytes.subarray(n);
			if (w.bytes.length) return;
			c.writes.shift();
			this.post({ op: 'wrote', id, write: w.write });
		}
		if (c.eof) c.chan.eof();
	}

	onWrite({ id, write, bytes }) {
		const c = this.chans.get(id);
		if (!c) return; // it has ended, which the page is being told
		c.writes.push({ write, bytes });
		if (c.writes.length === 1) this.push(id, c);
	}

	onTaken({ id, n }) {
		const c = this.chans.get(id);
		if (!c) return;
		c.untaken -= n;
		if (!c.waits || c.untaken > UNTAKEN_MAX / 2) return;
		c.waits = false;
		c.chan.resume();
	}

	onResize({ id, cols, rows }) { this.chans.get(id)?.chan.resize(cols, rows); }

	onEof({ id }) {
		const c = this.chans.get(id);
		if (!c) return;
		c.eof = true;
		this.push(id, c);
	}

	onClose({ id }) {
		this.chans.get(id)?.chan.close();
		this.transfers.get(id)?.stop();
	}

	// --- files -----------------------------------------------------------------------------------------------------------------

	onUpload(m) {
		return this.transfer(m, async (sftp, t) => {
			const { file, mode = 0o644 } = m;
			const path = await intoFolder(sftp, m.path, m.name);
			const load = reader(this.read, file);
			await sftp.put(path, mode, { load: (n) => (t.stopped ? null : load(n)), progress: (n) => t.progress(n, file.size) });
			return { path };
		});
	}

	onDownload(m) {
		return this.transfer(m, async (sftp, t) => {
			const { size, mode } = await sftp.stat(m.path);
			if ((mode & TYPE) === IS_FOLDER) throw new Error(`${m.path}: is a folder; download files, or pack it first (tar)`);
			const file = new Collector();
			await sftp.get(m.path, size, { store: (offset, bytes) => (t.stopped ? -1 : file.store(offset, bytes)), progress: (n) => t.progress(n, size) });
			return { path: m.path, blob: file.blob() };
		});
	}

	// A session for files, for as long as work(sftp, t) goes on.
	async transfer({ id, node, login }, work) {
		let n = null, sftp = null, told = 0;
		const t = {
			stopped: false,
			// What is not answered any more ends, too.
			stop: () => { t.stopped = true; sftp?.close(); },
			progress: (done, size) => {
				const now = performance.now();
				if (now - told < PROGRESS_MS) return;
				told = now;
				this.post({ op: 'progress', id, done, size });
			},
		};
		this.transfers.set(id, t);
		try {
			n = this.node(node, login);
			this.use(n);
			await within(START_MS, n.link.ready, `${node} does not answer`);
			sftp = n.link.sftp();
			await within(START_MS, sftp.ready, `${node} does not start the session for files`);
			if (t.stopped) throw new Error('given up');
			this.post({ op: 'transferred', id, ...await work(sftp, t) });
		} catch (error) {
			this.post({ op: 'refused', id, reason: t.stopped ? 'given up' : error.message });
		} finally {
			this.transfers.delete(id);
			sftp?.close();
			if (n) this.unuse(n);
		}
	}
}

// name in the folder at path; path itself, when it is none.
async function intoFolder(sftp, path, name) {
	try {
		const { mode } = await sftp.stat(path || '.');
		if ((mode & TYPE) !== IS_FOLDER) return path;
	} catch (error) {
		if (sftp.isOver || !path || path.endsWith('/')) throw error;
		return path; // it is to be made, or opening it says why not
	}
	return !path || path === '.' ? name : `${path.replace(/\/+$/, '')}/${name}`;
}

// The bytes of a file from its beginning on: load(n) -> the next ones, at most n.
function reader(read, file) {
	let at = 0, part = new Uint8Array();
	return (n) => {
		if (!part.length && at < file.size) {
			part = read(file, at, Math.min(at + READ_BYTES, file.size));
			at += part.length;
		}
		const got = part.subarray(0, n);
		part = part.subarray(got.length);
		return got;
	};
}

// Pieces in any order, put together to a Blob, which a browser keeps on its disk when it is large.
class Collector {
	constructor() { Object.assign(this, { parts: [], at: 0, early: new Map(), run: [], length: 0 }); }

	store(offset, bytes) {
		this.early.set(offset, bytes);
		for (let b; (b = this.early.get(this.at)); this.at += b.length) {
			this.early.delete(this.at);
			this.run.push(b);
			this.length += b.length;
			if (this.length >= PART_BYTES) this.flush();
		}
		return 0;
	}

	flush() {
		if (this.run.length) this.parts.push(new Blob(this.run));
		this.run = [];
		this.length = 0;
	}

	blob() {
		if (this.early.size) throw new Error('the node left out a part of the file');
		this.flush();
		return new Blob(this.parts);
	}
}

function within(ms, promise, why) {
	let timer;
	const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(why)), ms); });
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
