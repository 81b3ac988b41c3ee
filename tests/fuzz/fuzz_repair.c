/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: a byte that says what is allowed (fuzz_mend.h: its lower two bits; the
 * third looks into the data afterwards; the others draw which), then a sparse
 * file (fuzz_input.h), which is repaired as an image.
 */
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_mend.h"
#include "fuzz/fuzz_reseal.h"

enum { CALLS = 1000000, BYTES = 512 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file *f = fuzz_file_shared();
	uint8_t how = len ? data[0] : 0;
	uint32_t flags = fuzz_input_load(data + (len ? 1 : 0),
					 len - (len ? 1 : 0), f);
	struct fuzz_mend m = {
		.consent = (enum fuzz_mend_consent)(how % 4 % FUZZ_MEND_WAYS),
		.deep = how & 4,
		.salt = how / 8 + len * 32,
	};

	if (flags & FUZZ_INPUT_RESEAL)
		fuzz_reseal(f);
	f->call_limit = CALLS;
	f->byte_limit = BYTES;
	fuzz_mend(f, &m);
	FUZZ_CHECK(!fuzz_file_exhausted(f));
	return 0;
}
