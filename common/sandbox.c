/*
 * The lists below are what glibc, libcurl, OpenSSL, SQLite and libevent were seen to ask for,
 * and what they are known to try on other kernels. A call that is in none of them fails with
 * ENOSYS, as on a kernel that does not have it: libraries know how to do without. What only an
 * intruder asks for ends the process.
 *
 * Names, not numbers: libseccomp knows those of each machine, and names that it or the machine
 * does not have are skipped.
 */
#include "common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"

static bool is_entered; /* written before the first thread */

/* --- nobody looks in --- */

static void hide(void)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		log_warning("sandbox: this process can be looked into: %s", strerror(errno));
}

/* --- files (Landlock) --- */

/* Rights that are younger than the headers of Debian 12
 * (Documentation/userspace-api/landlock.rst); the kernel says by its version which it knows. */
#define FS_REFER                   (UINT64_C(1) << 13) /* version 2 */
#define FS_TRUNCATE                (UINT64_C(1) << 14) /* version 3 */
#define NET_BIND_TCP               (UINT64_C(1) << 0)  /* version 4 */
#define FS_IOCTL_DEV               (UINT64_C(1) << 15) /* version 5 */
#define SCOPE_ABSTRACT_UNIX_SOCKET (UINT64_C(1) << 0)  /* version 6 */
#define SCOPE_SIGNAL               (UINT64_C(1) << 1)  /* version 6 */

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* version 4 */
	uint64_t scoped;             /* version 6 */
};

static const uint64_t fs_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t fs_write = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
				 LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
				 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				 FS_REFER | FS_TRUNCATE;
static const uint64_t fs_of_a_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE |
				     LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
static const uint64_t fs_other = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
				 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
				 LANDLOCK_ACCESS_FS_MAKE_SYM | FS_IOCTL_DEV;

static int landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
			    LANDLOCK_CREATE_RULESET_VERSION);
}

/* What of `rights` a kernel of this version knows. */
static uint64_t known(uint64_t rights, int version)
{
	if (version < 2)
		rights &= ~FS_REFER;
	if (version < 3)
		rights &= ~FS_TRUNCATE;
	if (version < 5)
		rights &= ~FS_IOCTL_DEV;
	return rights;
}

/* 0, or -1 with errno. */
static int allow_path(int ruleset, const char *path, uint64_t rights)
{
	AUTO_FD fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .allowed_access = rights };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= fs_of_a_file;
	rule.parent_fd = fd;
	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
			    0);
}

static int allow_files(int ruleset, const struct sandbox_files *files, uint64_t read_rights,
		       int version, struct error *err)
{
	for (size_t i = 0; i < files->n_writable; i++) {
		const struct sandbox_folder *folder = &files->writable[i];

		if (allow_path(ruleset, folder->path, known(fs_write, version)) < 0)
			return error_set_errno(err, ERR_DISK_ERROR, "%s: %s", folder->name,
					       folder->path);
	}
	for (size_t i = 0; i < files->n_readable; i++)
		(void)allow_path(ruleset, files->readable[i], read_rights);
	return 0;
}

static void tell_limits(void)
{
	int version = landlock_version();

	if (version >= 2 && version < 6)
		log_info(
			"sandbox: this kernel's Landlock is of version %d, which does not guard"
			"%s%s signals and sockets without a name in the file system",
			version, version < 3 ? " against emptying files," : "",
			version < 4 ? " against listening on TCP," : "");
}

static int enter_landlock(const struct sandbox_files *files, uint64_t read_rights,
			  struct error *err)
{
	int version = landlock_version();
	struct ruleset_attr wanted = {
		.handled_access_fs = known(fs_read | fs_write | fs_other, version),
		.handled_access_net = NET_BIND_TCP,
		.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
	};
	size_t size = version >= 6   ? sizeof(wanted)
		      : version >= 4 ? offsetof(struct ruleset_attr, scoped)
				     : offsetof(struct ruleset_attr, handled_access_net);
	AUTO_FD ruleset = -1;

