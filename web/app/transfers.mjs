// SPDX-License-Identifier: Apache-2.0
/*
 * transfers: files to and from the server of a terminal, by SFTP as its login: chosen, or dropped onto the terminal; each with
 * how far it is, until somebody puts it away. They are in the audit trail as any other client's.
 */
import { h, fill, icon } from './h.mjs';
import { connection } from './ssh.mjs';
import { field, formDialog, plainInput } from './dialog.mjs';
import { atMost } from './pace.mjs';
import { saveAs } from './savefile.mjs';
import { bytes, count } from './words.mjs';

const pathInput = (props) => plainInput({ name: 'path', class: 'mono', ...props });
const AT_ONCE = 4;

export class Transfers {
	#node;
	#login;
	#running = new Set();
	#turn = 0; /* another one with every close() */
	#inTurn = atMost(AT_ONCE);

	constructor({ node, login }) {
		this.#node = node;
		this.#login = login;
		this.view = h('ul', { class: 'transfers', 'aria-label': 'Files', hidden: true });
	}

	/* --- what somebody asks for ------------------------------------------------------------------------------- */

	choose() {
		const input = h('input', {
			type: 'file',
			multiple: true,
			hidden: true,
			on: { change: () => this.upload([...input.files]) },
		});
		input.click();
	}

	upload(files) {
		if (files.length === 0) return;
		formDialog(`Upload ${files.length === 1 ? files[0].name : count(files.length, 'file')} to ${this.#node}`, {
			button: 'Upload',
			fields: [
				field(
					'Folder',
					pathInput({ placeholder: `home of ${this.#login}` }),
					'Empty: where the login begins. What is there under the same name is replaced.',
				),
			],
			submit: ({ path }) => {
				for (const file of files)
					this.#run(
						file.name,
						(ssh, onprogress) =>
							ssh.upload({
								node: this.#node,
								login: this.#login,
								file,
								path: folder(path),
								onprogress,
							}),
						(done) => `is ${done.path}`,
					);
			},
		});
	}

	download() {
		formDialog(`Download from ${this.#node}`, {
			button: 'Download',
			fields: [field('File', pathInput({ required: true, placeholder: '/var/log/syslog' }))],
			submit: ({ path }) => {
				const name = path.split('/').pop() || 'file';
				this.#run(
					name,
					(ssh, onprogress) =>
						ssh.download({ node: this.#node, login: this.#login, path, onprogress }),
					(done) => {
						saveAs(name, done.blob);
						return 'is with your browser\u2019s downloads';
					},
				);
			},
		});
	}

	/* With its terminal. */
	close() {
		this.#turn++;
		for (const transfer of this.#running) transfer.cancel();
	}

	/* --- one of them ---------------------------------------------------------------------------------------------- */

	async #run(name, begin, ended) {
		const bar = h('progress', { max: 1, value: 0, 'aria-label': name }),
			state = h('span', { class: 'dim', role: 'status' }, 'waits\u2026');
		const turn = this.#turn;
		let transfer = null,
			stopped = false,
			over = false;
		const stop = h(
			'button',
			{
				type: 'button',
				class: 'icon-btn',
				'aria-label': `Stop ${name}`,
				on: {
					click: () => {
						stopped = true;
						if (over || !transfer) row.remove();
						else transfer.cancel();
						this.#shown();
					},
				},
			},
			icon('close'),
		);
		const row = h('li', null, h('span', { class: 'mono title', title: name }, name), bar, state, stop);
		this.view.append(row);
		this.#shown();
		const goes = () => !stopped && turn === this.#turn;
		const carry = async () => {
			if (!goes()) throw new Error('stopped');
			fill(state, 'begins\u2026');
			const ssh = await connection();
			if (!goes()) throw new Error('stopped');
			transfer = begin(ssh, (done, size) => {
				bar.value = size > 0 ? done / size : 0;
				fill(state, size > 0 ? `${bytes(done)} of ${bytes(size)}` : bytes(done));
			});
			this.#running.add(transfer);
			return transfer.done;
		};
		try {
			fill(state, ended(await this.#inTurn(carry)));
			bar.value = 1;
		} catch (error) {
			row.classList.add('bad');
			fill(state, error.message);
		}
		this.#running.delete(transfer);
		over = true;
		stop.setAttribute('aria-label', `Put ${name} away`);
	}

	#shown() {
		this.view.hidden = this.view.childElementCount === 0;
	}
}

/* A folder, whether it was typed with a slash at the end or not. */
const folder = (path) => (path === '' || path.endsWith('/') ? path : `${path}/`);
