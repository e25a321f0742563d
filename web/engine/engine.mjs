// SPDX-License-Identifier: Apache-2.0
// engine: engine.wasm as objects. An Engine holds Links (SSH connections: over a transport, or inside another link), a Link holds
// Chans (shells, commands, subsystems). Used by service.mjs; knows no browser, so tests run it in Node.js.
//
// The rule of the house: nothing calls into the engine from inside one of its callbacks. They put what is to be done into
// a queue, and pump(), which ends every turn, does it; only `data` answers at once. Views of the engine's memory are made anew for
// every use, since it grows.

import { concat, u32 } from './bytes.mjs';

const text = new TextEncoder(), untext = new TextDecoder();
const INPUT_BYTES = 65536;

// WASI's, which stdio leaves behind: nothing here prints or has files.
const BADF = 8, wasi = { fd_close: () => BADF, fd_seek: () => BADF, fd_write: () => BADF };

export class Engine {
	// wasm: a WebAssembly.Module, or its bytes. prims: of sodium.mjs.
	static async load(wasm, prims) {
		const e = new Engine();
		const got = await WebAssembly.instantiate(wasm, { page: e.imports(), prims: prims.imports, wasi_snapshot_preview1: wasi });
		e.x = (got.instance ?? got).exports;
		prims.attach(e.x.memory);
		e.x._initialize();
		e.inbuf = e.x.web_alloc(INPUT_BYTES);
		return e;
	}

	constructor() {
		this.links = new Map(); // by address, as the engine names them
		this.chans = new Map();
		this.sftps = new Map();
		this.queue = [];
		this.pumping = false;
		this.broken = null;
	}

	imports() {
		const later = (f) => this.queue.push(f);
		const chan = (p, f) => { const c = this.chans.get(p); if (c) later(() => f(c)); };
		// The address may be another channel's as soon as C goes on: whatever was put off before must not name it any more.
		const gone = (p, why) => {
			const c = this.chans.get(p);
			if (!c) return;
			this.chans.delete(p);
			c.p = 0;
			later(() => c.end(why));
		};
		const link = (p, f) => { const l = this.links.get(p); if (l) later(() => f(l)); };
		const sftp = (p, f) => { const s = this.sftps.get(p); if (s) later(() => f(s)); };
		// What answers at once: a fault of whoever uses us must not unwind the engine.
		const answer = (p, f) => {
			try {
				return f(this.sftps.get(p)) ?? -1;
			} catch (error) {
				console.error(error);
				return -1;
			}
		};
		return {
			now_ms: () => performance.now(),
			time_s: () => Date.now() / 1000,
			login_sent: (p) => link(p, (l) => l.loginSent()),
			authenticated: (p) => link(p, (l) => l.authenticated()),
			sign: (p, at, n) => { const data = this.copy(at, n); link(p, (l) => l.sign(data)); },
			banner: (p, at, n) => { const t = this.text(at, n); link(p, (l) => l.onbanner?.(t)); },
			over: (p, at, n) => { const why = this.text(at, n); link(p, (l) => l.over(why)); },
			data: (p, ext, at, n) => {
				const c = this.chans.get(p);
				if (!c) return n;
				try {
					return c.take(this.view(at, n), ext);
				} catch (error) { // of whoever uses us: it must not unwind the engine
					later(() => c.close());
					console.error(error);
					return n;
				}
			},
			writable: (p) => chan(p, (c) => c.onwritable?.()),
			started: (p, ok) => chan(p, (c) => c.start(ok ? null : 'the node refused to start the session')),
			exit_status: (p, status) => { const c = this.chans.get(p); if (c) c.status = status >>> 0; },
			exit_signal: (p, at, n) => { const c = this.chans.get(p); if (c) c.signal = this.text(at, n); },
			refused: (p, at, n) => gone(p, this.text(at, n) || 'the node refused the session'),
			closed: (p) => gone(p, ''),
			sftp_ready: (p) => sftp(p, (s) => s.resolve()),
			sftp_attrs: (p, size, mode) => { const s = this.sftps.get(p); if (s) s.attrs = { size, mode: mode >>> 0 }; },
			sftp_load: (p, at, n) => answer(p, (s) => {
				const b = s?.task?.load?.(n);
				if (b) this.view(at, b.length).set(b);
				return b?.length;
			}),
			sftp_store: (p, offset, at, n) => answer(p, (s) => s?.task?.store?.(offset, this.copy(at, n))),
			sftp_progress: (p, n) => answer(p, (s) => { s?.task?.progress?.(n); return 0; }),
			sftp_done: (p, at, n) => { const why = this.text(at, n); sftp(p, (s) => s.finish(why)); },
			sftp_over: (p, at, n) => { const why = this.text(at, n); sftp(p, (s) => s.over(why)); },
		};
	}

