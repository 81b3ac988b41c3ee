/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static uint64_t allocated, allowed = FUZZ_ALLOC_SUM;

_Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	fflush(NULL);
	abort();
}

/* Replaces the library's own answer. */
bool vhd_alloc_allowed(size_t len)
{
	FUZZ_CHECK(len <= FUZZ_ALLOC_MAX);
	allocated += len;
	FUZZ_CHECK(allocated <= allowed);
	return true;
}

void fuzz_memory_reset(void)
{
	allocated = 0;
	allowed = FUZZ_ALLOC_SUM;
}

void fuzz_memory_unsummed(void)
{
	allowed = UINT64_MAX;
}

uint64_t fuzz_memory_sum(void)
{
	return allocated;
}

bool fuzz_sentence(const char *msg)
{
	return msg && *msg && !strchr(msg, '\n');
}

#define UNTOUCHED 0x5a5a

void fuzz_error_arm(struct vhd_error *err)
{
	memset(err, 0x5a, sizeof(*err));
	err->code = UNTOUCHED;
}

/* A bounded strlen() tells whether there is an end at all. */
static bool ended(const char *text, size_t room)
{
	return memchr(text, 0, room) != NULL;
}

void fuzz_error_ok(int rc, const struct vhd_error *err)
{
	if (!rc) {
		FUZZ_CHECK(err->code == UNTOUCHED);
		return;
	}
	FUZZ_CHECK(rc < 0 && rc >= VHD_E_REFUSED);
	FUZZ_CHECK(rc != VHD_E_NOMEM && rc != VHD_E_INVAL);
	FUZZ_CHECK(err->code == rc);
	FUZZ_CHECK(ended(err->msg, sizeof(err->msg)));
	FUZZ_CHECK(ended(err->file, sizeof(err->file)));
	FUZZ_CHECK(fuzz_sentence(err->msg));
	if (err->rule)
		FUZZ_CHECK(*err->rule->id && *err->rule->name);
	if (rc == VHD_E_IO)
		FUZZ_CHECK(err->os_errno > 0);
}

void fuzz_no_error(int rc, const struct vhd_error *err)
{
	if (rc)
		fprintf(stderr, "%s (%s): %s\n", vhd_status_name(rc),
			err->rule ? err->rule->name : "no rule", err->msg);
	FUZZ_CHECK(!rc);
}
