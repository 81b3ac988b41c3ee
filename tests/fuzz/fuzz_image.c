/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: a sparse file (fuzz_input.h), which is opened and read as an image. */
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_reseal.h"
#include "fuzz/fuzz_walk.h"

/* Calls that an input may cost, and guest bytes that are read. */
enum { CALLS = 200000, BYTES = 128 << 20, READ_BYTES = 8 << 20, TINY_CACHE = 64 << 10 };

static enum vhd_size_rule size_rule(uint32_t flags)
{
	if (flags & FUZZ_INPUT_CHS)
		return VHD_SIZE_CHS;
	return flags & FUZZ_INPUT_AUTO ? VHD_SIZE_AUTO : VHD_SIZE_CURRENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_file *f = fuzz_file_shared();
	uint32_t flags = fuzz_input_load(data, len, f);
	struct fuzz_walk w = {
		.flags = VHD_OPEN_NO_PARENT,
		.size_rule = size_rule(flags),
		.cache_bytes = flags & FUZZ_INPUT_TINY_CACHE ? TINY_CACHE : 0,
		.resolve_calls = 256,
		.read_bytes = READ_BYTES,
		.salt = len,
	};

	if (flags & FUZZ_INPUT_RESEAL)
		fuzz_reseal(f);
	f->call_limit = CALLS;
	f->byte_limit = BYTES;
	fuzz_walk(f, &w);
	FUZZ_CHECK(!fuzz_file_exhausted(f));
	return 0;
}
