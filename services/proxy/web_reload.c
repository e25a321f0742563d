/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_reload: reads what the web server hands out, packages and the web app, again on a thread of the pool. What is there
 * stays until then, and where reading fails. Called by SIGHUP, through proxy.c.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "event/loop.h"
#include "proxy/packages.h"
#include "proxy/site.h"
#include "proxy/web.h"

/* One read on a thread of the pool. */
struct web_reload {
	struct web *web; /* NULL: it is gone */
	struct web_folders folders;
	/* Asked for since it began, which may have seen too little. The loop's. */
	struct web_folders again;
	bool once_more;
	struct packages *packages; /* NULL: could not be read, and packages_e says why */
	struct site *site;
	struct err packages_e, site_e;
};

static void
reload_on_thread(void *arg)
{
	struct web_reload *j = arg;

	if (packages_load(&j->packages, j->folders.packages, &j->packages_e) < 0)
		j->packages = NULL;
	if (site_load(&j->site, j->folders.site, &j->site_e) < 0)
		j->site = NULL;
}

static void
take(struct web *w, const struct web_reload *j)
{
	if (j->packages)
		web_packages_take(w, packages_ref(j->packages));
	else
		log_error("the packages stay as they were", "cause", j->packages_e.text, NULL);
	if (j->site)
		web_site_take(w, site_ref(j->site));
	else
		log_error("the web app stays as it was", "cause", j->site_e.text, NULL);
}

static void
on_reloaded(void *arg, bool ran)
{
	struct web_reload *j = arg;
	struct web *w = j->web;

	if (w) {
		w->reload = NULL;
		if (ran) {
			take(w, j);
			w->config.reloaded(w->config.arg);
		}
	}
	packages_unref(j->packages);
	site_unref(j->site);
	if (w && j->once_more)
		web_reload(w, &j->again);
	free(j);
}

void
web_reload(struct web *w, const struct web_folders *folders)
{
	struct web_reload *j;

	if (w->reload) {
		w->reload->again = *folders;
		w->reload->once_more = true;
		return;
	}
	j = calloc(1, sizeof(*j));
	if (j) {
		j->web = w;
		j->folders = *folders;
		w->reload = j;
		if (pool_submit(w->config.pool, reload_on_thread, on_reloaded, j) == 0)
			return;
		w->reload = NULL;
		free(j);
	}
	log_error("packages and web app stay as they were, reload once more", NULL);
}

void
web_reload_forget(struct web *w)
{
	if (w->reload)
		w->reload->web = NULL;
}
