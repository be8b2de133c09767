#include "base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "base/nearest_name.h"

namespace studio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<Setting> kSettings = {
    {.name = "data", .fallback = "/var/data"},
    {.name = "engine.threads", .kind = SettingKind::kNumber, .fallback = "0", .min = 0, .max = 1024},
    {.name = "engine.kernels", .fallback = "auto", .choices = {"auto", "scalar", "avx2"}},
    {.name = "engine.kv_bytes", .kind = SettingKind::kBytes, .fallback = "0", .min = 0},
    {.name = "serve.models", .kind = SettingKind::kList},
    {.name = "serve.allow_remote", .kind = SettingKind::kFlag, .fallback = "false"},
};

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    char name[] = "/tmp/studio_config_XXXXXX";
    int fd = ::mkstemp(name);
    ::close(fd);
    path_ = name;
  }
  ~ConfigFile() override { ::unlink(path_.c_str()); }

  Result<Config> load(const std::string& text, ConfigSources sources = {}) {
    std::ofstream(path_) << text;
    sources.files.push_back(path_);
    return Config::load(kSettings, sources);
  }
  std::string refusal(const std::string& text) {
    auto config = load(text);
    return config.ok() ? "accepted" : config.error().message();
  }
  std::string path_;
};

TEST_F(ConfigFile, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  const std::string file = "[engine]\nthreads = 2\n";
  auto config = load("");
  EXPECT_EQ(config->number("engine.threads"), 0);
  EXPECT_EQ(config->origin("engine.threads"), "default");
  config = load(file);
  EXPECT_EQ(config->number("engine.threads"), 2);
  EXPECT_EQ(config->origin("engine.threads"), path_ + ":2");
  config = load(file, {.env = {{"STUDIO_ENGINE_THREADS", "3"}}});
  EXPECT_EQ(config->number("engine.threads"), 3);
  EXPECT_EQ(config->origin("engine.threads"), "STUDIO_ENGINE_THREADS");
  config = load(file, {.env = {{"STUDIO_ENGINE_THREADS", "3"}}, .flags = {{"engine.threads", "4"}}});
  EXPECT_EQ(config->number("engine.threads"), 4);
  EXPECT_EQ(config->origin("engine.threads"), "--threads");
}

TEST_F(ConfigFile, ReadsEveryKind) {
  auto config =
      load("data = '/d'\n[engine]\nkv_bytes = \"2 GiB\"\n[serve]\nmodels = ['a', 'b']\nallow_remote = true\n");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->text("data"), "/d");
  EXPECT_EQ(config->number("engine.kv_bytes"), int64_t{2} << 30);
  EXPECT_THAT(config->list("serve.models"), ElementsAre("a", "b"));
  EXPECT_TRUE(config->flag("serve.allow_remote"));
  EXPECT_EQ(config->display("serve.models"), R"(["a", "b"])");
}

TEST_F(ConfigFile, ListsInTheEnvironmentAreSeparatedByCommas) {
  auto config = load("", {.env = {{"STUDIO_SERVE_MODELS", "a, b"}}});
  EXPECT_THAT(config->list("serve.models"), ElementsAre("a", "b"));
}

TEST_F(ConfigFile, UnknownNamesAreRefusedWithLineAndSuggestion) {
  EXPECT_EQ(refusal("\n[engine]\nthread = 1\n"),
            path_ + ":3: unknown setting 'engine.thread'; did you mean 'engine.threads'?");
  EXPECT_EQ(refusal("[engin]\nthreads = 1\n"), path_ + ":1: unknown table [engin]; did you mean 'engine'?");
  EXPECT_THAT(refusal("[engine.deep]\nthreads = 1\n"), HasSubstr("unknown setting 'engine.deep'"));
}

TEST_F(ConfigFile, BadValuesAreRefusedWithTheReason) {
  EXPECT_THAT(refusal("[engine]\nthreads = 'two'\n"), HasSubstr(":2: engine.threads: expected a whole number"));
  EXPECT_THAT(refusal("[engine]\nthreads = -1\n"), HasSubstr("-1 is out of range (between 0 and 1024)"));
  EXPECT_THAT(refusal("[engine]\nkernels = 'avx'\n"),
              HasSubstr("'avx' is none of auto, scalar, avx2; did you mean 'avx2'?"));
  EXPECT_THAT(refusal("[engine]\nkv_bytes = '2 potatoes'\n"), HasSubstr("is not a size"));
  EXPECT_THAT(refusal("[serve]\nallow_remote = 1\n"), HasSubstr("expected true or false"));
  EXPECT_THAT(refusal("[serve]\nmodels = ['a', 1]\n"), HasSubstr("expected a list of texts"));
  EXPECT_THAT(refusal("data = \n"), HasSubstr(path_ + ":1: "));
}

TEST_F(ConfigFile, MistypedVariablesOfOurTablesAreRefused) {
  auto config = load("", {.env = {{"STUDIO_ENGINE_THREAD", "1"}}});
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.error().message(), "STUDIO_ENGINE_THREAD: unknown setting; did you mean 'STUDIO_ENGINE_THREADS'?");
  EXPECT_TRUE(load("", {.env = {{"STUDIO_SOMETHING_ELSE", "1"}}}).ok());
}

// A file damaged anywhere is refused with its place, or still means something valid; it never crashes.
TEST_F(ConfigFile, DamagedFilesAreRefusedWithTheirPlaceOrHarmless) {
  const std::string good =
      "data = \"/d\"\n[engine]\nthreads = 2\nkernels = \"avx2\"\n[serve]\nmodels = [\"a\"]\nallow_remote = false\n";
  std::mt19937 random(1);
  for (int i = 0; i < 2'000; ++i) {
    std::string text = good;
    for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
      text[random() % text.size()] = static_cast<char>(random() % 256);
    }
    std::string answer = refusal(text);
    if (answer != "accepted") {
      ASSERT_TRUE(answer.starts_with(path_ + ":")) << answer;
    }
  }
}

// What the parser library takes for impossible unless told otherwise (config.cc).
TEST_F(ConfigFile, KeysThatCannotBeginAKeyAreRefused) {
  EXPECT_THAT(refusal("[^serve]\nallow_remote = true\n"), HasSubstr(path_ + ":1: "));
  EXPECT_THAT(refusal("data = \"d\"\n[#]\n"), HasSubstr(path_ + ":2: "));
  EXPECT_THAT(refusal("[engine]\nthread\u00e4 = 2\n"), HasSubstr(path_ + ":2: "));
  EXPECT_THAT(refusal("[engine]\nthreads\u0416= 2\n"), HasSubstr(path_ + ":2: "));
  EXPECT_THAT(refusal("\ufeff# a mark of byte order\n\u00a0data = 1\n"), HasSubstr(path_ + ":2: "));
}

TEST(NearestName, FindsASlipAndNothingFar) {
  std::vector<std::string> known = {"serve", "show", "pull"};
  EXPECT_EQ(nearest_name("sevre", known), "serve");
  EXPECT_EQ(nearest_name("shwo", known), "show");
  EXPECT_EQ(nearest_name("quantise", known), "");
  EXPECT_EQ(edit_distance("abc", "acb"), 1);
  EXPECT_EQ(edit_distance("", "abc"), 3);
}

}  // namespace
}  // namespace studio
