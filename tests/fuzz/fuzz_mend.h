/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_MEND_H
#define TESTS_FUZZ_FUZZ_MEND_H

/*
 * Repairs a file in memory, round by round, as ops/repair.c would; and what
 * must hold whatever the file says:
 *
 *	M1  it ends after a bounded number of rounds, and takes a bounded number
 *	    of calls and a bounded memory
 *	M2  nothing is done that is not allowed: without consent only what needs
 *	    none, and without a step no byte changes
 *	M3  a step cures what it was made for: it is not made again
 *	M4  guest bytes that could be read before read the same after it, unless
 *	    a rule was granted whose repair says that it changes them
 *	    (fuzz_mend_changes())
 *	M5  what opened opens, and what check calls sound afterwards can be
 *	    mapped and read; what was sound stays so
 *	M6  the rounds themselves cannot fail
 */

#include "fuzz/fuzz_file.h"
#include "io/io.h"
#include "vhd/error.h"

/* What is allowed. */
enum fuzz_mend_consent {
	FUZZ_MEND_AUTO,		/* nothing but what needs no consent */
	FUZZ_MEND_ALL,		/* everything, in the usual way */
	FUZZ_MEND_SOME,		/* rules and choices drawn by the salt */
	FUZZ_MEND_WAYS		/* how many ways there are */
};

struct fuzz_mend {
	enum fuzz_mend_consent consent;
	uint64_t salt;
	bool deep;		/* look into the data afterwards */
	bool sound_before;	/* check had nothing to say */
	bool tell;		/* print each step */
	/* Called with a view of the repaired file that check calls sound. */
	void (*judge)(void *arg, struct vhd_io *view);
	void *judge_arg;
	/* Results. */
	int open_rc;		/* before */
	unsigned rounds;
	uint64_t steps, possible;
	uint64_t found[VHD_SEV_FATAL + 1];	/* afterwards */
	bool sound;
	bool bared;		/* check now says that the table is lost */
	bool changed;		/* guest bytes, because that was allowed */
	uint64_t samples;	/* compared */
};

void fuzz_mend(struct fuzz_file *f, struct fuzz_mend *m);

/* Does a repair of this rule, chosen so, change what the guest reads? */
bool fuzz_mend_changes(const struct vhd_rule *rule, const char *word);

#endif
