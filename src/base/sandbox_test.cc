#include "base/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

namespace studio {
namespace {

namespace fs = std::filesystem;

// Runs `act` in a child and hands back what it returned; a child that a signal ended is 1000 + the signal.
int in_child(const std::function<int()>& act) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(act());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool has_both_layers() {
  for (const SandboxLayer& layer : sandbox_support()) {
    if (!layer.is_on) return false;
  }
  return true;
}

class SandboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("studio_sandbox_test_" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "models");
    fs::create_directories(folder_ / "out");
    std::ofstream(folder_ / "models/inside") << "weights";
    std::ofstream(folder_ / "outside") << "secret";
    fs::create_symlink(folder_ / "linked", folder_ / "models/link");
    std::ofstream(folder_ / "linked") << "more weights";
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const char* name) const { return (folder_ / name).string(); }
  SandboxFiles files() const { return {.readable = {path("models")}, .writable = {path("out")}, .sockets = {}}; }

  fs::path folder_;
};

int open_for(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  return ::syscall(number, a, b, c, d, e, f);
}
template <typename T>
long at(const T* pointer) {
  return reinterpret_cast<long>(pointer);
}

struct Action {
  const char* name;
  std::function<long()> act;  // negative with EPERM where it is denied
};

// What a worker taken over by its model's file would try.
std::vector<Action> hostile_actions(const std::string& outside, int held_socket, pid_t parent) {
  static sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  static const char* const arguments[] = {"/bin/true", nullptr};
  static char buffer[64];
  static iovec local{buffer, sizeof buffer};
  static rlimit more{1 << 20, 1 << 20};
  static sock_fprog no_filter{};
  auto file = [outside](long number) {
    return [outside, number] { return raw(number, at(outside.c_str()), O_RDONLY); };
  };
  return {
      {"socket of IPv4", [] { return raw(SYS_socket, AF_INET, SOCK_STREAM); }},
      {"socket of IPv6", [] { return raw(SYS_socket, AF_INET6, SOCK_DGRAM); }},
      {"socket of Unix", [] { return raw(SYS_socket, AF_UNIX, SOCK_STREAM); }},
      {"socket of netlink", [] { return raw(SYS_socket, AF_NETLINK, SOCK_RAW); }},
      {"socket pair", [] { return raw(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, at(buffer)); }},
      {"connect", [=] { return raw(SYS_connect, held_socket, at(&address), sizeof address); }},
      {"bind", [=] { return raw(SYS_bind, held_socket, at(&address), sizeof address); }},
      {"listen", [=] { return raw(SYS_listen, held_socket, 1); }},
      {"open", file(SYS_open)},
      {"open to write", [outside] { return raw(SYS_open, at(outside.c_str()), O_WRONLY); }},
      {"openat", [outside] { return raw(SYS_openat, AT_FDCWD, at(outside.c_str()), O_RDONLY); }},
      {"creat", [outside] { return raw(SYS_creat, at(outside.c_str()), 0600); }},
      {"stat", [outside] { return raw(SYS_stat, at(outside.c_str()), at(buffer)); }},
      {"unlink", file(SYS_unlink)},
      {"rename", [outside] { return raw(SYS_rename, at(outside.c_str()), at("/tmp/moved")); }},
      {"mkdir", [] { return raw(SYS_mkdir, at("/tmp/studio_sandbox_made"), 0700); }},
      {"symlink", [] { return raw(SYS_symlink, at("/etc"), at("/tmp/studio_sandbox_link")); }},
      {"chmod", [outside] { return raw(SYS_chmod, at(outside.c_str()), 0777); }},
      {"truncate", [outside] { return raw(SYS_truncate, at(outside.c_str()), 0); }},
      {"readlink", [] { return raw(SYS_readlink, at("/proc/self/exe"), at(buffer), sizeof buffer); }},
      {"chdir", [] { return raw(SYS_chdir, at("/")); }},
      {"chroot", [] { return raw(SYS_chroot, at("/")); }},
      {"execve", [] { return raw(SYS_execve, at("/bin/true"), at(arguments), 0); }},
      {"execveat", [] { return raw(SYS_execveat, AT_FDCWD, at("/bin/true"), at(arguments), 0, 0); }},
      {"fork", [] { return raw(SYS_fork); }},
      {"vfork by clone", [] { return raw(SYS_clone, SIGCHLD); }},
      {"ptrace of the parent", [=] { return raw(SYS_ptrace, PTRACE_ATTACH, parent); }},
      {"memory of the parent", [=] { return raw(SYS_process_vm_readv, parent, at(&local), 1, at(&local), 1); }},
      {"signal to the parent", [=] { return raw(SYS_kill, parent, 0); }},
      {"signal to the parent's thread", [=] { return raw(SYS_tgkill, parent, parent, 0); }},
      {"pidfd of the parent", [=] { return raw(SYS_pidfd_open, parent, 0); }},
      {"mount", [] { return raw(SYS_mount, at("none"), at("/tmp"), at("tmpfs"), 0, 0); }},
      {"unshare", [] { return raw(SYS_unshare, 0x10000000); }},
      {"setuid", [] { return raw(SYS_setuid, 0); }},
      {"raise a limit", [] { return raw(SYS_prlimit64, 0, RLIMIT_NOFILE, at(&more)); }},
      {"io_uring", [] { return raw(SYS_io_uring_setup, 4, at(buffer)); }},
      {"bpf", [] { return raw(SYS_bpf, 0, at(buffer), sizeof buffer); }},
      {"perf events", [] { return raw(SYS_perf_event_open, at(buffer), 0, -1, -1, 0); }},
      {"userfaultfd", [] { return raw(SYS_userfaultfd, 0); }},
      {"keys of the kernel", [] { return raw(SYS_keyctl, 0, -3, 0); }},
      {"memory file", [] { return raw(SYS_memfd_create, at("x"), 0); }},
      {"executable memory",
       [] { return raw(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1); }},
      {"memory made executable", [] { return raw(SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC); }},
      {"terminal input", [] { return raw(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, at("x")); }},
      {"debuggable again", [] { return raw(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1); }},
      {"second filter", [] { return raw(SYS_seccomp, 1, 0, at(&no_filter)); }},
      {"module", [] { return raw(SYS_finit_module, 0, at(""), 0); }},
      {"clock", [] { return raw(SYS_clock_settime, 0, at(buffer)); }},
      {"host name", [] { return raw(SYS_sethostname, at("x"), 1); }},
      {"reboot", [] { return raw(SYS_reboot, 0, 0, 0); }},
  };
}

