"""The kernel's numbers of the system calls that the box's filter knows, and what it does with them.

Each call is written as its name, its number on x86_64 and its number on aarch64 ("-" where there
is no such call). What stands nowhere here is unknown to the filter, as are the calls of kernels
to come: it fails as on a kernel that does not have it (ENOSYS), so that libraries take another way.
"""

import errno

_ALLOWED = """
    read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68,
    preadv 295 69, pwritev 296 70, lseek 8 62, close 3 57, close_range 436 436, dup 32 23,
    dup2 33 -, dup3 292 24, open 2 -, openat 257 56, creat 85 -, access 21 -,
    faccessat 269 48, faccessat2 439 439, stat 4 -, fstat 5 80, lstat 6 -, newfstatat 262 79,
    statx 332 291, statfs 137 43, fstatfs 138 44, readlink 89 -, readlinkat 267 78,
    getdents 78 -, getdents64 217 61, getcwd 79 17, chdir 80 49, fchdir 81 50, mkdir 83 -,
    mkdirat 258 34, rmdir 84 -, unlink 87 -, unlinkat 263 35, rename 82 -, renameat 264 38,
    renameat2 316 276, link 86 -, linkat 265 37, symlink 88 -, symlinkat 266 36, mknod 133 -,
    mknodat 259 33, chmod 90 -, fchmod 91 52, fchmodat 268 53, chown 92 -, fchown 93 55,
    lchown 94 -, fchownat 260 54, umask 95 166,
    truncate 76 45, ftruncate 77 46, fallocate 285 47, fsync 74 82,
    fdatasync 75 83, sendfile 40 71,
    select 23 -, pselect6 270 72, poll 7 -, ppoll 271 73, pipe 22 -, pipe2 293 59,
    bind 49 200, listen 50 201, accept 43 202, accept4 288 242, connect 42 203,
    shutdown 48 210, getsockname 51 204, getpeername 52 205, getsockopt 55 209,
    recvfrom 45 207, recvmsg 47 212,
    brk 12 214, munmap 11 215, mprotect 10 226, mremap 25 216, msync 26 227,
    fork 57 -, vfork 58 -, execve 59 221, exit 60 93, exit_group 231 94, wait4 61 260,
    waitid 247 95, set_tid_address 218 96, set_robust_list 273 99, rseq 334 293, kill 62 129,
    tkill 200 130, tgkill 234 131, pause 34 -, rt_sigaction 13 134, rt_sigprocmask 14 135,
    rt_sigreturn 15 139, rt_sigsuspend 130 133, rt_sigpending 127 136,
    rt_sigtimedwait 128 137, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240,
    sigaltstack 131 132, restart_syscall 219 128, getpid 39 172, getppid 110 173,
    gettid 186 178, getpgid 121 155, setpgid 109 154, getpgrp 111 -, setsid 112 157,
    getsid 124 156, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177,
    getresuid 118 148, getresgid 120 150, getgroups 115 158, sched_yield 24 124,
    sched_getaffinity 204 123, sched_getparam 143 121, sched_getscheduler 145 120,
    sched_get_priority_max 146 125, sched_get_priority_min 147 126,
    sched_rr_get_interval 148 127, getcpu 309 168, getpriority 140 141, getrlimit 97 163,
    setrlimit 160 164, getrusage 98 165, times 100 153,
    nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113, clock_getres 229 114,
    gettimeofday 96 169, time 201 -, alarm 37 -, getitimer 36 102, setitimer 38 103,
    getrandom 318 278, uname 63 160
"""
#: Allowed too, where no file has times that others see.
_TIMES = """
    utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88
"""
#: Allowed as far as their arguments are: `seccomp` says which.
_BY_ARGUMENTS = """
    ioctl 16 29, fcntl 72 25, flock 73 32, fadvise64 221 223, prctl 157 167, arch_prctl 158 -,
    socket 41 198, socketpair 53 199, setsockopt 54 208, sendto 44 206, sendmsg 46 211,
    clone 56 220, prlimit64 302 261, futex 202 98, madvise 28 233, mmap 9 222,
    setpriority 141 140
"""
#: What programs expect to be forbidden rather than unknown: rights over the machine or others.
_FORBIDDEN = """
    unshare 272 97, setns 308 268, mount 165 40, umount2 166 39, pivot_root 155 41,
    chroot 161 51, sethostname 170 161, setdomainname 171 162, move_mount 429 429,
    open_tree 428 428, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433,
    mount_setattr 442 442, ptrace 101 117, process_vm_readv 310 270,
    process_vm_writev 311 271, kcmp 312 272, pidfd_getfd 438 438, bpf 321 280,
    perf_event_open 298 241, userfaultfd 323 282, io_uring_setup 425 425,
    io_uring_enter 426 426, io_uring_register 427 427, add_key 248 217, request_key 249 218,
    keyctl 250 219, fanotify_init 300 262, name_to_handle_at 303 264,
    open_by_handle_at 304 265, personality 135 92, quotactl 179 60, modify_ldt 154 -,
    kexec_load 246 104, kexec_file_load 320 294, init_module 175 105, finit_module 313 273,
    delete_module 176 106, reboot 169 142, swapon 167 224, swapoff 168 225, acct 163 89,
    syslog 103 116, vhangup 153 58, settimeofday 164 170, clock_settime 227 112,
    clock_adjtime 305 266, adjtimex 159 171, iopl 172 -, ioperm 173 -, shmget 29 194,
    semget 64 190, msgget 68 186, mq_open 240 180, capset 126 91, seccomp 317 277,
    setuid 105 146, setgid 106 144, setreuid 113 145, setregid 114 143, setresuid 117 147,
    setresgid 119 149, setfsuid 122 151, setfsgid 123 152, setgroups 116 159,
    sched_setscheduler 144 119, sched_setparam 142 118, sched_setattr 314 274,
    sched_setaffinity 203 122, ioprio_set 251 30, mlock 149 228, mlock2 325 284,
    mlockall 151 230, migrate_pages 256 238, move_pages 279 239
"""
#: Attributes of files: not supported, which programs that copy files expect.
_ATTRIBUTES = """
    setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, getxattr 191 8, lgetxattr 192 9,
    fgetxattr 193 10, listxattr 194 11, llistxattr 195 12, flistxattr 196 13,
    removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16
"""
#: A GPU's driver needs these too; elsewhere they are unknown.
_FOR_A_GPU = """
    eventfd2 290 19, memfd_create 319 279, get_mempolicy 239 236, set_mempolicy 238 237,
    mbind 237 235, sysinfo 99 179
"""
#: Unknown on purpose, named here for the tests: they carry words between boxes, take memory that
#: no limit counts, or have a long record of holes.
_UNKNOWN = """
    clone3 435 435, inotify_init 253 -, inotify_init1 294 26, inotify_add_watch 254 27,
    epoll_create 213 -, epoll_create1 291 20, eventfd 284 -, timerfd_create 283 85,
    signalfd 282 -, signalfd4 289 74, timer_create 222 107, memfd_secret 447 447,
    mincore 27 232, cachestat 451 451, preadv2 327 286, pwritev2 328 287, readahead 187 213,
    splice 275 76, tee 276 77, vmsplice 278 75, copy_file_range 326 285, sync 162 81,
    syncfs 306 267, sync_file_range 277 84, futex_waitv 449 449, futex_wait 455 455,
    futex_wake 454 454, process_madvise 440 440, landlock_create_ruleset 444 444,
    membarrier 324 283, pidfd_open 434 434, pidfd_send_signal 424 424,
    remap_file_pages 216 234, lookup_dcookie 212 18, ustat 136 -, semtimedop 220 192,
    execveat 322 281, statmount 457 457, listmount 458 458, process_mrelease 448 448,
    quotactl_fd 443 443, open_tree_attr 467 467
"""


