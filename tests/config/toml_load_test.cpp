#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/toml_texts.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "icl/core/message.hpp"
#include "support/errors.hpp"

namespace icl::config {
namespace {

using test::outcome_of;
using testing::HasSubstr;

/// A folder of its own for each test.
class TomlFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("icl_toml_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::filesystem::path write(const std::string& text) const {
    auto path = folder_ / "run.toml";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

TEST_F(TomlFileTest, LoadReadsTheFile) {
  const Config config = load(write("[data]\nK = inf\n"), {});
  EXPECT_TRUE(config.data.K.is_infinite());
}

TEST_F(TomlFileTest, ErrorsBeginWithThePathAsGiven) {
  const auto path = write("[data]\nK = 3\n");
  const auto outcome = outcome_of([&] { return load(path, {}); });
  EXPECT_EQ(outcome.code, ExitCode::usage);
  EXPECT_THAT(outcome.message, testing::StartsWith(path.string() + ":2: data.K: expected an even"));
}

TEST_F(TomlFileTest, MissingFileIsBadInput) {
  const auto path = folder() / "none.toml";
  const auto outcome = outcome_of([&] { return load(path, {}); });
  EXPECT_EQ(outcome.code, ExitCode::bad_input);
  EXPECT_EQ(outcome.message, "cannot read " + path.string() + ": No such file or directory");
}

TEST_F(TomlFileTest, DirectoryIsBadInput) {
  const auto outcome = outcome_of([&] { return load(folder(), {}); });
  EXPECT_EQ(outcome.code, ExitCode::bad_input);
  EXPECT_EQ(outcome.message, "cannot read " + folder().string() + ": Is a directory");
}

TEST_F(TomlFileTest, HugeFileIsBadInput) {
  const auto path = write("");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40U);  // sparse
  const auto outcome = outcome_of([&] { return load(path, {}); });
  EXPECT_EQ(outcome.code, ExitCode::bad_input);
  EXPECT_EQ(outcome.message, path.string() + ": a configuration has at most 64 KiB");
}

class OverrideTest : public TomlFileTest {
 protected:
  [[nodiscard]] Config with(const std::vector<std::string>& overrides) const {
    return load(write("[train]\nseed = 1\n"), overrides);
  }
};

TEST_F(OverrideTest, TheLastSettingWins) {
  EXPECT_EQ(with({}).train.seed, 1);
  EXPECT_EQ(with({"train.seed=2"}).train.seed, 2);
  EXPECT_EQ(with({"train.seed=2", "train.seed=3"}).train.seed, 3);
}

TEST_F(OverrideTest, ValuesAreToml) {
  EXPECT_TRUE(with({"data.K=inf"}).data.K.is_infinite());
  EXPECT_TRUE(with({"data.K='inf'"}).data.K.is_infinite());
  EXPECT_EQ(with({"data.K=1e5"}).data.K, Diversity(100000));
  EXPECT_EQ(with({"data.K=100_000"}).data.K, Diversity(100000));
  EXPECT_EQ(with({" train.learning_rate = 0.5 "}).train.learning_rate, 0.5);
  EXPECT_EQ(with({"stop.icl_accuracy=0.99"}).stop.icl_accuracy, 0.99);
  EXPECT_EQ(with({"model.system=\"one_layer\""}).model.system, System::one_layer);
}

TEST_F(OverrideTest, BareWordsAreStrings) {
  EXPECT_EQ(with({"model.system=one_layer"}).model.system, System::one_layer);
  const auto outcome = outcome_of([&] { return with({"model.system=two-layer.v2"}); });
  EXPECT_THAT(outcome.message, HasSubstr("found the string \"two-layer.v2\""));
  EXPECT_EQ(with({"train.clip_norm=2", "train.clip_norm = not set"}).train.clip_norm, std::nullopt);
}

TEST_F(OverrideTest, ErrorsNameTheOverride) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"train.seed=010",
       "not a TOML value: Error while parsing decimal integer: leading zeroes "
       "are prohibited"},
      {"train.seed=", "the value is missing; expected key=value"},
      {"train.seed", "expected key=value"},
      {"=3", "the key is missing; expected key=value"},
      {"train.seed=true", seed_expected + "the boolean true"},
      {"train.seed=[1]", seed_expected + "an array"},
      {"train.seed={a=1}", seed_expected + "a table"},
      {"train.seed=abc", seed_expected + "the string \"abc\""},
      {"train.seed=-1", seed_expected + "the integer -1"},
      {"train.learning_rate=nan",
       "train.learning_rate: expected a finite number >= 1e-37 and <= 1e+20, found the float nan"},
      {"train.seed=1\ndata=2", "expected one TOML value, found several lines"},
      {"learning_rate=1", "unknown key \"learning_rate\"; did you mean train.learning_rate?"},
      {"eval=1",
       "eval is a section with the keys eval.sequences, eval.every, eval.log_points, eval.refine, "
       "eval.set: "
       "--set takes one key at a time, with its dot"},
      {"eval={every=3}",
       "eval is a section with the keys eval.sequences, eval.every, eval.log_points, eval.refine, "
       "eval.set: "
       "--set takes one key at a time, with its dot"},
      {"data.K=50",
       "data.K = 50 must be at least data.N = 100, because IWL evaluation draws N "
       "distinct items"},
  };
  for (const auto& [text, message] : cases) {
    const auto outcome = outcome_of([&, &text = text] { return with({text}); });
    EXPECT_EQ(outcome.code, ExitCode::usage) << text;
    EXPECT_EQ(outcome.message, fmt::format("--set {}: {}", text, message));
  }
}

