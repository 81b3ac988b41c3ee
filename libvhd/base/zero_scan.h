/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the versions of the scan for zeros have in common, compiled for each of
 * them with the instructions that it may use.  Before this file is included:
 *
 *	ZERO_TARGET	attribute of functions for a processor, or nothing
 *	long_is_zero()	@len is a multiple of ZERO_STRIDE, and not 0
 *
 * It has no guard: each version is a file, and includes it once.
 *
 * Data differs from zero within its first bytes nearly always, so a short look
 * at the start comes before the loop.  The loop gathers a stride with OR and
 * decides once for all of it: fewer branches than loads.
 */

/* Any length; used for what is shorter than a stride. */
ZERO_TARGET static inline bool short_is_zero(const uint8_t *p, size_t len)
{
	uint64_t any = 0;

	for (; len >= 8; p += 8, len -= 8)
		any |= zero_load(p);
	for (; len; len--)
		any |= *p++;
	return !any;
}

/* The start, the end that is no whole stride, and then all of the rest. */
ZERO_TARGET static inline bool scan(const uint8_t *p, size_t len)
{
	size_t body = len & ~(size_t)(ZERO_STRIDE - 1);

	if (!body)
		return short_is_zero(p, len);
	if (zero_load(p) | zero_load(p + 8))
		return false;
	return short_is_zero(p + body, len - body) && long_is_zero(p, body);
}

ZERO_TARGET static bool scan_all(const void *buf, size_t len)
{
	return scan(buf, len);
}

ZERO_TARGET static size_t scan_run(const void *buf, size_t len, size_t grain,
				   bool *zero_out)
{
	const uint8_t *p = buf;
	size_t pos = len < grain ? len : grain;
	bool zero = scan(p, pos);

	while (pos < len) {
		size_t n = len - pos < grain ? len - pos : grain;

		if (scan(p + pos, n) != zero)
			break;
		pos += n;
	}
	*zero_out = zero;
	return pos;
}