	view(at, n) { return new Uint8Array(this.x.memory.buffer, at, n); }
	copy(at, n) { return this.view(at, n).slice(); }
	text(at, n) { return untext.decode(this.copy(at, n)); }
	// Up to the NUL.
	string(at) { return this.text(at, new Uint8Array(this.x.memory.buffer, at).indexOf(0)); }

	// Calls f with the addresses of copies of the bytes and texts; a NUL stands behind each.
	lend(values, f) {
		const bytes = values.map((v) => (typeof v === 'string' ? text.encode(v.replaceAll('\0', '')) : v));
		const at = bytes.map((b) => {
			const p = this.x.web_alloc(b.length + 1);
			if (!p) throw new Error('out of memory');
			this.view(p, b.length).set(b);
			this.view(p + b.length, 1)[0] = 0;
			return p;
		});
		try {
			return f(...at);
		} finally {
			at.forEach((p) => this.x.web_free(p));
		}
	}

	// A turn: f calls into the engine, then what came of it is done. A fault inside ends the engine, and all that it carries.
	turn(f) {
		if (this.broken) return undefined;
		try {
			const r = f();
			this.pump();
			return r;
		} catch (error) {
			if (!(error instanceof WebAssembly.RuntimeError) && !(error instanceof RangeError)) throw error;
			this.broken = `the SSH engine failed: ${error.message}`;
			for (const l of this.links.values()) l.over(this.broken);
			return undefined;
		}
	}

	// Until nothing moves: what was put off, inner links' output into the channels that carry them, root links' to their transports.
	pump() {
		if (this.pumping) return;
		this.pumping = true;
		try {
			for (let busy = true; busy && !this.broken;) {
				while (this.queue.length) this.queue.shift()();
				this.x.web_link_flush();
				busy = this.queue.length > 0;
				for (const l of this.links.values()) busy = l.flush() || busy;
			}
		} finally {
			this.pumping = false;
		}
	}

	// About once a second: keepalives, time-outs, new keys.
	tick() { this.turn(() => this.x.web_link_tick()); }

	// A connection.
	//   transport   { send(bytes), full(), close() }: of a root link; or
	//   outer       the Link through which the node `host` is dialled
	//   user, host  who logs in; the principal of the host's certificate
	//   certificate, hostCa[], sign(data) -> Promise of a signature blob
	//   window, windowMax, rekeyBytes: 0 or absent for the engine's own choice
	link(o) {
		return this.turn(() => {
			const cas = concat(o.hostCa.flatMap((ca) => [u32(ca.length), ca]));
			const p = this.lend([o.user, o.host, o.certificate, cas], (user, host, cert, ca) => this.x.web_link_new(user, host, cert, o.certificate.length,
				ca, cas.length, o.outer?.p ?? 0, o.window ?? 0, o.windowMax ?? 0, o.rekeyBytes ?? 0));
			if (!p) throw new Error(this.string(this.x.web_error()));
			const l = new Link(this, p, o);
			this.links.set(p, l);
			return l;
		}) ?? fail(this.broken);
	}
}

