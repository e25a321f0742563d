// SPDX-License-Identifier: Apache-2.0
/*
 * yaml: resources as YAML, read and written as tctl does it (lib/cli/yaml.c, value.c): the same words are numbers, the same text
 * comes of the same value. Parsing is js-yaml's, which who calls brings: its parseEvents and getScalarValue.
 *
 * What is read is a tree of {line} with one of: `map`, entries {key, line, node}; `list`, nodes; `value`, a text, number, truth
 * value or null. Every node knows its line, so that whatever is wrong can be said with it.
 */
const DEPTH_MAX = 32;
const DOCUMENT = 1,
	LIST = 2,
	MAP = 3,
	SCALAR = 4,
	END = 6; /* js-yaml's EVENT_ID */
const PLAIN = 1;

/* What is wrong in a line (from 1; 0: nobody knows) of a text. */
export class Misplaced extends Error {
	constructor(message, line, column = 0) {
		super(message);
		this.line = line;
		this.column = column;
	}
}

/* --- reading --------------------------------------------------------------------------------------------------- */

/* Lines of rising offsets. */
function counter(text) {
	let at = 0,
		line = 1;
	return (offset) => {
		for (; at < offset; at++) if (text[at] === '\n') line++;
		return line;
	};
}

const WORDS = { true: true, false: false, null: null, '~': null, '': null };

/* Plain words that are numbers, truth values or nothing are those; all else is text. */
function scalarValue(text, plain) {
	if (plain && Object.hasOwn(WORDS, text)) return WORDS[text];
	return plain && /^[+-]?\d{1,18}$/.test(text) && text.length < 19 ? Number(text) : text;
}

class Reader {
	constructor(parser, text) {
		this.parser = parser;
		this.text = text;
		this.line = 1;
		this.lineOf = counter(text);
		this.events = this.parse()[Symbol.iterator]();
		this.next();
	}

	parse() {
		try {
			return this.parser.parseEvents(this.text, { maxDepth: DEPTH_MAX });
		} catch (error) {
			if (!error.mark) throw error;
			throw new Misplaced(error.reason, error.mark.line + 1, error.mark.column + 1);
		}
	}

	next() {
		this.event = this.events.next().value ?? { type: END };
		const at = this.event.start ?? this.event.valueStart ?? this.event.anchorStart ?? -1;
		if (at >= 0) this.line = this.lineOf(at);
	}

	scalar() {
		const { event } = this;
		return event.valueStart < 0 ? '' : this.parser.getScalarValue(this.text, event);
	}

	node() {
		const { event, line } = this;
		if (event.type === MAP) return { line, map: this.entries() };
		if (event.type === LIST) return { line, list: this.items() };
		if (event.type !== SCALAR) throw new Misplaced('aliases are not taken', line);
		const value = scalarValue(this.scalar(), event.style === PLAIN && event.tagStart < 0);
		this.next();
		return { line, value };
	}

	items() {
		const list = [];
		for (this.next(); this.event.type !== END;) list.push(this.node());
		this.next();
		return list;
	}

	entries() {
		const map = [];
		for (this.next(); this.event.type !== END;) {
			const { line } = this;
			if (this.event.type !== SCALAR) throw new Misplaced('a key must be plain text', line);
			const key = this.scalar();
			if (map.some((entry) => entry.key === key)) throw new Misplaced('a key is there twice', line);
			this.next();
			map.push({ key, line, node: this.node() });
		}
		this.next();
		return map;
	}

	document() {
		if (this.event.type !== DOCUMENT) throw new Misplaced('there is no resource in it', 1);
		this.next();
		const node = this.node();
		this.next();
		if (this.event.type !== DOCUMENT) return node;
		this.next(); /* what is in the second one has a line */
		throw new Misplaced('leave one resource in it', this.line);
	}
}

/* The one document of a text. Throws Misplaced. */
export const readYaml = (parser, text) => new Reader(parser, text).document();

/* --- writing --------------------------------------------------------------------------------------------------- */

/* Words that YAML 1.1 or 1.2 reads as something else than text. */
const SPECIAL = /^(true|false|null|yes|no|on|off|y|n)$/i;

/* May stand without quotes, by every reader of YAML. */
const isPlain = (text) =>
	/^[A-Za-z/_](?:[\w./@+=-]|:(?=[^ ])| (?=[^ ]))*$/.test(text) && !text.endsWith(' ') && !SPECIAL.test(text);

const written = (text) => (isPlain(text) ? text : JSON.stringify(text));
const isBlock = (value) => (value instanceof Map && value.size > 0) || (Array.isArray(value) && value.length > 0);

function writtenScalar(value) {
	if (typeof value === 'string') return written(value);
	return value instanceof Map ? '{}' : Array.isArray(value) ? '[]' : String(value);
}

/* The lines of a block. */
function lines(value) {
	if (Array.isArray(value))
		return value.flatMap((item) =>
			isBlock(item)
				? lines(item).map((line, i) => (i === 0 ? '- ' : '  ') + line)
				: [`- ${writtenScalar(item)}`],
		);
	return [...value].flatMap(([key, item]) => {
		if (!isBlock(item)) return [`${written(key)}: ${writtenScalar(item)}`];
		/* A list is not indented below its key: as most people write it. */
		const indent = Array.isArray(item) ? '' : '  ';
		return [`${written(key)}:`, ...lines(item).map((line) => indent + line)];
	});
}

/* Mappings are Maps, so that their keys stay in order, whatever they look like. */
export const writeYaml = (value) => lines(value).join('\n') + '\n';