TEST_F(OverrideTest, ValuesThatAreNeitherTomlNorWordsAreErrors) {
  for (const std::string text :
       {"train.seed=1 2", "train.seed=1x", "train.seed=$x", "train.seed=\"x", "train.seed=0x"}) {
    const auto outcome = outcome_of([&] { return with({text}); });
    EXPECT_EQ(outcome.code, ExitCode::usage) << text;
    EXPECT_THAT(outcome.message, testing::StartsWith("--set " + text + ": not a TOML value: "));
  }
}

TEST_F(OverrideTest, RefusesHugeAndDeepValues) {
  const auto huge = outcome_of([&] { return with({"train.seed=" + std::string(70000, '1')}); });
  EXPECT_EQ(huge.code, ExitCode::usage);
  EXPECT_EQ(huge.message, "--set: a value has at most 64 KiB");
  const auto deep =
      outcome_of([&] { return with({"train.seed={" + key_of_depth(30000) + "=1}"}); });
  EXPECT_EQ(deep.code, ExitCode::usage);
  EXPECT_EQ(deep.message, "--set:1: a key or value is nested more than 256 deep");
}

TEST_F(OverrideTest, AConflictIsBlamedOnTheLastSetting) {
  const auto outcome = outcome_of([&] {
    return with({"data.K=200", "data.N=20", "data.K=300", "data.N=400", "train.seed=1"});
  });
  EXPECT_THAT(outcome.message, testing::StartsWith("--set data.N=400: data.K = 300 must be"));
}

TEST_F(OverrideTest, AConflictInTheFileCanBeOverridden) {
  const auto path = write("[data]\nK = 8\n");
  EXPECT_EQ(load(path, std::vector<std::string>{"data.N=8"}).data.N, 8);
}

TEST(WithOverrides, RefuseWhatNoTomlCanHold) {
  for (const char* text : {"data.items=caf\xe9.h5:/x", "intervene.freeze=\xf8\xf8",
                           "data.items=\xff\xfe", "data.K=1\x80", "model.system=\"one\xc3\""}) {
    const std::vector<std::string> overrides{text};
    const auto outcome = outcome_of([&] { return with_overrides(Config{}, overrides); });
    EXPECT_EQ(outcome.code, ExitCode::usage) << printable(text);
    EXPECT_THAT(outcome.message, HasSubstr("the value is not UTF-8"));
  }
}

}  // namespace
}  // namespace icl::config
