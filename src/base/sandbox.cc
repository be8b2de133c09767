#include "base/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

namespace studio {
namespace {

// ---- Landlock. Its header in Debian 12 ends at ABI 2; the numbers are the kernel's and never change.

constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kRulePathBeneath = 1;

constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDir = 1 << 3, kRemoveFile = 1 << 5,
                   kMakeReg = 1 << 8, kMakeSock = 1 << 9, kRefer = 1 << 13, kTruncate = 1 << 14, kIoctlDev = 1 << 15;
constexpr uint64_t kAllOfAbi1 = (1 << 13) - 1;
constexpr uint64_t kBindTcp = 1 << 0, kConnectTcp = 1 << 1;                               // ABI 4
constexpr uint64_t kScopeAbstractSocket = 1 << 0, kScopeSignal = 1 << 1;                  // ABI 6
constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;  // the rest is of folders

struct RulesetAttr {
  uint64_t handled_fs = 0, handled_net = 0, scoped = 0;
};
struct [[gnu::packed]] PathBeneathAttr {
  uint64_t allowed = 0;
  int32_t parent = -1;
};

// 0: none, with errno.
int landlock_abi() {
  long abi = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

std::string landlock_absence() {
  return errno == EOPNOTSUPP
             ? "Landlock is switched off at boot (lsm= of the kernel command line lacks landlock)"
             : std::string("this kernel has no Landlock (") + std::strerror(errno) + "); Linux 5.13 has";
}

uint64_t handled_by(int abi) {
  uint64_t handled = kAllOfAbi1;
  if (abi >= 2) handled |= kRefer;
  if (abi >= 3) handled |= kTruncate;
  if (abi >= 5) handled |= kIoctlDev;
  return handled;
}

Error refused(const char* what) {
  return Error(Code::kInternal, "The process cannot be confined.")
      .with_detail(std::string(what) + ": " + std::strerror(errno));
}

Status allow_path(int ruleset, const std::string& path, uint64_t allowed) {
  int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return Ok{};  // not there: nothing to open
  struct stat status{};
  bool is_folder = ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  PathBeneathAttr rule{is_folder ? allowed : allowed & kOfFiles, fd};
  long result = ::syscall(kAddRule, ruleset, kRulePathBeneath, &rule, 0);
  ::close(fd);
  if (result != 0) return refused("landlock_add_rule");
  return Ok{};
}

// Folders of model hubs hold links to files elsewhere.
std::vector<std::string> with_link_targets(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> all = paths;
  for (const std::string& path : paths) {
    std::error_code fault;
    if (!fs::is_directory(path, fault)) continue;
    for (fs::directory_iterator entry(path, fault), end; !fault && entry != end; entry.increment(fault)) {
      if (entry->is_symlink(fault)) all.push_back(entry->path().string());
    }
  }
  return all;
}

Status add_rules(int ruleset, const SandboxFiles& files, uint64_t handled) {
  for (const std::string& path : with_link_targets(files.readable)) {
    STUDIO_CHECK_OK(allow_path(ruleset, path, kReadFile | kReadDir));
  }
  const uint64_t write = (kReadFile | kReadDir | kWriteFile | kMakeReg | kRemoveFile | kRefer | kTruncate) & handled;
  for (const std::string& path : files.writable) STUDIO_CHECK_OK(allow_path(ruleset, path, write));
  for (const std::string& path : files.sockets) STUDIO_CHECK_OK(allow_path(ruleset, path, kMakeSock | kRemoveFile));
  return Ok{};
}

Status give_up_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("no_new_privs");
  return Ok{};
}

// ---- seccomp

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offsetof(seccomp_data, field)))

constexpr uint32_t kDeny = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kX32Bit = 0x40000000;

