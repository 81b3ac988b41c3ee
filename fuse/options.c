/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line, through libfuse's option parser: what stands behind -o and
 * what stands alone are the same words.  What is not ours is left to libfuse,
 * which refuses what it does not know either.
 */
#include "options.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/size.h"
#include "common/text.h"

enum key {
	KEY_HELP, KEY_VERSION, KEY_UNMOUNT, KEY_FOREGROUND, KEY_DEBUG,
	KEY_RO, KEY_RW, KEY_LAYERS, KEY_SNAPSHOT, KEY_WRITE_PARENT,
	KEY_ANY_PARENT_DIR, KEY_IGNORE_PARENT_ID, KEY_ALLOW_OTHER,
	KEY_IGNORED,
	/* From here on with a value. */
	KEY_OVERLAY, KEY_LOG, KEY_CACHE, KEY_FORMAT, KEY_PARENT,
	KEY_PARENT_DIR, KEY_OFFSET, KEY_SIZE_LIMIT, KEY_THREADS,
	KEY_PARTITION, KEY_LAYER, KEY_UMASK, KEY_UID, KEY_GID
};

/* FUSE_OPT_KEY writes -1U, which clang takes for a mistake in a long. */
#define KEY(templ, key) { templ, UINT_MAX, key }
#define WORD(name, key) KEY(name, key), KEY("--" name, key)
#define VALUE(name, key) KEY(name "=", key), KEY("--" name "=", key)

static const struct fuse_opt table[] = {
	KEY("-h", KEY_HELP), KEY("--help", KEY_HELP),
	KEY("-V", KEY_VERSION),
	KEY("--version", KEY_VERSION),
	KEY("-u", KEY_UNMOUNT), KEY("--unmount", KEY_UNMOUNT),
	KEY("-f", KEY_FOREGROUND),
	KEY("-d", KEY_DEBUG), KEY("debug", KEY_DEBUG),
	KEY("-r", KEY_RO), WORD("ro", KEY_RO), WORD("rw", KEY_RW),
	WORD("layers", KEY_LAYERS), WORD("snapshot", KEY_SNAPSHOT),
	WORD("write-parent", KEY_WRITE_PARENT),
	WORD("any-parent-dir", KEY_ANY_PARENT_DIR),
	WORD("ignore-parent-id", KEY_IGNORE_PARENT_ID),
	WORD("allow_other", KEY_ALLOW_OTHER),
	VALUE("overlay", KEY_OVERLAY), VALUE("log", KEY_LOG),
	VALUE("cache", KEY_CACHE), VALUE("format", KEY_FORMAT),
	VALUE("parent", KEY_PARENT), VALUE("parent-dir", KEY_PARENT_DIR),
	VALUE("offset", KEY_OFFSET), VALUE("sizelimit", KEY_SIZE_LIMIT),
	VALUE("threads", KEY_THREADS), VALUE("partition", KEY_PARTITION),
	VALUE("layer", KEY_LAYER), VALUE("umask", KEY_UMASK),
	VALUE("uid", KEY_UID), VALUE("gid", KEY_GID),
	/* Words of fstab that are for others. */
	KEY("auto", KEY_IGNORED), KEY("noauto", KEY_IGNORED),
	KEY("nofail", KEY_IGNORED), KEY("_netdev", KEY_IGNORED),
	KEY("user", KEY_IGNORED), KEY("nouser", KEY_IGNORED),
	KEY("users", KEY_IGNORED), KEY("loop", KEY_IGNORED),
	KEY("defaults", KEY_IGNORED),
	KEY("comment=", KEY_IGNORED),
	FUSE_OPT_END
};

static int usage(const char *what, const char *arg)
{
	fputs("vhdfuse: ", stderr);
	if (arg != NULL) {
		text_put(stderr, arg);
		fputs(": ", stderr);
	}
	fprintf(stderr, "%s; see: vhdfuse --help\n", what);
	return -1;
}

static int out_of_memory(void)
{
	fputs("vhdfuse: out of memory\n", stderr);
	return -1;
}

static int words_add(struct words *w, const char *word)
{
	char **more = realloc(w->word, (w->count + 2) * sizeof(*more));

	if (more == NULL)
		return out_of_memory();
	w->word = more;
	more[w->count] = strdup(word);
	more[w->count + 1] = NULL;
	return more[w->count++] != NULL ? 0 : out_of_memory();
}

static void words_free(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->word[i]);
	free(w->word);
}

static int set_text(char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
	return *to != NULL ? 0 : out_of_memory();
}

static int set_number(uint32_t *to, const char *arg, const char *text,
		      int base, unsigned long max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, base);
	if (errno || *end != '\0' || text[0] < '0' || text[0] > '9' || n > max)
		return usage("is not a number that fits", arg);
	*to = (uint32_t)n;
	return 0;
}

/* Numbers from 1 on. */
static int set_count(uint32_t *to, const char *arg, const char *text,
		     unsigned long max)
{
	int rc = set_number(to, arg, text, 10, max);

	return rc == 0 && *to == 0 ? usage("counts from 1", arg) : rc;
}

