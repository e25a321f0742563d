/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gcm: see gcm.h. Nothing is allocated per packet.
 */
#include "crypto/gcm.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

#ifdef HAVE_IPSEC_MB
#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <pthread.h>
#endif

enum { AAD = 4 };

/* One of both is set. */
struct gcm {
	EVP_CIPHER_CTX *openssl; /* keyed; only the nonce changes */
	struct gcm_key_data *vaes;
};

/* --- Intel's ----------------------------------------------------------------------- */

#ifdef HAVE_IPSEC_MB

enum {
	KEY_ALIGN = 64,
	KEY_SIZE = (sizeof(struct gcm_key_data) + KEY_ALIGN - 1) / KEY_ALIGN * KEY_ALIGN
};

/* Asked for by name rather than linked: 12 MB that a machine may do without. What the manager points to has the layout of
 * the header, so the library must be of the header's kind. */
#if IMB_VERSION_NUM < IMB_VERSION(2, 0, 0)
#define LIBRARY "libIPSec_MB.so.1"
#else
#define LIBRARY "libIPSec_MB.so.2"
#endif

static struct {
	__typeof__(alloc_mb_mgr) *alloc;
	__typeof__(free_mb_mgr) *free;
	__typeof__(init_mb_mgr_avx512) *init;
	__typeof__(imb_get_errno) *error;
} mb;

/* Pointers to functions, written once; NULL where the library is not, or the processor has not got it. */
static IMB_MGR *vaes;
static pthread_once_t vaes_once = PTHREAD_ONCE_INIT;

static bool
vaes_open_library(void)
{
	void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return false;
	/* POSIX's way to make a function's address of an object's. */
	*(void **)&mb.alloc = dlsym(lib, "alloc_mb_mgr");
	*(void **)&mb.free = dlsym(lib, "free_mb_mgr");
	*(void **)&mb.init = dlsym(lib, "init_mb_mgr_avx512");
	*(void **)&mb.error = dlsym(lib, "imb_get_errno");
	if (mb.alloc && mb.free && mb.init && mb.error)
		return true;
	dlclose(lib);
	return false;
}

static void
vaes_start(void)
{
	const uint64_t need = IMB_FEATURE_AVX512_SKX | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
	IMB_MGR *m = vaes_open_library() ? mb.alloc(0) : NULL;

	if (m && (m->features & need) == need) {
		mb.init(m); /* tests itself with known answers */
		if (mb.error(m) == 0) {
			vaes = m;
			return;
		}
	}
	if (m)
		mb.free(m);
}

static void
vaes_load(void)
{
	pthread_once(&vaes_once, vaes_start);
}

static bool
vaes_init(struct gcm *g, const uint8_t key[GCM_KEY])
{
	vaes_load();
	g->vaes = vaes ? aligned_alloc(KEY_ALIGN, KEY_SIZE) : NULL;
	if (!g->vaes)
		return false;
	IMB_AES256_GCM_PRE(vaes, key, g->vaes);
	return true;
}

static void
vaes_done(struct gcm *g)
{
	if (g->vaes)
		secret_zero(g->vaes, KEY_SIZE);
	free(g->vaes);
}

static void
vaes_part(struct gcm *g, struct gcm_context_data *ctx, uint8_t *to, const uint8_t *from, size_t n)
{
	if (n > 0)
		IMB_AES256_GCM_ENC_UPDATE(vaes, g->vaes, ctx, to, from, n);
}

static void
vaes_seal(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n, size_t at,
    struct span body)
{
	struct gcm_context_data ctx;
	size_t end = at + body.n;

	IMB_AES256_GCM_INIT(vaes, g->vaes, &ctx, iv, p, AAD);
	vaes_part(g, &ctx, p + AAD, p + AAD, at - AAD);
	/* Three parts of one message: what is around the body stands in place already. */
	vaes_part(g, &ctx, p + at, body.p, body.n);
	vaes_part(g, &ctx, p + end, p + end, n - end);
	IMB_AES256_GCM_ENC_FINALIZE(vaes, g->vaes, &ctx, p + n, GCM_TAG);
}

static int
vaes_open(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n)
{
	struct gcm_context_data ctx;
	uint8_t tag[GCM_TAG];

	/* Decrypts before it knows whether the tag is right. Nobody looks at the bytes when it is
	 * not: see gcm_open's contract. */
	IMB_AES256_GCM_DEC(vaes, g->vaes, &ctx, p + AAD, p + AAD, n - AAD, iv, p, AAD, tag,
	    GCM_TAG);
	return secret_equal((struct span){ tag, GCM_TAG }, (struct span){ p + n, GCM_TAG }) ? 0
											    : -1;
}