// What a thread that computes and talks on sockets it holds cannot do without.
constexpr long kAlways[] = {
    SYS_futex,
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_recvfrom,
    SYS_sendto,
    SYS_epoll_wait,
    SYS_epoll_pwait,
    SYS_epoll_ctl,
    SYS_epoll_create1,
    SYS_accept,
    SYS_accept4,
    SYS_close,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_poll,
    SYS_ppoll,
    SYS_select,
    SYS_pselect6,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_pipe2,
    SYS_dup,
    SYS_dup3,
    SYS_fcntl,
    SYS_fstat,
    SYS_lseek,
    SYS_pread64,
    SYS_munmap,
    SYS_madvise,
    SYS_mremap,
    SYS_brk,
    SYS_mincore,
    SYS_msync,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_time,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_getcpu,
    SYS_membarrier,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
    SYS_gettid,
    SYS_getpid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_set_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_getrandom,
    SYS_getrusage,
    SYS_times,
    SYS_uname,
    SYS_sysinfo,
};

// For files within what Landlock allows.
constexpr long kFileCalls[] = {
    SYS_open,     SYS_openat,    SYS_openat2,         SYS_stat,     SYS_lstat,      SYS_newfstatat, SYS_statx,
    SYS_access,   SYS_faccessat, SYS_faccessat2,      SYS_readlink, SYS_readlinkat, SYS_getcwd,     SYS_getdents64,
    SYS_statfs,   SYS_fstatfs,   SYS_pwrite64,        SYS_pwritev,  SYS_preadv,     SYS_ftruncate,  SYS_fallocate,
    SYS_fsync,    SYS_fdatasync, SYS_sync_file_range, SYS_rename,   SYS_renameat,   SYS_renameat2,  SYS_unlink,
    SYS_unlinkat, SYS_mkdir,     SYS_mkdirat,         SYS_rmdir,    SYS_link,       SYS_linkat,     SYS_flock,
    SYS_fchmod,   SYS_fadvise64, SYS_copy_file_range, SYS_umask,
};

class Filter {
 public:
  Filter() {
    add(LOAD(arch));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    answer(SECCOMP_RET_KILL_PROCESS);
    add(LOAD(nr));
    add(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 1));
    answer(kDeny);
  }

  void allow(long call) { decide(call, SECCOMP_RET_ALLOW); }
  void decide(long call, uint32_t verdict) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
    answer(verdict);
  }
  // Only where the argument's low word has one of the bits, or none of them.
  void allow_if_bits(long call, int argument, uint32_t bits, bool are_set) {
    begin(call, 4);
    load_argument(argument);
    const auto if_set = static_cast<uint8_t>(are_set), if_clear = static_cast<uint8_t>(!are_set);
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, if_set, if_clear));
    answer(kDeny);
    answer(SECCOMP_RET_ALLOW);
  }
  // Only where the argument's low word is one of the values.
  void allow_if_one_of(long call, int argument, const std::vector<uint32_t>& values) {
    begin(call, static_cast<uint8_t>(2 + 2 * values.size()));
    load_argument(argument);
    for (uint32_t value : values) {
      add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
      answer(SECCOMP_RET_ALLOW);
    }
    answer(kDeny);
  }
  // Only where the whole argument is zero.
  void allow_if_null(long call, int argument) {
    begin(call, 6);
    load_argument(argument);
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3));
    load_argument(argument, 4);
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1));
    answer(SECCOMP_RET_ALLOW);
    answer(kDeny);
  }
  std::vector<sock_filter> finish() {
    answer(kDeny);
    return std::move(program_);
  }

 private:
  void add(sock_filter instruction) { program_.push_back(instruction); }
  void answer(uint32_t verdict) { add(BPF_STMT(BPF_RET | BPF_K, verdict)); }
  // Every block ends in an answer, so the number of the call need not be loaded again after it.
  void begin(long call, uint8_t length) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, length));
  }
  void load_argument(int argument, uint32_t half = 0) {
    auto offset = static_cast<uint32_t>(offsetof(seccomp_data, args)) + static_cast<uint32_t>(argument) * 8 + half;
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
  }

  std::vector<sock_filter> program_;
};

