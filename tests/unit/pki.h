/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small public key infrastructure for tests: two authorities and the certificates one asks for.
 */
#ifndef TESTS_PKI_H
#define TESTS_PKI_H

#include <stdint.h>

enum { PKI_PEM_MAX = 4096 };

struct pki_ca;
struct pki_cert {
	char pem[PKI_PEM_MAX];
	char key[PKI_PEM_MAX];
};

struct pki_ca *pki_ca_new(const char *name); /* aborts when anything fails, like all here */
void pki_ca_free(struct pki_ca *ca);
const char *pki_ca_pem(const struct pki_ca *ca);
/* uri and dns may be NULL; valid from now + from_s to now + to_s. */
void pki_issue(struct pki_ca *ca, const char *uri, const char *dns, int64_t from_s, int64_t to_s,
    struct pki_cert *ret);

#endif
