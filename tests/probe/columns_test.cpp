#include "icl/probe/columns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "icl/config/system.hpp"

namespace icl::probe {
namespace {

TEST(Columns, AreDescribed) {
  std::set<std::string_view> names;
  for (const Column& column : columns()) {
    EXPECT_TRUE(names.insert(column.name).second) << column.name << " comes twice";
    EXPECT_THAT(std::string(column.name), testing::MatchesRegex("[a-z][a-z0-9_]*"));
    EXPECT_FALSE(column.formula.empty()) << column.name;
    EXPECT_FALSE(column.description.empty()) << column.name;
    const bool published = column.name == "c1" || column.name == "c2" || column.name == "c3";
    EXPECT_EQ(column.source, published ? of_the_paper : of_icl) << column.name;
    EXPECT_TRUE(column.units == "1" || column.units == "nat") << column.name;
    // Accuracies and shares have no unit; losses, logits and entropies are in nats.
    if (column.name.ends_with("_accuracy")) {
      EXPECT_EQ(column.units, "1") << column.name;
    }
    if (column.name.ends_with("_loss")) {
      EXPECT_EQ(column.units, "nat") << column.name;
    }
  }
}

TEST(Columns, AreOfProbesThatThereAre) {
  const auto rows = config::probe_rows();
  for (const Column& column : columns()) {
    const auto row = std::ranges::find(rows, column.probe, &config::ProbeRow::probe);
    ASSERT_NE(row, rows.end()) << column.name;
    EXPECT_TRUE(std::ranges::any_of(config::systems, [&](const config::SystemRow& row_of_system) {
      return config::has_probe(row_of_system.system, column.probe);
    })) << column.name;
  }
}

// The norms have columns of their own, one for each parameter.
TEST(Columns, AreThereForEveryProbeButTheNorms) {
  for (const config::ProbeRow& row : config::probe_rows()) {
    EXPECT_EQ(std::ranges::count(columns(), row.probe, &Column::probe) > 0,
              row.probe != config::ProbeName::norms)
        << row.name;
  }
}

TEST(Columns, OfNothingAreNan) {
  for (const Column& column : columns()) {
    EXPECT_TRUE(std::isnan(column.value(Reading{}))) << column.name;
  }
}

TEST(Columns, ReadWhatTheirNamesSay) {
  Reading r;
  r.c1 = 1, r.c2 = 2, r.c3 = 3;
  r.margin = {4, 5};
  r.effective_beta = {6, 7};
  r.effective_w = {8, 9};
  r.nonlinearity = 10, r.self_minus_copy = 11;
  r.attention_copy = 12, r.attention_self = 13, r.attention_entropy = 14;
  r.attention_margin = 15, r.memoriser_margin = 16, r.alignment = 17;
  r.uniform_icl = {18, 19}, r.uniform_iwl = {20, 21};
  r.none_icl = {22, 23}, r.none_iwl = {24, 25};
  r.copy_icl = {26, 27};
  r.novel_margin = {-1, 28};
  std::map<std::string, double> values;
  for (const Column& column : columns()) values[std::string(column.name)] = column.value(r);
  const std::map<std::string, double> expected{{"c1", 1},
                                               {"c2", 2},
                                               {"c3", 3},
                                               {"phi_mean", 4},
                                               {"phi_deviation", 5},
                                               {"effective_beta", 6},
                                               {"effective_beta_deviation", 7},
                                               {"effective_w", 8},
                                               {"effective_w_deviation", 9},
                                               {"effective_nonlinearity", 10},
                                               {"self_minus_copy", 11},
                                               {"attention_copy", 12},
                                               {"attention_self", 13},
                                               {"attention_entropy", 14},
                                               {"attention_margin", 15},
                                               {"memoriser_margin", 16},
                                               {"identity_alignment", 17},
                                               {"uniform_icl_loss", 18},
                                               {"uniform_icl_accuracy", 19},
                                               {"uniform_iwl_loss", 20},
                                               {"uniform_iwl_accuracy", 21},
                                               {"no_attention_icl_loss", 22},
                                               {"no_attention_icl_accuracy", 23},
                                               {"no_attention_iwl_loss", 24},
                                               {"no_attention_iwl_accuracy", 25},
                                               {"clamped_icl_loss", 26},
                                               {"clamped_icl_accuracy", 27},
                                               {"novel_margin_deviation", 28}};
  EXPECT_EQ(values, expected);
}

}  // namespace
}  // namespace icl::probe
