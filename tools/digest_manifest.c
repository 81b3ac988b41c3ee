/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A manifest is text:
 *
 *	vhd-digest 1 sha256 SIZE BLOCK
 *	OFFSET HASH			for each block that is not zeros, ascending
 *	digest HASH			of all lines above
 *
 * so that what was cut off or edited shows, and any program can read it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

enum { LINE = 256 };

static void put_line(struct manifest_writer *w, const char *fmt, ...)
	VHD_PRINTF(2, 3);

static void put_line(struct manifest_writer *w, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sha256_update(&w->ctx, (size_t)n, (const uint8_t *)line);
	if (w->file != NULL)
		fputs(line, w->file);
}

void manifest_begin(struct manifest_writer *w, FILE *file, uint64_t size,
		    uint64_t block)
{
	w->file = file;
	w->blocks = 0;
	sha256_init(&w->ctx);
	put_line(w, "vhd-digest 1 sha256 %" PRIu64 " %" PRIu64 "\n", size,
		 block);
}

void manifest_add(struct manifest_writer *w, uint64_t off,
		  const char hex[DIGEST_HEX])
{
	put_line(w, "%" PRIu64 " %s\n", off, hex);
	w->blocks++;
}

void manifest_end(struct manifest_writer *w, char hex[DIGEST_HEX])
{
	digest_hex(&w->ctx, hex);
	if (w->file != NULL)
		fprintf(w->file, "digest %s\n", hex);
}

static int bad(const struct manifest *m, struct vhd_error *err, int code,
	       const char *what)
{
	*err = (struct vhd_error){ .code = code, .off = VHD_NO_OFFSET };
	snprintf(err->msg, sizeof(err->msg), "line %" PRIu64 " %s", m->line,
		 what);
	return code;
}

/* The next line with its end; false at the end of the file. */
static int get_line(struct manifest *m, char line[LINE], struct vhd_error *err)
{
	m->line++;
	if (fgets(line, LINE, m->file) == NULL)
		return bad(m, err, VHD_E_CORRUPT,
			   "is missing: the manifest was cut off");
	if (strchr(line, '\n') == NULL)
		return bad(m, err, VHD_E_FORMAT, "is no line of a manifest");
	return 0;
}

/* A decimal number with nothing else before @stop. */
static bool number(const char **text, char stop, uint64_t *out)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*out = strtoull(*text, &end, 10);
	if (errno != 0 || *end != stop)
		return false;
	*text = end + 1;
	return true;
}

static bool hash(const char *text, char hex[DIGEST_HEX])
{
	if (strspn(text, "0123456789abcdef") != DIGEST_HEX - 1 ||
	    text[DIGEST_HEX - 1] != '\n')
		return false;
	memcpy(hex, text, DIGEST_HEX - 1);
	hex[DIGEST_HEX - 1] = '\0';
	return true;
}

static int get_header(struct manifest *m, struct vhd_error *err)
{
	static const char first[] = "vhd-digest 1 sha256 ";
	const char *at;
	char line[LINE];
	int rc = get_line(m, line, err);

	at = line + sizeof(first) - 1;
	if (rc != 0 || strncmp(line, first, sizeof(first) - 1) != 0 ||
	    !number(&at, ' ', &m->size) || !number(&at, '\n', &m->block) ||
	    m->block < 4096 || m->block > UINT64_C(64) << 20 ||
	    (m->block & (m->block - 1)) != 0)
		return bad(m, err, VHD_E_FORMAT,
			   "is not the first one of a manifest");
	return 0;
}

int manifest_next(struct manifest *m, struct vhd_error *err)
{
	uint64_t before = m->more ? m->off : UINT64_MAX;
	const char *at;
	char line[LINE];
	int rc = get_line(m, line, err);

	if (rc != 0)
		return rc;
	m->more = strncmp(line, "digest ", 7) != 0;
	at = line + 7;
	if (!m->more)
		return hash(at, m->hex) ? 0 : bad(m, err, VHD_E_FORMAT,
						  "has no digest");
	at = line;
	if (!number(&at, ' ', &m->off) || !hash(at, m->hex) ||
	    m->off % m->block != 0 || m->off >= m->size)
		return bad(m, err, VHD_E_FORMAT, "names no block");
	if (before != UINT64_MAX && m->off <= before)
		return bad(m, err, VHD_E_FORMAT, "is not in order");
	return 0;
}

/* All lines, and whether the last one is true. */
static int verify(struct manifest *m, struct vhd_error *err)
{
	struct manifest_writer w;
	char hex[DIGEST_HEX];
	int rc = get_header(m, err);

	if (rc != 0)
		return rc;
	manifest_begin(&w, NULL, m->size, m->block);
	while ((rc = manifest_next(m, err)) == 0 && m->more)
		manifest_add(&w, m->off, m->hex);
	if (rc != 0)
		return rc;
	manifest_end(&w, hex);
	if (strcmp(hex, m->hex) != 0)
		return bad(m, err, VHD_E_CORRUPT,
			   "has another digest than the lines above have: the "
			   "manifest was changed");
	if (fgetc(m->file) != EOF)
		return bad(m, err, VHD_E_FORMAT, "is not the last one");
	return 0;
}

static int fail_open(struct vhd_error *err, const char *what)
{
	*err = (struct vhd_error){ .code = VHD_E_IO, .os_errno = errno,
				   .off = VHD_NO_OFFSET };
	snprintf(err->msg, sizeof(err->msg), "%s: %s", what, strerror(errno));
	return VHD_E_IO;
}

bool manifest_is(const char *path)
{
	struct manifest m = { .file = fopen(path, "re") };
	struct vhd_error err;
	bool is = m.file != NULL && get_header(&m, &err) == 0;

	manifest_close(&m);
	return is;
}

int manifest_open(struct manifest *m, const char *path, struct vhd_error *err)
{
	int rc;

	memset(m, 0, sizeof(*m));
	m->file = fopen(path, "re");
	if (m->file == NULL)
		return fail_open(err, "cannot open it");
	/* It is read twice: first whether it is true. */
	if (fseek(m->file, 0, SEEK_SET) != 0)
		return fail_open(err, "cannot read it twice");
	rc = verify(m, err);
	if (rc != 0)
		return rc;
	rewind(m->file);
	m->line = 0;
	m->more = false;
	rc = get_header(m, err);
	return rc != 0 ? rc : manifest_next(m, err);
}

void manifest_close(struct manifest *m)
{
	if (m->file != NULL)
		fclose(m->file);
	m->file = NULL;
}