	/* The first version lets nothing be moved from one folder to another, whatever the
	 * rules say; larderd lives by that. */
	if (version < 1 || (version < 2 && files != NULL)) {
		log_warning("sandbox: this kernel has no Landlock that will do: files are "
			    "guarded by their owners and modes only");
		return 0;
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
	if (ruleset < 0)
		return error_set_errno(err, ERR_INTERNAL, "sandbox: Landlock");
	if (files != NULL && allow_files(ruleset, files, read_rights, version, err) < 0)
		return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return error_set_errno(err, ERR_INTERNAL, "sandbox: Landlock");
	return 0;
}

/* --- system calls (seccomp) --- */

/* Memory, threads, time, waiting, and what is open already. */
static const char *const calls_of_both[] = {
	"read",
	"write",
	"readv",
	"writev",
	"close",
	"close_range",
	"fcntl",
	"fstat",
	"lseek",
	"dup",
	"dup2",
	"dup3",
	"pipe",
	"pipe2",
	"eventfd",
	"eventfd2",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"munmap",
	"mremap",
	"madvise",
	"brk",
	"mlock",
	"munlock",
	"futex",
	"futex_waitv",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"membarrier",
	"sched_yield",
	"sched_getaffinity",
	"getpid",
	"gettid",
	"getppid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getgroups",
	"getrandom",
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"rt_sigsuspend",
	"sigaltstack",
	"restart_syscall",
	"exit",
	"exit_group",
	"getrusage",
	"getcpu",
	"uname",
	"sysinfo",
	"set_tid_address",
	"connect",
	"accept",
	"accept4",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"sendto",
	"recvfrom",
	"sendmsg",
	"recvmsg",
	"shutdown",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",
};

/* Files, and what a resolver and servers need. */
static const char *const calls_of_the_daemon[] = {
	"open",
	"openat",
	"openat2",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"preadv2",
	"pwritev2",
	"stat",
	"lstat",
	"newfstatat",
	"fstatat64",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"mkdir",
	"mkdirat",
	"rmdir",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"link",
	"linkat",
	"ftruncate",
	"fallocate",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"syncfs",
	"copy_file_range",
	"fadvise64",
	"chmod",
	"fchmod",
	"fchmodat",
	"chown",
	"fchown",
	"fchownat",
	"lchown",
	"utimensat",
	"utimes",
	"flock",
	"umask",
	"getcwd",
	"inotify_init",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	"socketpair",
	"bind",
	"listen",
	"sendmmsg",
	"recvmmsg",
	"getrlimit",
	"ugetrlimit",
	"signalfd4",
	"times",
	"sendfile",
	"seccomp",
};

/* Nothing of ours or of a library's asks for these. */
static const char *const calls_of_intruders[] = {
	"execve",
	"execveat",
	"fork",
	"vfork",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"mount",
	"umount2",
	"move_mount",
	"open_tree",
	"fsopen",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"keyctl",
	"add_key",
	"request_key",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"swapon",
	"swapoff",
	"iopl",
	"ioperm",
	"personality",
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setgroups",
	"capset",
	"mknod",
	"mknodat",
	"symlink",
	"symlinkat",
	"memfd_create",
	"memfd_secret",
	"pidfd_getfd",
	"open_by_handle_at",
	"io_uring_setup",
};

static struct scmp_arg_cmp equals(unsigned arg, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ .arg = arg, .op = SCMP_CMP_EQ, .datum_a = value };
}

/* Of the bits of `mask`, those of `bits` are set and the others are not. */
static struct scmp_arg_cmp has_bits(unsigned arg, scmp_datum_t mask, scmp_datum_t bits)
{
	return (struct scmp_arg_cmp){
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = bits
	};
}

/* A name that is not known here is no call that could be made. */
static bool add_calls(scmp_filter_ctx filter, uint32_t action, const char *const *names,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number != __NR_SCMP_ERROR && number >= 0 &&
		    seccomp_rule_add(filter, action, number, 0) < 0)
			return false;
	}
	return true;
}

