/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show: a profile for people and for programs. Called by login and status.
 */
#include "tsh/show.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"

static void
line(FILE *f, bool first, const char *label, const char *value)
{
	fprintf(f, "%s%-20s%s\n", first ? "> " : "  ", label, value);
}

static void
list(FILE *f, const char *label, char *const *items, unsigned n)
{
	fprintf(f, "  %-20s", label);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? ", " : "", items[i]);
	fputc('\n', f);
}

static void
until(FILE *f, int64_t valid_until_s, bool withdrawn)
{
	int64_t left = valid_until_s - clock_wall_ms() / 1000;
	time_t t = (time_t)valid_until_s;
	char when[64], note[64] = "EXPIRED", span[48];
	struct tm tm;

	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z %Z", localtime_r(&t, &tm));
	if (withdrawn) {
		(void)str_copy(note, sizeof note, "WITHDRAWN");
	} else if (left > 0) {
		str_duration_text(left, span, sizeof span);
		(void)str_format(note, sizeof note, "valid for %s", span);
	}
	fprintf(f, "  %-20s%s [%s]\n", "Valid until:", when, note);
}

void
show_profile(FILE *f, const struct profile *p, bool active)
{
	char url[400];

	(void)str_format(url, sizeof url, "https://%s", p->proxy);
	line(f, active, "Profile URL:", url);
	line(f, false, "Logged in as:", p->user);
	if (p->damaged) {
		line(f, false, "Valid until:", "unknown [DAMAGED]");
		fputc('\n', f);
		return;
	}
	line(f, false, "Cluster:", p->cluster);
	list(f, "Roles:", p->roles, p->roles_count);
	list(f, "Logins:", p->logins, p->logins_count);
	line(f, false, "Kubernetes:", "disabled");
	until(f, p->valid_until_s, p->withdrawn);
	list(f, "Extensions:", p->extensions, p->extensions_count);
	fputc('\n', f);
}

static json_t *
items_value(char *const *items, unsigned n)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(a, json_string(items[i]));
	return a;
}

json_t *
show_profile_value(const struct profile *p)
{
	char url[400], when[40];

	(void)str_format(url, sizeof url, "https://%s", p->proxy);
	clock_rfc3339(p->valid_until_s * 1000, when, sizeof when);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:s, s:o, s:b, s:b}", "profile_url", url,
	    "username", p->user, "cluster", p->damaged ? "" : p->cluster, "roles",
	    items_value(p->roles, p->roles_count), "logins",
	    items_value(p->logins, p->logins_count), "kubernetes_enabled", 0, "valid_until", when,
	    "extensions", items_value(p->extensions, p->extensions_count), "withdrawn",
	    p->withdrawn, "damaged", p->damaged);
}
