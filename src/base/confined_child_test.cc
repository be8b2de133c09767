#include "base/confined_child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

namespace studio {
namespace {

namespace fs = std::filesystem;

void tell_nobody(const std::vector<SandboxLayer>&) {}

bool has_both_layers() {
  for (const SandboxLayer& layer : sandbox_support()) {
    if (!layer.is_on) return false;
  }
  return true;
}

class ConfinedChildTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("studio_confined_child_test_" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "model");
    fs::create_directories(folder_ / "out");
    std::ofstream(folder_ / "model/weights") << std::string(8192, 'w');
    std::ofstream(folder_ / "outside") << "secret";
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const char* name) const { return (folder_ / name).string(); }
  Status run(const std::function<Status()>& work) const {
    return run_confined({.readable = {path("model")}, .writable = {path("out")}, .sockets = {}}, tell_nobody, work);
  }

  fs::path folder_;
};

Status refused(const char* what) {
  return Error(Code::kInternal, what);
}

TEST_F(ConfinedChildTest, ReadsItsSourceAndWritesItsOutput) {
  Status done = run([&]() -> Status {
    std::ofstream out(folder_ / "out/made");
    out << std::ifstream(folder_ / "model/weights").rdbuf();
    std::thread([&] { out.flush(); }).join();
    return out.good() ? Status(Ok{}) : refused("it cannot");
  });
  EXPECT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(fs::file_size(folder_ / "out/made"), 8192u);
}

TEST_F(ConfinedChildTest, ReachesNothingElse) {
  if (!sandbox_fits_build()) GTEST_SKIP() << "a sanitizer is built in";
  ASSERT_TRUE(has_both_layers()) << "this kernel cannot prove it";
  const std::string outside = path("outside"), weights = path("model/weights"), beside = path("made");
  Status done = run([&]() -> Status {
    if (::open(outside.c_str(), O_RDONLY) >= 0) return refused("a file elsewhere opens");
    if (::open("/etc/passwd", O_RDONLY) >= 0) return refused("a file of the system opens");
    if (::open(weights.c_str(), O_WRONLY) >= 0) return refused("the model opens to write");
    if (::open(beside.c_str(), O_WRONLY | O_CREAT, 0600) >= 0) return refused("a file beside the output is made");
    if (::unlink(weights.c_str()) == 0) return refused("a file of the model goes");
    for (int family : {AF_INET, AF_INET6, AF_UNIX}) {
      if (::socket(family, SOCK_STREAM, 0) >= 0 || errno != EPERM) return refused("a socket is made");
    }
    if (::fork() >= 0) return refused("a process is made");
    if (::kill(::getppid(), 0) == 0) return refused("the parent gets a signal");
    char byte = 0;
    if (::read(STDIN_FILENO, &byte, 1) != 0) return refused("standard input is there");
    return Ok{};
  });
  EXPECT_TRUE(done.ok()) << done.error().message();
  EXPECT_TRUE(fs::exists(weights));
}

// The same would be done without it, or the test above would prove nothing.
TEST_F(ConfinedChildTest, LeavesItsParentAsItWas) {
  EXPECT_TRUE(run([]() -> Status { return Ok{}; }).ok());
  const int file = ::open(path("outside").c_str(), O_RDWR), door = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_GE(file, 0);
  EXPECT_GE(door, 0);
  ::close(file);
  ::close(door);
}

TEST_F(ConfinedChildTest, HandsOnAnErrorAndNoBytesThatSteerATerminal) {
  Status done = run([]() -> Status { return Error(Code::kUnimplemented, "tensor 'a\x1b[2J' is of no type"); });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), Code::kUnimplemented);
  EXPECT_EQ(done.error().message(), "tensor 'a [2J' is of no type");
}

TEST_F(ConfinedChildTest, BelievesNoCodeThatThereIsNot) {
  Status done = run([]() -> Status { return Error(static_cast<Code>(200), "trust me"); });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), Code::kCorruptData);
  EXPECT_FALSE(run([]() -> Status { ::_exit(3); }).ok());
}

TEST_F(ConfinedChildTest, OutlivesAFileCutShortWhileItIsMapped) {
  const int fd = ::open(path("model/weights").c_str(), O_RDWR);
  Status done = run([&]() -> Status {
    ::signal(SIGBUS, SIG_DFL);  // a test's own handler would report it
    auto* bytes = static_cast<const volatile char*>(::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 0));
    if (bytes == MAP_FAILED || ::ftruncate(fd, 4096) != 0) return refused("the file cannot be cut");
    return bytes[8000] == 'w' ? refused("it is still there") : refused("it is empty");
  });
  ::close(fd);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), Code::kCorruptData);
  EXPECT_EQ(done.error().message(), "a file was cut short while it was read");
}

TEST_F(ConfinedChildTest, TellsOfEachLayer) {
  Status done = run_confined(
      {.readable = {}, .writable = {path("out")}, .sockets = {}},
      [&](const std::vector<SandboxLayer>& layers) {
        std::ofstream out(folder_ / "out/layers");
        for (const SandboxLayer& layer : layers) out << layer.is_on << " " << layer.detail << "\n";
      },
      []() -> Status { return Ok{}; });
  ASSERT_TRUE(done.ok());
  EXPECT_GT(fs::file_size(folder_ / "out/layers"), 10u);
}

}  // namespace
}  // namespace studio
