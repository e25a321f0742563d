// SPDX-License-Identifier: Apache-2.0
/*
 * resource: one resource as a text that is changed: written, looked at as a diff, saved; wrong lines are shown, and what somebody
 * else changed meanwhile is not lost. For every kind that form.mjs knows.
 */
import * as parser from 'js-yaml';
import { h, fill } from './h.mjs';
import { get, post } from './api.mjs';
import { onChange } from './live.mjs';
import { busy, toast } from './dialog.mjs';
import { button } from './parts.mjs';
import { Editor, diffView } from './editor.mjs';
import { fromText, toText, lineOf } from './form.mjs';
import { Misplaced } from './yaml.mjs';
import { session } from './session.mjs';

/* What somebody had not saved when he left the page: for himself, in this tab, when he comes back. */
const unsaved = new Map();

const REST_MS = 400; /* after the last key, until what is wrong is said */

export const NOTHING = { name: '', revision: 0, text: '', value: null };

/* {name, revision, text, value}, or null: there is none. */
export async function loadResource(kind, name, signal) {
	const { resources } = await get('resources', { kind, name }, { signal });
	return resources[0] ? { ...resources[0], text: toText(kind, resources[0].value) } : null;
}

/*
 * base: as loadResource, or NOTHING of a new one, which then begins with `start`. saved(name): it is kept. looked(value): somebody
 * looks at his changes; what it throws is shown with its line, and nothing is saved. written(): the text is another one.
 */
export class ResourceEditor {
	#kind;
	#base;
	#writable;
	#signal;
	#unsavedAs;
	#saved;
	#looked;
	#told;
	#shown = null; /* the text that was looked at */
	#saving = false;
	#timer = 0;
	#editor;
	#changes = h('div', { hidden: true });
	#news = h('div', { hidden: true });
	#look = button('Look at the changes', () => this.#lookAt());
	#save = button('Save', () => this.#keep(), 'primary');
	#help = h('p', { class: 'help' }, 'What changes is shown first; then it can be saved.');

