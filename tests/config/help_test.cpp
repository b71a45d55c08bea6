#include "icl/config/help.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/toml.hpp"

namespace icl::config {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

/// The words of `text`, one blank between two.
std::string unwrapped(const std::string& text) {
  std::string result;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) {
    result += (result.empty() ? "" : " ") + word;
  }
  return result;
}

TEST(KeyHelp, ShowsEveryFieldWithDefaultRangeAndDoc) {
  const std::string help = unwrapped(key_help());
  for (const Field& field : fields()) {
    const std::string row =
        std::string(field.name) + " " + to_text(get(field, Config{})) + " " + range_text(field);
    EXPECT_THAT(help, testing::HasSubstr(row));
    EXPECT_THAT(help, testing::HasSubstr(std::string(field.doc) + "."));
    EXPECT_THAT(help, testing::HasSubstr(std::string(field.when_absent)));
  }
}

TEST(KeyHelp, FitsIn100ColumnsAndUsesThem) {
  std::size_t longest = 0;
  for (const std::string& line : lines_of(key_help())) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_THAT(line, testing::Not(testing::EndsWith(" ")));
    longest = std::max(longest, line.size());
  }
  EXPECT_GT(longest, 90U);
}

TEST(KeyHelp, AlignsTheColumns) {
  const auto lines = lines_of(key_help());
  const std::size_t column = lines.at(0).find("default");
  ASSERT_NE(column, std::string::npos);
  std::size_t rows = 0;
  for (const Field& field : fields()) {
    const auto row = std::ranges::find_if(lines, [&](const std::string& line) {
      return line.starts_with("  " + std::string(field.name) + " ");
    });
    ASSERT_NE(row, lines.end()) << field.name;
    EXPECT_EQ(row->find(to_text(get(field, Config{})), 2 + field.name.size()), column) << *row;
    ++rows;
  }
  EXPECT_EQ(rows, fields().size());
}

TEST(KeyHelp, OfAWordShowsTheKeysThatHoldIt) {
  EXPECT_THAT(key_help("weight_DECAY"), testing::AllOf(testing::HasSubstr("weight_decay_attention"),
                                                       testing::HasSubstr("weight_decay_mlp"),
                                                       testing::Not(testing::HasSubstr("data.K"))));
  EXPECT_THAT(key_help("bursty"), testing::HasSubstr("data.bursty"));
  EXPECT_THAT(key_help("Zipf"), testing::Not(testing::HasSubstr("train.seed ")));
  EXPECT_EQ(key_help("no such word"), "");
}

TEST(KeyHelp, HasEachSectionOnceAndSaysWhatItIs) {
  const auto lines = lines_of(key_help());
  for (const std::string_view section : sections()) {
    const std::string head = "[" + std::string(section) + "] ";
    EXPECT_EQ(std::ranges::count_if(
                  lines, [&](const std::string& line) { return line.starts_with(head); }),
              1)
        << section;
  }
}

TEST(KeyHelp, OfASectionShowsItsKeysAlone) {
  const auto lines = lines_of(key_help("train"));
  EXPECT_EQ(std::ranges::count_if(lines, [](const auto& l) { return l.starts_with("["); }), 1);
  EXPECT_THAT(key_help("train"), testing::HasSubstr("train.seed"));
  EXPECT_THAT(key_help("train"), testing::Not(testing::HasSubstr("seed.init")));
}

TEST(CommentedToml, ReadsBackAsTheConfiguration) {
  Config config;
  config.model.system = System::memoriser;
  config.data.K = 500;
  config.train.learning_rate = 0.3;
  config.probe.record = "norms";
  const std::string text = commented_toml(config);
  EXPECT_EQ(parse(text, "test"), config);
  EXPECT_THAT(text, testing::HasSubstr("#items ="));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("layers =")));
}

}  // namespace
}  // namespace icl::config