TEST_F(SandboxTest, DeniesEverythingThatAHostileWorkerTries) {
  ASSERT_TRUE(has_both_layers()) << "this kernel cannot prove it";
  pid_t parent = ::getpid();
  int held = ::socket(AF_INET, SOCK_STREAM, 0);
  auto actions = hostile_actions(path("outside"), held, parent);
  ASSERT_GE(actions.size(), 40u);
  for (const Action& action : actions) {
    int denied = in_child([&] {
      if (!restrict_files({}).ok() || !restrict_calls(FileCalls::kNone).ok()) return 100;
      errno = 0;
      return action.act() < 0 && errno == EPERM ? 0 : 1;
    });
    EXPECT_EQ(denied, 0) << action.name;
  }
  ::close(held);
  EXPECT_TRUE(fs::exists(folder_ / "outside"));
}

// The same actions must be possible or fail otherwise without the sandbox, or the test above would prove nothing.
TEST_F(SandboxTest, WithoutItTheSameCallsAreNotDeniedAlike) {
  int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_GE(fd, 0);
  ::close(fd);
  EXPECT_EQ(open_for(path("outside"), O_RDONLY), 0);
  EXPECT_EQ(in_child([] { return ::fork() < 0 ? 1 : 0; }), 0);
  EXPECT_EQ(in_child([] {
              const char* arguments[] = {"/bin/true", nullptr};
              ::execv("/bin/true", const_cast<char* const*>(arguments));
              return 1;
            }),
            0);
}