/* mount(8) takes names, too. */
static int set_user(uint32_t *to, const char *arg, const char *text)
{
	const struct passwd *user = getpwnam(text);

	if (user == NULL)
		return set_number(to, arg, text, 10, UINT32_MAX);
	*to = user->pw_uid;
	return 0;
}

static int set_group(uint32_t *to, const char *arg, const char *text)
{
	const struct group *group = getgrnam(text);

	if (group == NULL)
		return set_number(to, arg, text, 10, UINT32_MAX);
	*to = group->gr_gid;
	return 0;
}

static int set_size(uint64_t *to, const char *arg, const char *text)
{
	return size_parse(text, to) ? 0 : usage("is not a size", arg);
}

static int set_cache(struct options *o, const char *arg, const char *text)
{
	if (strcmp(text, "writeback") == 0)
		o->cache = CACHE_WRITEBACK;
	else if (strcmp(text, "normal") == 0)
		o->cache = CACHE_NORMAL;
	else if (strcmp(text, "none") == 0)
		o->cache = CACHE_NONE;
	else
		return usage("the modes are writeback, normal and none", arg);
	return 0;
}

static int set_format(struct options *o, const char *arg, const char *text)
{
	for (int f = VHD_FORMAT_RAW; f <= VHD_FORMAT_VHDX; f++) {
		if (strcmp(text, vhd_format_name((enum vhd_format)f)) != 0)
			continue;
		o->format = (enum vhd_format)f;
		return 0;
	}
	return usage("the formats are raw, vhd and vhdx", arg);
}

/* What follows the "=". */
static const char *value_of(const char *arg)
{
	const char *p = strchr(arg, '=');

	return p != NULL ? p + 1 : "";
}

static int set_word(struct options *o, enum key key)
{
	switch ((int)key) {
	case KEY_HELP: o->action = ACTION_HELP; break;
	case KEY_VERSION: o->action = ACTION_VERSION; break;
	case KEY_UNMOUNT: o->action = ACTION_UNMOUNT; break;
	case KEY_DEBUG: o->debug = true; /* fall through */
	case KEY_FOREGROUND: o->foreground = true; break;
	case KEY_RO: o->read_only = true; o->read_write = false; break;
	case KEY_RW: o->read_write = true; o->read_only = false; break;
	case KEY_LAYERS: o->layers = true; break;
	case KEY_SNAPSHOT: o->snapshot = true; break;
	case KEY_WRITE_PARENT: o->write_parent = true; break;
	case KEY_ANY_PARENT_DIR:
		o->open_flags |= VHD_OPEN_ANY_PARENT_DIR;
		break;
	case KEY_IGNORE_PARENT_ID:
		o->open_flags |= VHD_OPEN_IGNORE_PARENT_ID;
		break;
	case KEY_ALLOW_OTHER: o->allow_other = true; break;
	default: break;
	}
	return 0;
}

static int set_value(struct options *o, enum key key, const char *arg,
		     const char *text)
{
	uint32_t n = 0;
	int rc = 0;

	if (text[0] == '\0')
		return usage("a value is missing", arg);
	switch ((int)key) {
	case KEY_OVERLAY: return set_text(&o->overlay, text);
	case KEY_LOG: return set_text(&o->log, text);
	case KEY_CACHE: return set_cache(o, arg, text);
	case KEY_FORMAT: return set_format(o, arg, text);
	case KEY_PARENT: return words_add(&o->parents, text);
	case KEY_PARENT_DIR: return words_add(&o->parent_dirs, text);
	case KEY_OFFSET: return set_size(&o->offset, arg, text);
	case KEY_SIZE_LIMIT: return set_size(&o->size_limit, arg, text);
	case KEY_THREADS: return set_count(&o->threads, arg, text, 64);
	case KEY_PARTITION:
		return set_count(&o->partition, arg, text, 1u << 20);
	case KEY_UID: return set_user(&o->uid, arg, text);
	case KEY_GID: return set_group(&o->gid, arg, text);
	case KEY_LAYER:
		rc = set_number(&n, arg, text, 10, INT32_MAX);
		o->layer = (int32_t)n;
		return rc;
	default:
		rc = set_number(&n, arg, text, 8, 0777);
		o->umask = (int32_t)n;
		return rc;
	}
}

/* Words behind -o that libfuse and the kernel know, and those for systemd. */
static int pass_on(const char *arg)
{
	static const char *const words[] = {
		"allow_root", "async", "atime", "auto_unmount",
		"default_permissions", "dev", "diratime", "dirsync", "exec",
		"noatime", "nodev", "nodiratime", "noexec", "norelatime",
		"nostrictatime", "nosuid", "relatime", "strictatime", "suid",
		"sync",
	};

	if (strncmp(arg, "x-", 2) == 0)
		return 0;
	if (strcmp(arg, "remount") == 0)
		return usage("is not possible: unmount, then mount anew", arg);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(arg, words[i]) == 0)
			return 1;
	}
	return usage("is not an option", arg);
}

