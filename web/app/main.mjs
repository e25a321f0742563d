// SPDX-License-Identifier: Apache-2.0
/*
 * main: the app's first module. Which pages there are, who is logged in, what the keys do; pages themselves are loaded when
 * they are first wanted.
 */
import { loadSession, onSession, session, may, LOGGED_OUT } from './session.mjs';
import { pageFor, onPage, show, go, leave, followLinks } from './route.mjs';
import { showBare, showFramed, focusSearch } from './shell.mjs';
import { loginPage } from './login.mjs';
import { shortcut, listenToKeys, showKeys } from './keys.mjs';
import { failed } from './parts.mjs';
import { h } from './h.mjs';
import * as servers from './servers.mjs';
import { sayBeforeEnd } from './ending.mjs';

pageFor('/web', { title: () => 'Servers', load: () => servers });
pageFor('/web/terminal', { title: () => 'Terminals', load: () => import('./terminal.mjs') });
pageFor('/web/terminal/:node/:login', {
	nav: '/web/terminal',
	title: ({ node, login }) => `${login}@${node}`,
	load: () => import('./terminal.mjs'),
});
pageFor('/web/recordings', { title: () => 'Sessions', load: () => import('./recordings.mjs') });
pageFor('/web/recordings/:id', { nav: '/web/recordings', title: () => 'Recording', load: () => import('./player.mjs') });
pageFor('/web/recordings/:id/live', { nav: '/web/recordings', title: () => 'Session', load: () => import('./watch.mjs') });
pageFor('/web/audit', { title: () => 'Audit log', load: () => import('./audit.mjs') });
pageFor('/web/users', { title: () => 'Users', load: () => import('./users.mjs') });
pageFor('/web/roles', { title: () => 'Roles', load: () => import('./roles.mjs') });
pageFor('/web/roles/:name', { nav: '/web/roles', title: ({ name }) => `Role ${name}`, load: () => import('./role.mjs') });
pageFor('/web/newrole', { nav: '/web/roles', title: () => 'New role', load: () => import('./role.mjs') });
pageFor('/web/tokens', { title: () => 'Tokens', load: () => import('./tokens.mjs') });
pageFor('/web/nodes', { title: () => 'Nodes', load: () => import('./nodes.mjs') });
pageFor('/web/cluster', { title: () => 'Cluster', load: () => import('./cluster.mjs') });
pageFor('/web/approve/:id', { title: () => 'Log in with tsh', load: () => import('./approve.mjs') });
pageFor('/web/approved', {
	title: () => 'Logged in',
	load: async () => ({ show: (await import('./approve.mjs')).showDone }),
});
pageFor('/web/account', { title: () => 'Account', load: () => import('./account.mjs') });

const loggedIn = () => session() !== null;
shortcut('/', 'Search servers', focusSearch, loggedIn);
shortcut('?', 'This list', showKeys);
for (const [keys, words, path, when] of [
	['g s', 'Servers', '/web', loggedIn],
	['g t', 'Terminals', '/web/terminal', loggedIn],
	['g r', 'Sessions', '/web/recordings', () => may('session', 'list') || may('own_session', 'list')],
	['g a', 'Audit log', '/web/audit', () => may('event', 'list') || may('own_event', 'list')],
	['g u', 'Users', '/web/users', () => may('user', 'list')],
	['g y', 'Account', '/web/account', loggedIn],
])
	shortcut(keys, words, () => go(path), when);

/* --- logged in or not -------------------------------------------------------------------------------------- */

let shown = null,
	of = null /* whose web session was there when we last looked */,
	rights = ''; /* which one, and what it allows */

function draw() {
	if (shown && loggedIn()) showFramed(shown, show);
}

onPage((place) => {
	shown = place;
	if (loggedIn()) draw();
});

/* back: whoever logs in goes on where the address is; it is somebody else, perhaps, after one has left. */
function showLogin(why = '', back = true) {
	leave();
	const url = new URL(location.href);
	if (url.pathname !== '/web/login')
		history.replaceState(
			null,
			'',
			back ? '/web/login?next=' + encodeURIComponent(url.pathname + url.search) : '/web/login',
		);
	document.title = 'Log in \u00b7 Sallyport';
	showBare(
		loginPage(
			{ query: new URL(location.href).searchParams },
			(path) => {
				history.replaceState(null, '', path);
				show();
			},
			why,
		),
	);
}

/*
 * The cookie is all tabs': another may have logged in as somebody else. Nothing of before is right any more, and the app begins
 * anew, when everybody who watches the session has let go of it (terminals would ask whether to leave).
 */
function beginAnew() {
	leave();
	showBare(h('main', { class: 'login', 'aria-busy': 'true' }));
	setTimeout(() => location.replace('/web'));
}

onSession((who, why) => {
	const before = of;
	of = who?.user ?? null;
	const known = rights;
	rights = JSON.stringify([who?.id, who?.may]);
	if (!who && before) showLogin(why, why !== LOGGED_OUT);
	else if (who && before && of !== before) beginAnew();
	else if (who && before && rights !== known) draw(); /* as it was, whoever writes goes on where he is */
});

async function start() {
	try {
		if (!(await loadSession())) return showLogin();
	} catch (error) {
		return showBare(
			h(
				'main',
				{ class: 'login' },
				failed(error, () => location.reload()),
			),
		);
	}
	if (location.pathname === '/web/login') history.replaceState(null, '', '/web');
	show();
}

followLinks();
listenToKeys();
sayBeforeEnd();
start();