TEST_F(SandboxTest, OpensWhatItWasToldOfAndNothingElse) {
  ASSERT_TRUE(has_both_layers()) << "this kernel cannot prove it";
  EXPECT_EQ(in_child([&] {
              if (!enter_sandbox(files()).ok()) return 100;
              if (open_for(path("models/inside"), O_RDONLY) != 0) return 1;
              if (open_for(path("models/link"), O_RDONLY) != 0) return 2;
              if (open_for(path("models/inside"), O_WRONLY) != EACCES) return 3;
              if (open_for(path("models/new"), O_WRONLY | O_CREAT) != EACCES) return 4;
              if (open_for(path("outside"), O_RDONLY) != EACCES) return 5;
              if (open_for("/etc/passwd", O_RDONLY) != EACCES) return 6;
              if (open_for(path("models/../outside"), O_RDONLY) != EACCES) return 7;
              if (open_for(path("out/new"), O_RDWR | O_CREAT) != 0) return 8;
              if (::rename(path("out/new").c_str(), path("out/named").c_str()) != 0) return 9;
              if (::rename(path("out/named").c_str(), path("outside").c_str()) == 0) return 10;
              if (::unlink(path("outside").c_str()) == 0) return 11;
              if (::socket(AF_INET, SOCK_STREAM, 0) >= 0) return 12;
              if (::fork() >= 0) return 13;
              return 0;
            }),
            0);
  EXPECT_TRUE(fs::exists(folder_ / "out/named"));
}

TEST_F(SandboxTest, KeepsSocketsThatItHoldsAndMakesThreads) {
  ASSERT_TRUE(has_both_layers()) << "this kernel cannot prove it";
  EXPECT_EQ(in_child([&] {
              sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
              std::strncpy(address.sun_path, path("out/door").c_str(), sizeof address.sun_path - 1);
              if (!restrict_files({.readable = {}, .writable = {}, .sockets = {path("out")}}).ok()) return 100;
              int door = ::socket(AF_UNIX, SOCK_STREAM, 0);
              if (::bind(door, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 1;
              if (::listen(door, 1) != 0) return 2;
              int caller = ::socket(AF_UNIX, SOCK_STREAM, 0);
              if (::connect(caller, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 3;
              if (!restrict_calls(FileCalls::kNone).ok()) return 101;
              int served = ::accept4(door, nullptr, nullptr, SOCK_CLOEXEC);
              if (served < 0 || ::write(served, "x", 1) != 1) return 4;
              char byte = 0;
              if (::read(caller, &byte, 1) != 1 || byte != 'x') return 5;
              return 0;
            }),
            0);
}

TEST_F(SandboxTest, HoldsThreadsMadeBeforeAndAfter) {
  ASSERT_TRUE(has_both_layers()) << "this kernel cannot prove it";
  EXPECT_EQ(in_child([&] {
              std::atomic<bool> go{false}, escaped{false};
              auto try_it = [&] {
                while (!go) std::this_thread::yield();
                if (::socket(AF_INET, SOCK_STREAM, 0) >= 0) escaped = true;
                if (::open("/etc/passwd", O_RDONLY) >= 0) escaped = true;
              };
              std::thread before(try_it);
              if (!restrict_calls(FileCalls::kNone).ok()) ::_exit(100);
              go = true;
              std::thread after(try_it);
              before.join();
              after.join();
              return escaped ? 1 : 0;
            }),
            0);
}

TEST_F(SandboxTest, AbortStillEndsTheProcess) {
  EXPECT_EQ(in_child([] {
              if (!limit_resources(64).ok() || !restrict_calls(FileCalls::kNone).ok()) return 100;
              ::signal(SIGABRT, SIG_DFL);
              ::abort();
            }),
            1000 + SIGABRT);
}

TEST_F(SandboxTest, LimitsDescriptorsAndCores) {
  EXPECT_EQ(in_child([] {
              if (!limit_resources(64).ok()) return 100;
              rlimit files{}, core{};
              ::getrlimit(RLIMIT_NOFILE, &files);
              ::getrlimit(RLIMIT_CORE, &core);
              return files.rlim_max == 64 && core.rlim_max == 0 ? 0 : 1;
            }),
            0);
}

TEST_F(SandboxTest, SaysWhatTheKernelGives) {
  auto layers = sandbox_support();
  ASSERT_EQ(layers.size(), 2u);
  for (const SandboxLayer& layer : layers) EXPECT_FALSE(layer.detail.empty());
}

}  // namespace
}  // namespace studio