#else

static void
vaes_load(void)
{
}

static bool
vaes_init(struct gcm *g, const uint8_t key[GCM_KEY])
{
	(void)g, (void)key;
	return false;
}

static void
vaes_done(struct gcm *g)
{
	(void)g;
}

static void
vaes_seal(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n, size_t at,
    struct span body)
{
	(void)g, (void)iv, (void)p, (void)n, (void)at, (void)body;
}

static int
vaes_open(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n)
{
	(void)g, (void)iv, (void)p, (void)n;
	return -1;
}

#endif

/* --- OpenSSL's --------------------------------------------------------------------- */

static bool
openssl_init(struct gcm *g, const uint8_t key[GCM_KEY])
{
	g->openssl = EVP_CIPHER_CTX_new();
	return g->openssl &&
	    EVP_CipherInit_ex(g->openssl, EVP_aes_256_gcm(), NULL, key, NULL, 1) == 1;
}

/* The key stays in the context; only the nonce and the direction are new. */
static bool
openssl_begin(struct gcm *g, const uint8_t iv[GCM_IV], const uint8_t *p, int encrypt)
{
	int done;

	return EVP_CipherInit_ex(g->openssl, NULL, NULL, NULL, iv, encrypt) == 1 &&
	    EVP_CipherUpdate(g->openssl, NULL, &done, p, AAD) == 1;
}

/* n is at most a packet. */
static bool
openssl_part(struct gcm *g, uint8_t *to, const uint8_t *from, size_t n)
{
	int done;

	return n == 0 || EVP_CipherUpdate(g->openssl, to, &done, from, (int)n) == 1;
}

static void
openssl_seal(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n, size_t at,
    struct span body)
{
	size_t end = at + body.n;
	int done;

	if (!openssl_begin(g, iv, p, 1) || !openssl_part(g, p + AAD, p + AAD, at - AAD) ||
	    !openssl_part(g, p + at, body.p, body.n) ||
	    !openssl_part(g, p + end, p + end, n - end) ||
	    EVP_CipherFinal_ex(g->openssl, p + n, &done) != 1 ||
	    EVP_CIPHER_CTX_ctrl(g->openssl, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, p + n) != 1)
		/* cannot be; if it is, the connection breaks and shows nothing */
		memset(p + AAD, 0, n - AAD + GCM_TAG);
}

static int
openssl_open(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n)
{
	int done;

	if (!openssl_begin(g, iv, p, 0) || !openssl_part(g, p + AAD, p + AAD, n - AAD) ||
	    EVP_CIPHER_CTX_ctrl(g->openssl, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, p + n) != 1 ||
	    EVP_CipherFinal_ex(g->openssl, p + n, &done) != 1)
		return -1;
	return 0;
}

/* ----------------------------------------------------------------------------------- */

void
gcm_load(void)
{
	vaes_load();
}

/* Elsewhere libcrypto computes AES with tables, whose time tells the key. */
bool
gcm_available(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#else
	return false;
#endif
}

int
gcm_new(struct gcm **ret, const uint8_t key[GCM_KEY], enum gcm_by by)
{
	struct gcm *g = calloc(1, sizeof(*g));
	bool ok;

	*ret = NULL;
	if (!g)
		return -1;
	ok = by != GCM_BY_OPENSSL && vaes_init(g, key);
	if (!ok && by != GCM_BY_VAES)
		ok = openssl_init(g, key);
	if (!ok) {
		gcm_free(g);
		return -1;
	}
	*ret = g;
	return 0;
}

void
gcm_free(struct gcm *g)
{
	if (!g)
		return;
	EVP_CIPHER_CTX_free(g->openssl); /* zeroes what it frees; NULL is fine */
	vaes_done(g);
	free(g);
}

void
gcm_seal(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n, size_t at, struct span body)
{
	if (g->openssl)
		openssl_seal(g, iv, p, n, at, body);
	else
		vaes_seal(g, iv, p, n, at, body);
}

int
gcm_open(struct gcm *g, const uint8_t iv[GCM_IV], uint8_t *p, size_t n)
{
	return g->openssl ? openssl_open(g, iv, p, n) : vaes_open(g, iv, p, n);
}
