#include "inference/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

namespace studio::inference {
namespace {

using namespace std::chrono_literals;

template <typename Done>
bool wait(Done done) {
  for (int i = 0; i < 2000 && !done(); ++i) std::this_thread::sleep_for(10ms);
  return done();
}

SupervisorOptions sleeper() {
  SupervisorOptions options;
  options.name = "sleeper";
  options.program = "/bin/sleep";
  options.arguments = {"1000"};
  options.first_backoff = options.longest_backoff = 10min;  // whoever waits for it does not come back in a test
  return options;
}

TEST(Supervisor, BeginsTheNextLifeAtOnceAfterAGoodOne) {
  auto supervisor = std::move(*Supervisor::start(sleeper()));
  const int first = supervisor->pid();
  ASSERT_GT(first, 0);
  supervisor->note_good_life();
  supervisor->kill();
  EXPECT_TRUE(wait([&] { return supervisor->pid() != 0 && supervisor->pid() != first; }));
  EXPECT_EQ(supervisor->restarts(), 1);
  EXPECT_EQ(supervisor->last_end(), "signal 9");
}

TEST(Supervisor, WaitsAfterALifeThatCameToNothing) {
  auto supervisor = std::move(*Supervisor::start(sleeper()));
  supervisor->kill();
  EXPECT_TRUE(wait([&] { return supervisor->pid() == 0; }));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(supervisor->restarts(), 0);
  supervisor->stop(1s);  // and does not hold up its end
}

TEST(Supervisor, CountsLoadsThatFailedAndNoKills) {
  SupervisorOptions options = sleeper();
  options.program = "/bin/false";
  options.first_backoff = options.longest_backoff = 1ms;
  auto failing = std::move(*Supervisor::start(std::move(options)));
  EXPECT_TRUE(wait([&] { return failing->failed_loads() >= 3; }));
  failing->stop(1s);

  auto killed = std::move(*Supervisor::start(sleeper()));
  killed->kill();
  EXPECT_TRUE(wait([&] { return !killed->last_end().empty(); }));
  EXPECT_EQ(killed->failed_loads(), 0);
}

TEST(Supervisor, AGoodLifeForgetsTheLoadsThatFailed) {
  SupervisorOptions options = sleeper();
  options.program = "/bin/sh";  // fails but where the file is there
  const auto mark = std::filesystem::temp_directory_path() / ("studio_supervisor_test_" + std::to_string(::getpid()));
  options.arguments = {"-c", "[ -e " + mark.string() + " ] && exec sleep 1000; exit 1"};
  options.first_backoff = options.longest_backoff = 1ms;
  auto supervisor = std::move(*Supervisor::start(std::move(options)));
  EXPECT_TRUE(wait([&] { return supervisor->failed_loads() > 0; }));
  ::close(::open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_TRUE(wait([&] {
    const int pid = supervisor->pid();
    std::error_code gone;
    return pid > 0 &&
           std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", gone).filename() == "sleep";
  }));
  supervisor->note_good_life();
  EXPECT_EQ(supervisor->failed_loads(), 0);
  supervisor->kill();
  EXPECT_TRUE(wait([&] { return supervisor->last_end() == "signal 9"; }));
  EXPECT_EQ(supervisor->failed_loads(), 0);
  std::filesystem::remove(mark);
}

TEST(Supervisor, KeepsTheGatewaysDescriptorsFromItsWorker) {
  const int ours = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as a library may open one
  ASSERT_GT(ours, STDERR_FILENO);
  auto supervisor = std::move(*Supervisor::start(sleeper()));
  const std::string folder = "/proc/" + std::to_string(supervisor->pid()) + "/";
  EXPECT_TRUE(
      wait([&] { return std::filesystem::read_symlink(folder + "exe").filename() != "studio_inference_test"; }));
  for (const auto& entry : std::filesystem::directory_iterator(folder + "fd")) {
    EXPECT_LE(std::stoi(entry.path().filename()), STDERR_FILENO);
  }
  ::close(ours);
}

TEST(Supervisor, TellsAProgramThatCannotRun) {
  SupervisorOptions options = sleeper();
  options.program = "/no/such/program";
  auto supervisor = Supervisor::start(std::move(options));
  ASSERT_TRUE(supervisor.ok());
  EXPECT_TRUE(wait([&] { return (*supervisor)->last_end() == "exit status 127"; }));
}

}  // namespace
}  // namespace studio::inference