	constructor({ kind, base, start = base.text, writable, signal, saved, looked = async () => {}, written = () => {} }) {
		this.#kind = kind;
		this.#base = base;
		this.#writable = writable;
		this.#signal = signal;
		this.#saved = saved;
		this.#looked = looked;
		this.#told = written;
		this.#editor = new Editor({
			label: `The ${kind} as YAML`,
			text: start,
			readOnly: !writable,
			oninput: () => this.#written(),
		});
		this.#save.disabled = true;
		this.node = h(
			'div',
			{ class: 'card pad form' },
			this.#news,
			this.#editor.node,
			this.#changes,
			writable && h('footer', null, this.#help, h('span', { class: 'grow' }), this.#look, this.#save),
		);
		onChange(kind, () => this.#lookForNews(signal).catch(() => {}), signal);
		addEventListener('beforeunload', (event) => this.dirty && event.preventDefault(), { signal });
		this.#keepUnsaved(signal);
	}

	/* By whom, too: the next one to log in may be somebody else. */
	#keepUnsaved(signal) {
		const key = (this.#unsavedAs = [session()?.user, this.#kind, this.#base.name].join('/')),
			begun = this.#editor.text,
			before = this.#writable && unsaved.get(key);
		unsaved.delete(key);
		if (before) {
			this.#editor.text = before;
			toast('What you had not saved is here again.');
		}
		signal.addEventListener('abort', () => {
			clearTimeout(this.#timer);
			if (this.dirty && this.#editor.text !== begun) unsaved.set(key, this.#editor.text);
		});
	}

	get dirty() {
		return this.#writable && this.#editor.text !== this.#base.text;
	}

	/* The message that the text is; wrong lines are marked, and thrown. */
	value() {
		try {
			const { value, root } = fromText(parser, this.#kind, this.#editor.text);
			this.#editor.mark(null);
			return { value, root };
		} catch (error) {
			this.#editor.mark(error);
			throw error;
		}
	}

	/* What authd refused, at its line. False: it is about no line of the text. */
	refused(error) {
		let line = 0;
		try {
			line = lineOf(this.value().root, error.message);
		} catch {
			return true; /* what is wrong by now is marked */
		}
		if (line) this.#editor.mark(new Misplaced(error.message[0].toLowerCase() + error.message.slice(1), line));
		return line > 0;
	}

	#refusedOrFailed(error) {
		if (!this.refused(error)) this.#editor.mark(error);
	}

	#written() {
		this.#forgetLook();
		this.#told();
		this.#timer = setTimeout(() => this.#check(), REST_MS);
	}

	/* In passing, while somebody writes. */
	#check() {
		try {
			this.value();
		} catch {
			/* it is marked */
		}
	}

	#forgetLook() {
		clearTimeout(this.#timer);
		this.#shown = null;
		this.#save.disabled = true;
		this.#changes.hidden = true;
	}

	async #lookAt() {
		this.#forgetLook();
		const text = this.#editor.text,
			view = diffView(this.#base.text, text, 'What changes');
		let read;
		try {
			read = this.value();
		} catch (error) {
			return this.#editor.goTo(Math.max(1, error.line ?? 1));
		}
		fill(
			this.#changes,
			h('h2', null, 'What changes'),
			view ?? h('p', { class: 'dim' }, 'Nothing: the text is as it was.'),
		);
		this.#changes.hidden = false;
		if (!view) return;
		busy(this.#look, true);
		try {
			await this.#looked(read.value);
			if (this.#editor.text === text) this.#shown = text;
		} catch (error) {
			if (error.name !== 'AbortError') this.#refusedOrFailed(error);
		}
		busy(this.#look, false);
		this.#save.disabled = this.#shown === null;
		view.focus();
	}

	async #keep() {
		if (this.#shown === null || this.#shown !== this.#editor.text) return;
		const { value } = this.value(),
			{ name, revision } = this.#base,
			text = this.#shown;
		busy(this.#save, true);
		this.#saving = true;
		try {
			const kept = await post('resources', {
				resource: { kind: this.#kind, name, revision, value },
				replace: revision > 0,
			});
			if (this.#signal.aborted) return this.#savedAfterwards(text);
			/* As it would be read again: the new base of what is written next. */
			this.#base = { ...kept, value, text };
			this.#forgetLook();
			toast(`${kept.name} is saved.`);
			this.#saved(kept.name);
		} catch (error) {
			const changed = error.status === 409 && revision && (await this.#lookForNews().catch(() => false));
			if (!changed) this.#refusedOrFailed(error);
		} finally {
			this.#saving = false;
			busy(this.#save, false);
			this.#save.disabled = this.#shown === null;
		}
	}

	/* The page was left before the answer came: nobody is led anywhere, and nothing is there to be written again. */
	#savedAfterwards(text) {
		if (unsaved.get(this.#unsavedAs) === text) unsaved.delete(this.#unsavedAs);
	}

	/* True: somebody else has changed or removed it, and that is shown. */
	async #lookForNews(signal = undefined) {
		if (this.#base.revision === 0 || (signal && this.#saving)) return false;
		const { name, revision } = this.#base,
			now = await loadResource(this.#kind, name, signal);
		if (now?.revision === revision || this.#base.revision !== revision) return false;
		if (now && !this.dirty) {
			this.#take(now);
			return true;
		}
		this.#forgetLook();
		this.#showNews(now);
		return true;
	}

	#take(now) {
		this.#base = now;
		this.#editor.text = now.text;
		this.#told();
		this.#forgetLook();
		this.#news.hidden = true;
	}

	#showNews(now) {
		/* Gone: what is written would be a new one. */
		const next = now ?? NOTHING;
		const goOn = () => {
			this.#base = next;
			this.#news.hidden = true;
			return this.#lookAt();
		};
		fill(
			this.#news,
			h(
				'div',
				{ class: 'note form', role: 'alert' },
				h(
					'p',
					null,
					now
						? `Somebody else has changed this ${this.#kind} meanwhile:`
						: `Somebody else has removed this ${this.#kind} meanwhile.`,
				),
				now && diffView(this.#base.text, now.text, 'What somebody else changed'),
				h(
					'footer',
					null,
					now && button('Drop mine and begin with that', () => this.#take(now)),
					button(now ? 'Put mine over it' : 'Make it anew', goOn),
				),
			),
		);
		this.#news.hidden = false;
	}
}