class Link {
	constructor(engine, p, o) {
		Object.assign(this, { engine, p, o, why: null, chans: new Set(), sftps: new Set(), onover: null, onbanner: null });
		// When channels may be opened; rejected with why the connection ended before.
		this.ready = new Promise((resolve, reject) => { this.resolve = resolve; this.reject = reject; });
		this.ready.catch(() => {});
	}

	get isOver() { return this.why !== null; }
	loginSent() { this.resolve(); }
	authenticated() { this.resolve(); }

	async sign(data) {
		let sig = new Uint8Array();
		try {
			sig = await this.o.sign(data);
		} catch (error) {
			console.error(error);
		}
		if (!this.isOver) this.engine.turn(() => this.engine.lend([sig], (at) => this.engine.x.web_link_signed(this.p, at, sig.length)));
	}

	// Of a root link: what its transport received.
	input(bytes) {
		const { engine } = this;
		engine.turn(() => {
			for (let i = 0; i < bytes.length && !this.isOver; i += INPUT_BYTES) {
				const part = bytes.subarray(i, i + INPUT_BYTES);
				engine.view(engine.inbuf, part.length).set(part);
				engine.x.web_link_input(this.p, engine.inbuf, part.length);
			}
		});
	}

	flush() {
		const { engine, o: { transport } } = this;
		if (!transport || this.isOver || transport.full()) return false;
		const n = engine.x.web_link_output(this.p);
		if (!n) return false;
		transport.send(engine.copy(engine.x.web_link_output_at(), n));
		engine.x.web_link_drain(this.p, n);
		return true;
	}

	// It has ended, and everything in it. why '': nobody said.
	over(why) {
		if (this.isOver) return;
		const { engine, o } = this;
		if (!engine.broken) this.flush(); // a DISCONNECT
		this.why = why || o.outer?.why || `${o.host} closed the connection`;
		this.reject(new Error(this.why));
		for (const c of [...this.chans]) {
			engine.chans.delete(c.p);
			c.end(this.why);
		}
		engine.links.delete(this.p);
		if (engine.broken) [...this.sftps].forEach((s) => s.over(this.why));
		// Last: links inside hear of it now.
		if (!engine.broken) {
			const inner = [...engine.links.values()].filter((l) => l.o.outer === this);
			// Of each of its channels C tells the end now; what is told later may name nothing that is gone.
			engine.x.web_link_free(this.p);
			inner.forEach((l) => l.over(''));
		}
		o.transport?.close();
		this.onover?.(this.why);
	}

	// The other side is told; all that is open in it ends.
	close(why = 'closed') {
		if (this.isOver) return;
		this.engine.turn(() => {
			this.engine.x.web_link_disconnect(this.p);
			this.engine.x.web_link_flush();
			this.over(why);
		});
	}

	// Its transport is gone.
	lost(why) { if (!this.isOver) this.engine.turn(() => this.over(why)); }

	// request: 'shell', 'exec' or 'subsystem', with its text; pty: { term, cols, rows } or nothing. Set its ondata and onend in the same turn.
	session(request, what = '', pty = null) {
		if (this.isOver) throw new Error(this.why);
		return this.engine.turn(() => {
			const { engine } = this;
			const p = engine.lend([request, what, pty?.term ?? ''], (r, w, t) => engine.x.web_chan_open(this.p, r, w, t, pty?.cols ?? 0, pty?.rows ?? 0));
			if (!p) throw new Error('too many sessions in this connection, or the command is too long');
			const c = new Chan(this, p);
			engine.chans.set(p, c);
			this.chans.add(c);
			return c;
		}) ?? fail(this.why ?? this.engine.broken);
	}

	// A session for files.
	sftp() {
		if (this.isOver) throw new Error(this.why);
		return this.engine.turn(() => {
			const p = this.engine.x.web_sftp_new(this.p);
			if (!p) throw new Error('too many sessions in this connection');
			const s = new Sftp(this, p);
			this.engine.sftps.set(p, s);
			this.sftps.add(s);
			return s;
		}) ?? fail(this.why ?? this.engine.broken);
	}
}

