// Faults of a machine that a test cannot have: told to the checks instead.
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/doctor_checks.h"

namespace studio::cli {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;

MachineFacts healthy() {
  MachineFacts facts;
  facts.cores = 2;
  facts.kernels = "avx2";
  facts.memory_available = 8 * kGiB;
  facts.unix_time = 1'800'000'000;
  facts.open_files = facts.open_files_most = 1 << 20;
  facts.huge_pages = "madvise";
  return facts;
}

Finding found(const MachineFacts& facts, const std::string& check, const ModelSize& largest = {}) {
  std::vector<Finding> findings = check_machine(facts, largest);
  auto at = std::ranges::find_if(findings, [&](const Finding& finding) { return finding.check == check; });
  EXPECT_NE(at, findings.end()) << check;
  return at == findings.end() ? Finding() : *at;
}

void expect_explained(const Finding& finding, Verdict verdict, const char* word) {
  EXPECT_EQ(finding.verdict, verdict) << finding.text;
  EXPECT_FALSE(finding.why.empty());
  EXPECT_FALSE(finding.remedy.empty());
  EXPECT_NE((finding.text + finding.remedy).find(word), std::string::npos) << finding.text;
}

TEST(DoctorMachine, FindsNothingOnAHealthyOne) {
  for (const Finding& finding : check_machine(healthy(), {"small", kGiB})) {
    EXPECT_EQ(finding.verdict, Verdict::kGood) << finding.check << ": " << finding.text;
  }
}

TEST(DoctorMachine, ThisOneCanBeRead) {
  MachineFacts facts = read_machine();
  EXPECT_GT(facts.cores, 0);
  EXPECT_FALSE(facts.kernels.empty());
  EXPECT_GT(facts.memory_available, 0);
  EXPECT_GT(facts.open_files, 0U);
}

TEST(DoctorMachine, WeighsMemoryAgainstTheLargestModel) {
  MachineFacts facts = healthy();
  expect_explained(found(facts, "memory", {"big", 8 * kGiB}), Verdict::kWarning, "big needs about");
  facts.memory_limit = kGiB;  // of the container, though the machine has more
  expect_explained(found(facts, "memory", {"small", kGiB}), Verdict::kWarning, "control group");
  expect_explained(found(facts, "memory"), Verdict::kWarning, "control group");
}

TEST(DoctorMachine, KnowsSlowKernelsAWrongClockAndLowLimits) {
  MachineFacts facts = healthy();
  facts.has_vector_kernels = false;
  facts.kernels = "scalar";
  expect_explained(found(facts, "processor"), Verdict::kWarning, "scalar");
  facts = healthy();
  facts.unix_time = 86'400;  // 1970
  expect_explained(found(facts, "clock"), Verdict::kFailure, "before this program");
  facts = healthy();
  facts.is_clock_synchronised = false;
  expect_explained(found(facts, "clock"), Verdict::kNote, "time service");
  facts = healthy();
  facts.open_files = 1024;
  expect_explained(found(facts, "open files"), Verdict::kWarning, "ulimit -n");
  facts.open_files_most = 1024;
  expect_explained(found(facts, "open files"), Verdict::kWarning, "LimitNOFILE");
  facts = healthy();
  facts.huge_pages = "never";
  expect_explained(found(facts, "huge pages"), Verdict::kNote, "never");
  facts = healthy();
  facts.has_landlock = false;
  expect_explained(found(facts, "kernel"), Verdict::kNote, "Landlock");
}

}  // namespace
}  // namespace studio::cli
