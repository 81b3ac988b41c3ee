/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/headers_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { DIFFERENCING = 4, SECTOR = 512 };

const struct vhd_xen_footer *headers_footer(const struct vhd_xen_headers *h)
{
	if (h->footer == VHD_XEN_FRONT)
		return &h->front;
	if (h->have & VHD_XEN_TAIL)
		return &h->tail;
	return h->have & VHD_XEN_FRONT ? &h->front : NULL;
}

void headers_escaped(FILE *out, const void *text, size_t len)
{
	const unsigned char *p = text;

	for (size_t i = 0; i < len && p[i]; i++) {
		if (p[i] >= 0x20 && p[i] < 0x7f)
			putc(p[i], out);
		else
			fprintf(out, "\\x%02x", p[i]);
	}
}

/* UTF-8 that the library has made: only what steers a terminal is no text. */
void headers_name(FILE *out, const char *name)
{
	const unsigned char *p = (const unsigned char *)name;

	for (; *p; p++) {
		if (p[0] == 0xc2 && p[1] < 0xa0)
			fprintf(out, "\\x%02x", *++p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\x%02x", *p);
		else
			putc(*p, out);
	}
}

void headers_hex(FILE *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", bytes[i]);
}

static void put_number(FILE *out, uint64_t value, bool hex)
{
	/* "#" leaves zero as it is. */
	fprintf(out, hex ? "%#" PRIx64 : "%" PRIu64, value);
}

static void put_line(FILE *out, const char *label, uint64_t value, bool hex)
{
	fprintf(out, "%-20s: ", label);
	put_number(out, value, hex);
	putc('\n', out);
}

static void put_mib(FILE *out, const char *label, const char *is,
		    uint64_t bytes, bool hex)
{
	fprintf(out, "%-20s: %s", label, is);
	put_number(out, bytes >> 20, hex);
	fputs(" MB (", out);
	put_number(out, bytes, hex);
	fputs(" Bytes)\n", out);
}

static void put_id(FILE *out, const char *label, const struct vhd_guid *id)
{
	fprintf(out, "%-20s: ", label);
	for (size_t i = 0; i < sizeof(id->b); i++)
		fprintf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x"
								  : "%02x",
			id->b[i]);
	putc('\n', out);
}

