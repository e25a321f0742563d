/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256_ni: see sha256_ni.h. FIPS 180-4 section 6.2.2 in groups of four rounds; the CPU wants the eight words as ABEF
 * and CDGH. Pure.
 */
#include "crypto/sha256_ni.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define SHA_INLINE static inline __attribute__((always_inline, target("sha,sse4.1,ssse3")))

static const uint32_t k256[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

bool
sha256_ni_available(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3) &&
	    __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

struct work {
	__m128i abef, cdgh;
};

/* Four rounds with message words w. */
SHA_INLINE void
rounds(struct work *s, __m128i w, int group)
{
	__m128i wk = _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(const void *)(k256 + 4 * group)));

	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* The message words four groups after w0, from the four groups w0..w3. */
SHA_INLINE __m128i
schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
	__m128i t = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));

	return _mm_sha256msg2_epu32(t, w3);
}

SHA_INLINE __m128i
load_be(const uint8_t *p)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), swap);
}

SHA_INLINE void
block(struct work *s, const uint8_t *p)
{
	__m128i w0 = load_be(p), w1 = load_be(p + 16), w2 = load_be(p + 32), w3 = load_be(p + 48);

	rounds(s, w0, 0);
	rounds(s, w1, 1);
	rounds(s, w2, 2);
	rounds(s, w3, 3);
	for (int group = 4; group < 16; group += 4) {
		w0 = schedule(w0, w1, w2, w3);
		rounds(s, w0, group);
		w1 = schedule(w1, w2, w3, w0);
		rounds(s, w1, group + 1);
		w2 = schedule(w2, w3, w0, w1);
		rounds(s, w2, group + 2);
		w3 = schedule(w3, w0, w1, w2);
		rounds(s, w3, group + 3);
	}
}

SHA_TARGET void
sha256_ni_blocks(uint32_t state[8], const uint8_t *p, size_t blocks)
{
	__m128i lo = _mm_loadu_si128((const __m128i *)(const void *)state);           /* D C B A */
	__m128i hi = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));     /* H G F E */
	__m128i badc = _mm_shuffle_epi32(lo, 0xb1), efgh = _mm_shuffle_epi32(hi, 0x1b);
	struct work s = { _mm_alignr_epi8(badc, efgh, 8), _mm_blend_epi16(efgh, badc, 0xf0) };

	for (; blocks > 0; blocks--, p += 64) {
		struct work before = s;

		block(&s, p);
		s.abef = _mm_add_epi32(s.abef, before.abef);
		s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
	}
	__m128i feba = _mm_shuffle_epi32(s.abef, 0x1b), dchg = _mm_shuffle_epi32(s.cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#else

bool
sha256_ni_available(void)
{
	return false;
}

void
sha256_ni_blocks(uint32_t state[8], const uint8_t *p, size_t blocks)
{
	(void)state, (void)p, (void)blocks;
}

#endif
