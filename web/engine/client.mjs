// SPDX-License-Identifier: Apache-2.0
// client: the SSH engine as a page uses it; README.md says how. Speaks the messages of worker.mjs.

const bytes = new TextEncoder();

export class Ssh {
	// worker, wasm: URLs of worker.mjs and engine.wasm. For tests port: whatever has postMessage and onmessage, instead of a worker.
	constructor({ worker, wasm, port = new Worker(worker, { type: 'module' }) }) {
		Object.assign(this, { port, onclose: null, onbanner: null, connecting: null, connected: false, channels: new Map(), last: 0 });
		port.onmessage = (m) => this['on_' + m.data.op](m.data);
		port.onerror = (m) => this.on_disconnected({ reason: `the SSH engine does not start: ${m.message ?? 'its script cannot be loaded'}` });
		this.post({ op: 'start', wasm });
	}

	post(message, transfer = []) { this.port.postMessage(message, transfer); }

	connect(o) {
		return new Promise((resolve, reject) => {
			this.connecting = { resolve, reject };
			this.post({ op: 'connect', url: o.url, user: o.user, privateKey: o.privateKey, certificate: o.certificate, hostCa: o.hostCa, proxyHost: o.proxyHost });
		});
	}

	close() { this.post({ op: 'disconnect' }); }

	terminal({ node, login, cols, rows, term = 'xterm-256color' }) {
		return this.open({ node, login, request: 'shell', pty: { term, cols, rows } });
	}

	exec({ node, login, command, pty = null }) { return this.open({ node, login, request: 'exec', what: command, pty }); }

	open(o) {
		const id = ++this.last;
		return new Promise((resolve, reject) => {
			this.channels.set(id, { resolve, reject, channel: null });
			this.post({ op: 'open', id, ...o });
		});
	}

	// Files: { done, cancel() }; done is a promise, of { path } or { path, blob }. onprogress(done, size), a few times a second.
	upload({ node, login, file, name = file.name, path = '', mode = 0o644, onprogress = null }) {
		return this.transfer({ op: 'upload', node, login, file, name, path, mode }, onprogress);
	}

	download({ node, login, path, onprogress = null }) { return this.transfer({ op: 'download', node, login, path }, onprogress); }

	transfer(message, onprogress) {
		const id = ++this.last;
		const done = new Promise((resolve, reject) => this.channels.set(id, { resolve, reject, channel: null, onprogress }));
		done.catch(() => {}); // whoever gave it up need not catch it
		this.post({ ...message, id });
		return { done, cancel: () => this.post({ op: 'close', id }) };
	}

	// --- from the worker -----------------------------------------------------------------------------------------------

	on_connected() {
		this.connected = true;
		this.connecting?.resolve();
		this.connecting = null;
	}

	on_disconnected({ reason }) {
		const { connecting, connected } = this;
		this.connecting = null;
		this.connected = false;
		for (const id of [...this.channels.keys()]) this.on_exit({ id, status: null, signal: null, reason });
		if (connecting) connecting.reject(new Error(reason));
		else if (connected) this.onclose?.(reason);
	}

	on_opened({ id }) {
		const c = this.channels.get(id);
		if (!c) return; // the connection ended meanwhile, which was said
		c.channel = new Channel(this, id);
		c.resolve(c.channel);
	}

	on_refused({ id, reason }) {
		this.channels.get(id)?.reject(new Error(reason));
		this.channels.delete(id);
	}

	on_data({ id, bytes: b, stderr }) { this.channels.get(id)?.channel.arrived(b, stderr); }
	on_wrote({ id, write }) { this.channels.get(id)?.channel.wrote(write); }

	on_exit({ id, status, signal, reason }) {
		const c = this.channels.get(id);
		if (!c) return;
		this.channels.delete(id);
		if (c.channel) c.channel.ended({ status, signal, reason });
		else c.reject(new Error(reason));
	}

	on_progress({ id, done, size }) { this.channels.get(id)?.onprogress?.(done, size); }

	on_transferred({ id, path, blob }) {
		this.channels.get(id)?.resolve({ path, blob });
		this.channels.delete(id);
	}

	on_banner({ host, text }) { this.onbanner?.(host, text); }
}

// A terminal or a command.
class Channel {
	constructor(ssh, id) { Object.assign(this, { ssh, id, ondata: null, onexit: null, isOver: false, writes: new Map(), last: 0 }); }

	arrived(b, stderr) {
		let n = b.length; // now: the callee may give the bytes away
		const taken = () => {
			if (n && !this.isOver) this.ssh.post({ op: 'taken', id: this.id, n });
			n = 0;
		};
		if (this.ondata) this.ondata(b, taken, stderr);
		else taken();
	}

	ended(how) {
		this.isOver = true;
		this.writes.forEach((w) => w.reject(new Error(how.reason || 'the session has ended')));
		this.writes.clear();
		this.onexit?.(how);
	}

	write(what) {
		if (this.isOver) return Promise.reject(new Error('the session has ended'));
		// A copy to give away: a message with a part of a buffer takes the whole of it along.
		const b = typeof what === 'string' ? bytes.encode(what) : Uint8Array.from(what);
		const write = ++this.last;
		const done = new Promise((resolve, reject) => this.writes.set(write, { resolve, reject }));
		done.catch(() => {}); // whoever does not wait for a key stroke need not catch it either
		this.ssh.post({ op: 'write', id: this.id, write, bytes: b }, [b.buffer]);
		return done;
	}

	wrote(write) {
		this.writes.get(write)?.resolve();
		this.writes.delete(write);
	}

	eof() { this.ssh.post({ op: 'eof', id: this.id }); }
	resize(cols, rows) { this.ssh.post({ op: 'resize', id: this.id, cols, rows }); }
	close() { this.ssh.post({ op: 'close', id: this.id }); }
}