static int process(void *data, const char *arg, int key, struct fuse_args *out)
{
	struct options *o = data;

	(void)out;
	if (key == FUSE_OPT_KEY_OPT)
		return pass_on(arg);
	if (key != FUSE_OPT_KEY_NONOPT) {
		enum key k = (enum key)key;

		return k < KEY_OVERLAY ? set_word(o, k)
				       : set_value(o, k, arg, value_of(arg));
	}
	if (o->image == NULL)
		return set_text(&o->image, arg);
	if (o->mountpoint == NULL)
		return set_text(&o->mountpoint, arg);
	return usage("is one name too many", arg);
}

/*
 * mount(8) calls its helpers as mount.TYPE SOURCE DIR [-sfnv] [-o OPTIONS]:
 * there -f means to pretend only.
 */
static bool take_mount_flag(struct options *o, const char *arg)
{
	if (arg[0] != '-' || arg[1] == '\0' || strspn(arg + 1, "sfnv") !=
	    strlen(arg + 1))
		return false;
	if (strchr(arg, 'f') != NULL)
		o->action = ACTION_NOTHING;
	return true;
}

/* "--parent FILE" is "--parent=FILE": libfuse would guess at shorter names. */
static bool takes_value(const char *arg)
{
	size_t len = strlen(arg);

	if (strncmp(arg, "--", 2) != 0)
		return false;
	for (const struct fuse_opt *t = table; t->templ != NULL; t++) {
		if (strncmp(t->templ, arg, len) == 0 && t->templ[len] == '=' &&
		    t->templ[len + 1] == '\0')
			return true;
	}
	return false;
}

static int add_joined(struct options *o, const char *name, const char *value)
{
	char *both;
	int rc;

	if (asprintf(&both, "%s=%s", name, value) < 0)
		return -1;
	rc = fuse_opt_add_arg(&o->fuse, both);
	free(both);
	return rc;
}

static int take_args(struct options *o, int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc ? argv[0] : "";
	bool helper = strncmp(name, "mount.", 6) == 0;

	if (fuse_opt_add_arg(&o->fuse, "vhdfuse"))
		return out_of_memory();
	for (int i = 1; i < argc; i++) {
		if (helper && take_mount_flag(o, argv[i]))
			continue;
		if (takes_value(argv[i]) && i + 1 < argc) {
			if (add_joined(o, argv[i], argv[i + 1]))
				return out_of_memory();
			i++;
		} else if (fuse_opt_add_arg(&o->fuse, argv[i])) {
			return out_of_memory();
		}
	}
	return 0;
}

/* The daemon leaves its directory, so names are made absolute now. */
static int make_absolute(char **name)
{
	char *real = realpath(*name, NULL);

	if (real == NULL)
		return errno == ENOMEM ? out_of_memory() : 0;
	free(*name);
	*name = real;
	return 0;
}

/* A log or an overlay need not exist yet. */
static int below_here(char **name)
{
	char *cwd, *full = NULL;

	if (*name == NULL || (*name)[0] == '/')
		return 0;
	cwd = getcwd(NULL, 0);
	if (cwd == NULL || asprintf(&full, "%s/%s", cwd, *name) < 0)
		full = NULL;
	free(cwd);
	if (full == NULL)
		return out_of_memory();
	free(*name);
	*name = full;
	return 0;
}

/* A name with a slip of the pen would be looked for in vain, and silently. */
static int check_words(struct words *w)
{
	for (size_t i = 0; i < w->count; i++) {
		if (access(w->word[i], F_OK) != 0)
			return usage(strerror(errno), w->word[i]);
		if (make_absolute(&w->word[i]))
			return -1;
	}
	return 0;
}

static int check(struct options *o)
{
	if (o->action == ACTION_UNMOUNT) {
		if (o->image == NULL || o->mountpoint != NULL)
			return usage("-u takes the mount point alone", NULL);
		return 0;
	}
	if (o->image == NULL || o->mountpoint == NULL)
		return usage("IMAGE and MOUNTPOINT are needed", NULL);
	if (o->overlay != NULL && o->snapshot)
		return usage("--snapshot and overlay= exclude each other", NULL);
	if (o->read_only && (o->overlay != NULL || o->snapshot))
		return usage("a read-only disk needs no place for writes", NULL);
	if (o->layer >= 0 && (o->read_write || o->overlay || o->snapshot))
		return usage("a layer is read only", NULL);
	if (make_absolute(&o->image) || below_here(&o->log) ||
	    below_here(&o->overlay))
		return -1;
	return check_words(&o->parents) || check_words(&o->parent_dirs) ? -1 : 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	memset(o, 0, sizeof(*o));
	o->layer = -1;
	o->umask = -1;
	o->uid = getuid();
	o->gid = getgid();
	if (take_args(o, argc, argv))
		return 1;
	if (fuse_opt_parse(&o->fuse, o, table, process))
		return 2;
	if (o->action == ACTION_HELP || o->action == ACTION_VERSION)
		return 0;
	return check(o) ? 2 : 0;
}

void options_free(struct options *o)
{
	fuse_opt_free_args(&o->fuse);
	words_free(&o->parents);
	words_free(&o->parent_dirs);
	free(o->image);
	free(o->mountpoint);
	free(o->overlay);
	free(o->log);
}
