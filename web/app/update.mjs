// SPDX-License-Identifier: Apache-2.0
/*
 * update: parts of the app that are loaded later. A proxy has the files of one version only: after an upgrade a page that is still
 * open finds its own gone, and has to be loaded anew.
 */

/* What failed() offers to load the page again for. */
class Outdated extends Error {
	reload = true;

	constructor() {
		super('The app has been updated: load this page again.');
	}
}

/* The page that the proxy hands out now begins with another module than this one did. */
async function isOutdated() {
	const main = document.querySelector('script[type=module]')?.getAttribute('src');
	try {
		const page = await fetch('/web', { cache: 'no-store', credentials: 'same-origin' });
		return page.ok && !!main && !(await page.text()).includes(main);
	} catch {
		return false; /* the proxy does not answer, which is another trouble */
	}
}

/* What to say instead of the error of something that could not be loaded. */
export async function whyNotLoaded(error) {
	if (error.name !== 'AbortError' && (await isOutdated())) return new Outdated();
	/* Browsers' own words for a module that did not come. */
	if (error instanceof TypeError && /import|fetch|module/i.test(error.message))
		return new Error('A part of the app could not be loaded. Is this machine on the network?');
	return error;
}

/* load: a function that imports a module. */
export async function later(load) {
	try {
		return await load();
	} catch (error) {
		throw await whyNotLoaded(error);
	}
}
