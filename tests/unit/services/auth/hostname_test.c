/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostname: forms of names, on a registry without signer or token. Whole joins: join_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "auth/hostname.h"
#include "auth_state.h"
#include "base/str.h"

static const char uuid_a[] = "01234567-89ab-4cde-8f01-23456789abcd";
static const char uuid_b[] = "11234567-89ab-4cde-8f01-23456789abcd";

static int
setup(void **state)
{
	int r = auth_state_new(state, 0);

	if (r == 0)
		str_copy(((struct auth_state *)*state)->a.cluster, 256, "tele.example.com");
	return r;
}

/* Normalised as join.c does it; rc of the form, then of the owner. */
static int
claim(struct auth_state *f, const char *uuid, const char *kind, const char *name,
    const char *address)
{
	struct names addresses = { 0 }, any = { 0 };
	char n[300], ad[300];
	struct hostname_claim c = { uuid, kind, n, &addresses, &any };
	int rc;

	str_copy(n, sizeof(n), name);
	hostname_normalise(n);
	if (address) {
		str_copy(ad, sizeof(ad), address);
		hostname_normalise(ad);
		assert_int_equal(names_add(&addresses, ad), 0);
	}
	rc = hostname_check(&f->a, &c, &f->e);
	if (rc == 0)
		rc = hostname_check_owner(&f->a, &c, &f->e);
	names_done(&addresses);
	return rc;
}

static void
add(struct auth_state *f, const char *uuid, const char *kind, const char *name, const char *address)
{
	struct host *n = resource_new(RESOURCE_HOST);

	assert_non_null(n);
	str_copy(n->uuid, sizeof(n->uuid), uuid);
	str_copy(n->kind, sizeof(n->kind), kind);
	str_copy(n->name, sizeof(n->name), name);
	n->valid_until_ms = auth_state_ms + 1000;
	if (address)
		assert_int_equal(names_add(&n->addresses, address), 0);
	assert_int_equal(host_put(&f->a, n, &f->e), 0);
}