// ondata(view, ext) -> how many bytes it took, from the front; the view is the engine's memory, and resume() offers the rest again.
// onwritable() after a write that did not take all.
// onend({ status, signal, reason }) is the last. started: a promise, rejected with why it did not start.
class Chan {
	constructor(link, p) {
		Object.assign(this, { link, p, status: null, signal: null, isOver: false, running: false, ondata: null, onwritable: null, onend: null });
		this.started = new Promise((resolve, reject) => { this.resolve = resolve; this.reject = reject; });
		this.started.catch(() => {});
	}

	take(view, ext) {
		return this.ondata ? this.ondata(view, ext) : 0;
	}

	start(why) {
		if (why) {
			this.refusal = why;
			this.close();
		} else {
			this.running = true;
			this.resolve();
		}
	}

	end(why) {
		if (this.isOver) return;
		this.isOver = true;
		this.link.chans.delete(this);
		const ended = this.status !== null || this.signal !== null;
		const reason = ended ? '' : this.refusal || why || 'the session ended without an exit status';
		if (!this.running) this.reject(new Error(reason || 'the session ended before it began'));
		this.onend?.({ status: this.status, signal: this.signal, reason });
	}

	// Not from its last moment in C on, which may be before `end`.
	call(f) { return this.isOver || !this.p ? undefined : this.link.engine.turn(() => f(this.link.engine.x, this.p)); }

	// Returns how much was taken.
	write(bytes) {
		return this.call((x, p) => this.link.engine.lend([bytes], (at) => x.web_chan_write(p, at, bytes.length))) ?? 0;
	}

	resume() { this.call((x, p) => x.web_chan_resume(p)); }
	resize(cols, rows) { this.call((x, p) => x.web_chan_resize(p, cols, rows)); }
	eof() { this.call((x, p) => x.web_chan_eof(p)); }
	close() { this.call((x, p) => x.web_chan_close(p)); }
}

// Files of a host, by one SFTP session; one thing at a time. ready: a promise, rejected with why there is no session.
class Sftp {
	constructor(link, p) {
		Object.assign(this, { link, p, why: null, task: null, attrs: null, onover: null });
		this.ready = new Promise((resolve, reject) => { this.resolve = resolve; this.reject = reject; });
		this.ready.catch(() => {});
	}

	get isOver() { return this.why !== null; }

	do(path, task, call) {
		if (this.isOver) return Promise.reject(new Error(this.why));
		if (this.task) throw new Error('something is under way in this session');
		const done = new Promise((resolve, reject) => { this.task = { ...task, resolve, reject, path }; });
		this.link.engine.turn(() => this.link.engine.lend([path], (at) => call(this.link.engine.x, this.p, at)));
		return done;
	}

	// { size, mode }, mode with the bits of the type.
	stat(path) { return this.do(path, {}, (x, p, at) => x.web_sftp_stat(p, at)); }
	// store(offset, bytes) -> 0, negative to stop: pieces in any order. progress(n). size: as far as it is known, or 0.
	get(path, size, { store, progress }) { return this.do(path, { store, progress }, (x, p, at) => x.web_sftp_get(p, at, size)); }
	// load(n) -> the next bytes, at most n, none at the end; null to stop. progress(n). mode: of a new file.
	put(path, mode, { load, progress }) { return this.do(path, { load, progress }, (x, p, at) => x.web_sftp_put(p, at, mode)); }

	finish(why) {
		const { task, attrs } = this;
		this.task = this.attrs = null;
		if (why) task?.reject(new Error(`${task.path}: ${why}`));
		else task?.resolve(attrs);
	}

	over(why) {
		if (this.isOver) return;
		this.why = this.link.why ?? why;
		const { engine } = this.link;
		engine.sftps.delete(this.p);
		this.link.sftps.delete(this);
		if (!engine.broken) engine.x.web_sftp_free(this.p);
		this.reject(new Error(this.why));
		this.finish(this.why);
		this.onover?.(this.why);
	}

	close() { if (!this.isOver) this.link.engine.turn(() => this.link.engine.x.web_sftp_close(this.p)); }
}

function fail(why) { throw new Error(why); }
