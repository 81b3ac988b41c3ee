/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: a sparse file (fuzz_input.h), which is checked as an image. */
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_reseal.h"
#include "fuzz/fuzz_verify.h"

enum { CALLS = 200000, BYTES = 128 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file *f = fuzz_file_shared();
	uint32_t flags = fuzz_input_load(data, len, f);
	struct fuzz_verify v;

	if (flags & FUZZ_INPUT_RESEAL)
		fuzz_reseal(f);
	f->call_limit = CALLS;
	f->byte_limit = BYTES;
	fuzz_verify(f, flags & FUZZ_INPUT_DEEP, &v);
	FUZZ_CHECK(!fuzz_file_exhausted(f));
	return 0;
}
