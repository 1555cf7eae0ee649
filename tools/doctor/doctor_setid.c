/* SPDX-License-Identifier: ISC */
/*
 * doctor_setid: whether a program will run in secure-execution mode
 * (AT_SECURE, ld.so(8)), where the loader takes no path in LD_PRELOAD. The
 * rules are the kernel's: bprm_fill_uid() in fs/exec.c and
 * cap_bprm_creds_from_file() in security/commoncap.c.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "doctor/doctor_setid.h"

#define REMEDY                                                             \
	"Use 'kashim attach', which has the kernel do it, 'kashim apply' " \
	"while it runs, or 'kashim run', as far as the kernel lets it."

/*
 * The file's capabilities: its flag, and whether a process that may inherit
 * the given ones would be permitted any. Returns false if it has none.
 */
static bool
file_capabilities(
    int fd, uint64_t inheritable, bool *effective, bool *permitted)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	struct vfs_ns_cap_data caps = {0};
	uint64_t may_inherit, permits;
	ssize_t got;

	/* fd is O_PATH, which fgetxattr(2) does not take. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	got = getxattr(path, "security.capability", &caps, sizeof(caps));
	if (got < (ssize_t)XATTR_CAPS_SZ_1)
		return false;
	permits = le32toh(caps.data[0].permitted) |
	          (uint64_t)le32toh(caps.data[1].permitted) << 32;
	may_inherit = le32toh(caps.data[0].inheritable) |
	              (uint64_t)le32toh(caps.data[1].inheritable) << 32;
	*effective = (le32toh(caps.magic_etc) & VFS_CAP_FLAGS_EFFECTIVE) != 0;
	*permitted = (permits | (may_inherit & inheritable)) != 0;
	return true;
}

static void
check_bits(const struct place *place, const struct doctor_target *target,
    bool nosuid, struct findings *findings)
{
	const struct stat *st = &target->st;
	bool setuid = (st->st_mode & S_ISUID) != 0;
	/* Without the group's x bit, it meant locking once. */
	bool setgid =
	    (st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
	const char *bits = setuid && setgid ? "setuid and setgid"
	                   : setuid         ? "setuid"
	                                    : "setgid";

	if (!setuid && !setgid)
		return;
	if (nosuid) {
		findings_add(findings, FINDING_SETID, FINDING_NOTE,
		    "%s is %s, but on a file system that is mounted nosuid: "
		    "no effect",
		    target->path, bits);
	} else if (place->no_new_privs) {
		findings_add(findings, FINDING_SETID, FINDING_NOTE,
		    "%s is %s, but no_new_privs is set: no effect",
		    target->path, bits);
	} else if ((!setuid || st->st_uid == place->uid) &&
		   (!setgid || st->st_gid == place->gid)) {
		findings_add(findings, FINDING_SETID, FINDING_NOTE,
		    "%s is %s, for user %u who has these rights already: no "
		    "effect. For other users the preload would be ignored",
		    target->path, bits, (unsigned)place->uid);
	} else {
		findings_add(findings, FINDING_SETID, FINDING_FATAL,
		    "%s is %s: the loader ignores LD_PRELOAD without a word",
		    target->path, bits);
		findings_remedy(findings, REMEDY);
	}
}

static void
check_capabilities(const struct place *place,
    const struct doctor_target *target, bool effective, bool permitted,
    struct findings *findings)
{
	/* no_new_privs takes away what is gained, but the flag still counts. */
	if (place->uid == 0) {
		findings_add(findings, FINDING_SETID, FINDING_NOTE,
		    "%s has file capabilities: no effect for root, but for "
		    "other users the preload would be ignored",
		    target->path);
	} else if (effective || (permitted && !place->no_new_privs)) {
		findings_add(findings, FINDING_SETID, FINDING_FATAL,
		    "%s has file capabilities: the loader ignores LD_PRELOAD "
		    "without a word",
		    target->path);
		findings_remedy(findings,
		    "Take them away with 'setcap -r %s', and give them to its "
		    "systemd unit: AmbientCapabilities= has the same names. Or "
		    "use 'kashim attach', or 'kashim apply' while it runs. "
		    "'getcap %s' shows them.",
		    target->path, target->path);
	}
}

void
doctor_setid(const struct place *place, const struct doctor_target *target,
    struct findings *findings)
{
	bool effective = false, permitted = false, nosuid, capable;
	struct statvfs fs;
	int fd;

	/* Of /etc/ld.so.preload the loader takes all names. */
	if (place->host)
		return;
	fd = place_open(place, target->path, O_PATH);
	if (fd < 0)
		return;
	nosuid = fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0;
	capable =
	    file_capabilities(fd, place->inheritable, &effective, &permitted);
	close(fd);
	/* The ids are compared with those of the process that executes. */
	if (place->uid != place->euid || place->gid != place->egid) {
		findings_add(findings, FINDING_SETID, FINDING_FATAL,
		    "it would be started with different real and effective "
		    "users or groups: the loader ignores LD_PRELOAD");
		findings_remedy(findings, REMEDY);
		return;
	}
	check_bits(place, target, nosuid, findings);
	if (capable && nosuid)
		findings_add(findings, FINDING_SETID, FINDING_NOTE,
		    "%s has file capabilities, but on a file system that is "
		    "mounted nosuid: no effect",
		    target->path);
	else if (capable)
		check_capabilities(
		    place, target, effective, permitted, findings);
}