static void put_time(FILE *out, const char *label, int64_t when)
{
	time_t t = (time_t)when;
	char text[64] = "";
	struct tm tm;

	if (localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
	fprintf(out, "%-20s: %s\n", label, text);
}

static void put_sum(FILE *out, uint32_t stored, uint32_t sum)
{
	fprintf(out, "%-20s: 0x%" PRIx32 "|0x%" PRIx32 " (%s)\n", "Checksum",
		stored, sum, stored == sum ? "Good!" : "Bad!");
}

static const char *os_name(uint32_t os)
{
	switch (os) {
	case 0x5769326b:
		return "Windows";
	case 0x4d616320:
		return "Macintosh";
	default:
		return "Unknown!";
	}
}

static const char *type_name(uint32_t type)
{
	static const char *const name[] = {
		"None", "Reserved (deprecated)", "Fixed hard disk",
		"Dynamic hard disk", "Differencing hard disk",
		"Reserved (deprecated)", "Reserved (deprecated)",
	};

	return type < sizeof(name) / sizeof(name[0]) ? name[type]
						     : "Unknown type!";
}

static void put_features(FILE *out, uint32_t features)
{
	fprintf(out, "%-20s: (0x%08" PRIx32 ") %s%s\n", "Features", features,
		features & 1 ? "<TEMP>" : "", features & 2 ? "<RESV>" : "");
}

static void put_version(FILE *out, const char *label, uint32_t version)
{
	fprintf(out, "%-20s: Major: %u, Minor: %u\n", label,
		(unsigned int)(version >> 16),
		(unsigned int)(version & 0xffff));
}

static void put_geometry(FILE *out, const struct vhd_xen_footer *f, bool hex)
{
	uint64_t size = (uint64_t)f->cylinders * f->heads * f->sectors *
			SECTOR;

	fprintf(out, "%-20s: Cyl: ", "Geometry");
	put_number(out, f->cylinders, hex);
	fputs(", Hds: ", out);
	put_number(out, f->heads, hex);
	fputs(", Sctrs: ", out);
	put_number(out, f->sectors, hex);
	putc('\n', out);
	put_mib(out, "", "= ", size, hex);
}

static void put_footer(FILE *out, const struct vhd_xen_footer *f, bool hex)
{
	fputs("VHD Footer Summary:\n-------------------\n", out);
	fprintf(out, "%-20s: ", "Cookie");
	headers_escaped(out, f->cookie, sizeof(f->cookie));
	putc('\n', out);
	put_features(out, f->features);
	put_version(out, "File format version", f->version);
	put_line(out, "Data offset", f->data_off, hex);
	put_time(out, "Timestamp", f->timestamp);
	fprintf(out, "%-20s: '", "Creator Application");
	headers_escaped(out, f->creator_app, sizeof(f->creator_app));
	fputs("'\n", out);
	put_version(out, "Creator version", f->creator_version);
	fprintf(out, "%-20s: %s\n", "Creator OS", os_name(f->creator_os));
	put_mib(out, "Original disk size", "", f->original_size, hex);
	put_mib(out, "Current disk size", "", f->current_size, hex);
	put_geometry(out, f, hex);
	fprintf(out, "%-20s: %s\n", "Disk type", type_name(f->type));
	put_sum(out, f->checksum, f->sum);
	put_id(out, "UUID", &f->id);
	fprintf(out, "%-20s: %s\n", "Saved state",
		f->saved_state ? "Yes" : "No");
	/* Printed as a signed byte by all versions, as by query. */
	fprintf(out, "%-20s: %d\n\n", "Hidden", (int)(int8_t)f->hidden);
}

static void put_header(FILE *out, const struct vhd_xen_header *h, bool hex)
{
	fputs("VHD Header Summary:\n-------------------\n", out);
	fprintf(out, "%-20s: ", "Cookie");
	headers_escaped(out, h->cookie, sizeof(h->cookie));
	putc('\n', out);
	put_line(out, "Data offset (unusd)", h->data_off, hex);
	put_line(out, "Table offset", h->table_off, hex);
	fprintf(out, "%-20s: 0x%08" PRIx32 "\n", "Header version", h->version);
	put_line(out, "Max BAT size", h->max_entries, hex);
	fprintf(out, "%-20s: ", "Block size");
	put_number(out, h->block_size, hex);
	fputs(" (", out);
	put_number(out, h->block_size >> 20, hex);
	fprintf(out, " MB)\n%-20s: ", "Parent name");
	if (h->name_readable)
		headers_name(out, h->parent_name);
	else
		fputs("failed to read name", out);
	putc('\n', out);
	put_id(out, "Parent UUID", &h->parent_id);
	put_time(out, "Parent timestamp", h->parent_timestamp);
	put_sum(out, h->checksum, h->sum);
	putc('\n', out);
}

static const char *code_name(uint32_t code)
{
	switch (code) {
	case 0x57693272:
		return "PLAT_CODE_WI2R";
	case 0x5769326b:
		return "PLAT_CODE_WI2K";
	case 0x57327275:
		return "PLAT_CODE_W2RU";
	case 0x57326b75:
		return "PLAT_CODE_W2KU";
	case 0x4d616320:
		return "PLAT_CODE_MAC";
	case 0x4d616358:
		return "PLAT_CODE_MACX";
	default:
		return "UNKNOWN";
	}
}

/* Clients take what is behind the first label for the name of the parent. */
static void put_decoded(FILE *out, const struct vhd_xen_locator *loc)
{
	if (loc->readable) {
		fprintf(out, "%-20s: ", "       decoded name");
		headers_name(out, loc->text);
	} else {
		fputs("failed to read parent name", out);
	}
	fputs("\n\n", out);
}

static void put_locators(FILE *out, const struct vhd_xen_header *h, bool hex)
{
	fputs("VHD Parent Locators:\n--------------------\n", out);
	for (size_t i = 0; i < 8; i++) {
		const struct vhd_xen_locator *loc = &h->locator[i];

		if (!loc->code)
			continue;
		fprintf(out, "%-20s: %zu\n", "locator:", i);
		fprintf(out, "%-20s: %s\n", "       code",
			code_name(loc->code));
		put_line(out, "       data_space", loc->space, hex);
		put_line(out, "       data_length", loc->len, hex);
		put_line(out, "       data_offset", loc->off, hex);
		put_decoded(out, loc);
	}
}

static void put_batmap(FILE *out, const struct vhd_xen_headers *h, bool hex)
{
	const struct vhd_xen_batmap *b = &h->batmap;

	fputs("VHD Batmap Summary:\n-------------------\n", out);
	put_line(out, "Batmap offset", b->map_off, hex);
	put_line(out, "Batmap size (secs)", b->map_sectors, hex);
	fprintf(out, "%-20s: 0x%08" PRIx32 "\n", "Batmap version", b->version);
	if (b->key_cookie == 1) {
		fprintf(out, "%-20s: ", "Batmap keyhash nonce");
		headers_hex(out, b->key_nonce, sizeof(b->key_nonce));
		fprintf(out, "\n%-20s: ", "Batmap keyhash hash");
		headers_hex(out, b->key_hash, sizeof(b->key_hash));
		putc('\n', out);
	}
	if (h->have & VHD_XEN_MAP_SUM)
		put_sum(out, b->checksum, b->sum);
	else
		fprintf(out, "%-20s: failed to read batmap\n", "Checksum");
	putc('\n', out);
}

void headers_text(FILE *out, const struct vhd_xen_headers *h, bool hex)
{
	const struct vhd_xen_footer *f = headers_footer(h);

	if (f)
		put_footer(out, f, hex);
	if (h->have & VHD_XEN_HEADER)
		put_header(out, &h->header, hex);
	if (f && f->type == DIFFERENCING && (h->have & VHD_XEN_HEADER))
		put_locators(out, &h->header, hex);
	if (h->have & VHD_XEN_BATMAP)
		put_batmap(out, h, hex);
}