def _numbers(text: str, machine: str) -> dict[str, int]:
    """The numbers on one machine of the calls in a table."""
    numbers = {}
    for row in text.split(","):
        name, *columns = row.split()
        number = dict(zip(MACHINES, columns, strict=True))[machine]
        if number != "-":
            numbers[name] = int(number)
    return numbers


#: The machines whose numbers stand here.
MACHINES = ("x86_64", "aarch64")


def allowed(machine: str, gpu: bool = False) -> dict[str, int]:
    """Return the calls that always pass; on a GPU, those of its driver too."""
    more = _numbers(_FOR_A_GPU, machine) if gpu else {}
    return _numbers(_ALLOWED, machine) | times(machine) | more


def times(machine: str) -> dict[str, int]:
    """Return the calls that set the times of a file."""
    return _numbers(_TIMES, machine)


def by_arguments(machine: str) -> dict[str, int]:
    """Return the calls of which some pass."""
    return _numbers(_BY_ARGUMENTS, machine)


def refused(machine: str) -> dict[str, tuple[int, int]]:
    """Return the number and errno of each call that has a name here and fails without a GPU."""
    tables = (
        (_FORBIDDEN, errno.EPERM),
        (_ATTRIBUTES, errno.ENOTSUP),
        (_UNKNOWN, errno.ENOSYS),
        (_FOR_A_GPU, errno.ENOSYS),
    )
    return {
        name: (number, code)
        for text, code in tables
        for name, number in _numbers(text, machine).items()
    }
