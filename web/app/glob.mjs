// SPDX-License-Identifier: Apache-2.0
/*
 * glob: what somebody typed into a search field, against nodes. Words are parts of names, addresses, UUIDs or labels; k=v is a
 * label whose value may have stars. All of them must fit.
 */
const escape = (text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
const globOf = (pattern) => new RegExp('^' + pattern.split('*').map(escape).join('.*') + '$', 'i');

function test(word) {
	const at = word.indexOf('=');
	if (at > 0) {
		const key = globOf(word.slice(0, at)),
			value = globOf(word.slice(at + 1) || '*');
		return (node) => node.labels.some((label) => key.test(label.key) && value.test(label.value));
	}
	const part = word.toLowerCase();
	return (node) => node.text.includes(part);
}

/* labels: "k=v" texts that must be there as they are. Nodes have `text`: see searchable(). */
export function matcher(words, labels = []) {
	const tests = words.trim().split(/\s+/).filter(Boolean).map(test);
	for (const label of labels) tests.push((node) => node.labels.some((l) => `${l.key}=${l.value}` === label));
	return (node) => tests.every((fits) => fits(node));
}

/* The node, with what words are looked for in. */
export function searchable(node) {
	const labels = node.labels.map((l) => `${l.key}=${l.value}`).join(' ');
	return { ...node, text: `${node.name} ${node.address} ${node.uuid} ${labels}`.toLowerCase() };
}

/* "env=prod, team=x" or one a line: [{key, value}]. Throws what to say about the first that is none. */
export function parseLabels(text) {
	return text
		.split(/[\n,]/)
		.map((part) => part.trim())
		.filter(Boolean)
		.map((part) => {
			const at = part.indexOf('=');
			if (at < 1) throw new Error(`\u201c${part}\u201d is no label: write NAME=VALUE, such as env=prod.`);
			return { key: part.slice(0, at).trim(), value: part.slice(at + 1).trim() };
		});
}