static bool allow_sockets(scmp_filter_ctx filter, enum sandbox_powers powers)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	size_t n = powers == SANDBOX_WEB ? 1 : ARRAY_LEN(families);

	for (size_t i = 0; i < n; i++) {
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     equals(0, (scmp_datum_t)families[i])) < 0)
			return false;
	}
	return true;
}

/* Memory is never both written and run, nor run after it was written. A resolver may load
 * modules: larderd may map files to be run, privately. */
static bool allow_memory(scmp_filter_ctx filter, enum sandbox_powers powers)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				has_bits(2, PROT_EXEC, 0)) == 0 &&
	       (powers == SANDBOX_WEB ||
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
				 has_bits(2, PROT_EXEC | PROT_WRITE, PROT_EXEC),
				 has_bits(3, MAP_SHARED | MAP_ANONYMOUS, 0)) == 0) &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				has_bits(2, PROT_EXEC, 0)) == 0;
}

/* Threads, but no processes: clone3 has its flags in memory, where a filter cannot see them,
 * and fails with ENOSYS, after which glibc takes clone. */
static bool allow_threads(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				has_bits(0, CLONE_THREAD, CLONE_THREAD)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				equals(0, PR_SET_NAME)) == 0 &&
	       /* abort(3) signals itself */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				equals(0, (scmp_datum_t)getpid())) == 0 &&
	       /* a look at the limits, one's own, and no change */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, equals(0, 0),
				equals(2, 0)) == 0;
}

static bool allow_ioctls(scmp_filter_ctx filter)
{
	static const unsigned long requests[] = { FIONREAD, FIONBIO, 0x40049409 /* FICLONE */ };

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     equals(1, requests[i])) < 0)
			return false;
	}
	return true;
}

/* 0, or -1 where the kernel has no filters. */
static int load(scmp_filter_ctx filter, bool is_whole)
{
	bool is_loaded = is_whole && seccomp_load(filter) == 0;

	seccomp_release(filter);
	return is_loaded ? 0 : -1;
}

static void enter_seccomp(enum sandbox_powers powers)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));

	if (filter == NULL ||
	    load(filter,
		 add_calls(filter, SCMP_ACT_ALLOW, calls_of_both, ARRAY_LEN(calls_of_both)) &&
			 (powers == SANDBOX_WEB ||
			  add_calls(filter, SCMP_ACT_ALLOW, calls_of_the_daemon,
				    ARRAY_LEN(calls_of_the_daemon))) &&
			 add_calls(filter, SCMP_ACT_KILL_PROCESS, calls_of_intruders,
				   ARRAY_LEN(calls_of_intruders)) &&
			 allow_sockets(filter, powers) && allow_memory(filter, powers) &&
			 allow_threads(filter) && allow_ioctls(filter)) < 0)
		log_warning("sandbox: this kernel has no seccomp filters: every system call "
			    "may be made");
}

void sandbox_end_listening(void)
{
	scmp_filter_ctx filter = is_entered ? seccomp_init(SCMP_ACT_ALLOW) : NULL;

	/* On all threads. Where there is no seccomp, the log says so already. */
	if (filter != NULL &&
	    load(filter, seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
				 /* it is set, and cannot be set again in here */
				 seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0 &&
				 seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
						  SCMP_SYS(listen), 0) == 0) < 0)
		log_info("sandbox: more sockets could still be listened on");
}

/* --- both --- */

int sandbox_enter(bool is_on, enum sandbox_powers powers, const struct sandbox_files *files,
		  struct error *err)
{
	if (!is_on) {
		/* The kernel hides who was root; a debugger shall be able to look. */
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		log_warning("LARDER_SANDBOX is off: whoever breaks into this program has all "
			    "powers of its user");
		return 0;
	}
	is_entered = true;
	hide();
	/* Asked for by both, so that no program with more rights can be begun. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, ERR_INTERNAL, "sandbox");
	tell_limits();
	if (enter_landlock(files, fs_read, err) < 0)
		return -1;
	enter_seccomp(powers);
	return 0;
}

int sandbox_confine(const struct sandbox_files *files, struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, ERR_INTERNAL, "sandbox");
	return enter_landlock(files, fs_read | LANDLOCK_ACCESS_FS_EXECUTE, err);
}