static void
what_looks_like_an_address_is_no_name(void **state)
{
	static const char *const addresses[] = { "192.0.2.1", "1.2.3", "1.2", "127.1", "42",
		"2130706433", "0x7f000001", "0X7F.1", "0177.0.0.1", "0x", "999.999.999.999",
		"1.2.3.4.5", "::1", "::ffff:192.0.2.1", "2001:db8::1", "fe80::1%eth0", "1.2.3.4.",
		"1::", "[::1]" };
	static const char *const others[] = { "", "web-1.", ".web-1", "web..1", "-web", "web 1",
		"web*", "web/1",
		"w\xc3\xa9"
		"b",
		"." };
	static const char *const names[] = { "1web", "web.1", "0x7g", "10.example", "beef",
		"dead.beef", "_web", "7-up", "2001-db8--1", "1-2-3" };
	struct auth_state *f = *state;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		if (claim(f, uuid_a, "node", addresses[i], NULL) != AUTH_E_INVALID)
			fail_msg("%s", addresses[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (claim(f, uuid_a, "proxy", others[i], NULL) != AUTH_E_INVALID)
			fail_msg("%s", others[i]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (claim(f, uuid_a, "node", names[i], NULL) != 0)
			fail_msg("%s: %s", names[i], f->e.text);
	/* An address may be one, but not only look like one. */
	assert_int_equal(claim(f, uuid_a, "node", "web", "192.0.2.1"), 0);
	assert_int_equal(claim(f, uuid_a, "node", "web", "2001:db8::1"), 0);
	assert_int_equal(claim(f, uuid_a, "node", "web", "0x7f.1"), AUTH_E_INVALID);
	assert_int_equal(claim(f, uuid_a, "node", "web", "web.internal."), AUTH_E_INVALID);
}

static void
what_compares_as_equal_is_one_spelling(void **state)
{
	static const struct {
		const char *given, *kept;
	} rows[] = { { "Web-1.Example", "web-1.example" }, { "::FFFF:192.0.2.9", "192.0.2.9" },
		{ "2001:DB8:0:0::1", "2001:db8::1" }, { "192.0.2.9", "192.0.2.9" }, { "", "" } };
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		str_copy(text, sizeof(text), rows[i].given);
		hostname_normalise(text);
		assert_string_equal(text, rows[i].kept);
	}
}

static void
an_address_is_borne_by_one_node(void **state)
{
	struct auth_state *f = *state;

	add(f, uuid_a, "node", "web-1", "192.0.2.9");
	assert_int_equal(claim(f, uuid_b, "node", "web-2", "192.0.2.9"), AUTH_E_EXISTS);
	assert_int_equal(claim(f, uuid_b, "node", "web-2", "::ffff:192.0.2.9"), AUTH_E_EXISTS);
	assert_int_equal(claim(f, uuid_b, "proxy", "edge", "192.0.2.9"), AUTH_E_EXISTS);
	assert_int_equal(claim(f, uuid_a, "node", "web-1", "192.0.2.9"), 0);
}

/* Two proxies stand behind one public name, and may run where auditd and a node run. No node has their public name, and
 * neither has as an address what a node is called. */
static void
proxies_share_their_public_name(void **state)
{
	struct auth_state *f = *state;

	add(f, uuid_a, "proxy", "edge-1", "public.example.com");
	assert_int_equal(claim(f, uuid_b, "proxy", "edge-2", "public.example.com"), 0);
	assert_int_equal(claim(f, uuid_b, "proxy", "edge-1", NULL), 0);
	assert_int_equal(claim(f, uuid_b, "audit", "edge-1", NULL), 0);
	assert_int_equal(claim(f, uuid_b, "node", "edge-1", NULL), 0);
	assert_int_equal(claim(f, uuid_b, "node", "Public.example.com", NULL), AUTH_E_INVALID);
	assert_int_equal(claim(f, uuid_b, "audit", "log", "public.example.com"), AUTH_E_EXISTS);
}

static void
a_proxy_cannot_be_certified_for_a_node(void **state)
{
	struct auth_state *f = *state;

	add(f, uuid_a, "node", "web-1", "web-1.internal");
	assert_int_equal(claim(f, uuid_b, "proxy", "web-1", NULL), 0);
	assert_int_equal(claim(f, uuid_b, "proxy", "edge", "WEB-1"), AUTH_E_EXISTS);
	assert_int_equal(claim(f, uuid_b, "audit", "log", "web-1.internal"), AUTH_E_EXISTS);
}

static void
a_name_is_free_when_the_certificate_has_ended(void **state)
{
	struct auth_state *f = *state;
	struct host *n = NULL;

	add(f, uuid_a, "node", "web-1", "db.internal");
	assert_int_equal(claim(f, uuid_b, "node", "web-1", NULL), AUTH_E_EXISTS);
	assert_int_equal(claim(f, uuid_b, "node", "db.internal", NULL), AUTH_E_EXISTS);
	auth_state_ms += 1000;
	assert_int_equal(claim(f, uuid_b, "node", "web-1", "db.internal"), 0);
	add(f, uuid_b, "node", "web-1", NULL);
	host_find(&f->a, uuid_b)->online = true;
	/* Until the next sweep both are there. */
	assert_int_equal(host_by_name(&f->a, "Web-1", &n, &f->e), 0);
	assert_string_equal(n->uuid, uuid_b);
}

static void
a_pattern_is_made_of_a_name_and_stars(void **state)
{
	struct auth_state *f = *state;
	char big[300];

	assert_int_equal(hostname_pattern_check("web-*", &f->e), 0);
	assert_int_equal(hostname_pattern_check("*", &f->e), 0);
	assert_int_equal(hostname_pattern_check("Web-1", &f->e), 0);
	assert_int_equal(hostname_pattern_check("", &f->e), AUTH_E_INVALID);
	assert_int_equal(hostname_pattern_check("web 1", &f->e), AUTH_E_INVALID);
	assert_int_equal(hostname_pattern_check("web-?", &f->e), AUTH_E_INVALID);
	memset(big, 'w', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(hostname_pattern_check(big, &f->e), AUTH_E_INVALID);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, auth_state_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_looks_like_an_address_is_no_name),
		T(what_compares_as_equal_is_one_spelling),
		T(an_address_is_borne_by_one_node),
		T(proxies_share_their_public_name),
		T(a_proxy_cannot_be_certified_for_a_node),
		T(a_name_is_free_when_the_certificate_has_ended),
		T(a_pattern_is_made_of_a_name_and_stars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