std::vector<sock_filter> build_filter(FileCalls file_calls) {
  Filter filter;
  for (long call : kAlways) filter.allow(call);
  if (file_calls == FileCalls::kSome) {
    for (long call : kFileCalls) filter.allow(call);
  } else {
    filter.allow_if_bits(SYS_newfstatat, 3, AT_EMPTY_PATH, true);  // fstat() of newer C libraries: of a descriptor
  }
  filter.allow_if_bits(SYS_clone, 0, CLONE_THREAD, true);  // threads, not processes
  filter.decide(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);   // its flags are out of reach; the C library takes clone then
  filter.allow_if_bits(SYS_mmap, 2, PROT_EXEC, false);
  filter.allow_if_bits(SYS_mprotect, 2, PROT_EXEC, false);
  filter.allow_if_one_of(SYS_tgkill, 0, {static_cast<uint32_t>(::getpid())});  // abort()
  filter.allow_if_null(SYS_prlimit64, 2);                                      // to read a limit, not to set one
  filter.allow_if_one_of(SYS_prctl, 0, {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA});
  filter.allow_if_one_of(SYS_ioctl, 1, {FIONBIO, FIONREAD, TCGETS, TIOCGWINSZ});  // the last: an importer's progress
  return filter.finish();
}

#undef LOAD

bool has_seccomp() {
  uint32_t action = SECCOMP_RET_ERRNO;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

std::string seccomp_absence() {
  return std::string("this kernel has no seccomp filters (") + std::strerror(errno) + ")";
}

}  // namespace

Result<SandboxLayer> restrict_files(const SandboxFiles& files) {
  int abi = landlock_abi();
  if (abi == 0) return SandboxLayer{false, landlock_absence()};
  RulesetAttr attr;
  attr.handled_fs = handled_by(abi);
  if (abi >= 4) attr.handled_net = kBindTcp | kConnectTcp;
  if (abi >= 6) attr.scoped = kScopeAbstractSocket | kScopeSignal;
  size_t size = abi >= 6 ? sizeof attr : abi >= 4 ? offsetof(RulesetAttr, scoped) : offsetof(RulesetAttr, handled_net);
  auto ruleset = static_cast<int>(::syscall(kCreateRuleset, &attr, size, 0));
  if (ruleset < 0) return refused("landlock_create_ruleset");
  Status added = add_rules(ruleset, files, attr.handled_fs);
  if (added.ok()) added = give_up_privileges();
  if (added.ok() && ::syscall(kRestrictSelf, ruleset, 0) != 0) added = refused("landlock_restrict_self");
  ::close(ruleset);
  if (!added.ok()) return added.error();
  return SandboxLayer{true, "Landlock " + std::to_string(abi)};
}

Result<SandboxLayer> restrict_calls(FileCalls file_calls) {
  if (!has_seccomp()) return SandboxLayer{false, seccomp_absence()};
  STUDIO_CHECK_OK(give_up_privileges());
  std::vector<sock_filter> filter = build_filter(file_calls);
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
    return refused("seccomp");
  }
  return SandboxLayer{true, "seccomp"};
}

Status limit_resources(int most_descriptors) {
  auto descriptors = static_cast<rlim_t>(most_descriptors);
  rlimit before{};
  if (::getrlimit(RLIMIT_NOFILE, &before) == 0) descriptors = std::min(descriptors, before.rlim_max);
  const rlimit files{descriptors, descriptors}, none{0, 0};
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0 || ::setrlimit(RLIMIT_CORE, &none) != 0 ||
      ::setrlimit(RLIMIT_MEMLOCK, &none) != 0) {
    return refused("setrlimit");
  }
  return Ok{};
}

Result<std::vector<SandboxLayer>> enter_sandbox(const SandboxFiles& files, int most_descriptors) {
  STUDIO_CHECK_OK(limit_resources(most_descriptors));
  STUDIO_TRY(SandboxLayer of_files, restrict_files(files));
  STUDIO_TRY(SandboxLayer of_calls, restrict_calls(FileCalls::kSome));
  return std::vector<SandboxLayer>{std::move(of_files), std::move(of_calls)};
}

std::vector<SandboxLayer> sandbox_support() {
  int abi = landlock_abi();
  SandboxLayer files{abi > 0, abi > 0 ? "Landlock " + std::to_string(abi) : landlock_absence()};
  bool can_filter = has_seccomp();
  SandboxLayer calls{can_filter, can_filter ? "seccomp" : seccomp_absence()};
  return {std::move(files), std::move(calls)};
}

bool sandbox_fits_build() {
#ifdef STUDIO_SANITIZED
  return false;  // a worker is not confined: the runtime opens files and starts programs
#else
  return true;
#endif
}

}  // namespace studio
