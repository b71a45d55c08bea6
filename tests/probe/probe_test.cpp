#include "icl/probe/probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "icl/config/system.hpp"
#include "icl/probe/reading.hpp"

namespace icl::probe {
namespace {

template <class Check>
void for_each_column(const Check& check) {
  for (const config::ProbeRow& row : config::probe_rows()) {
    for (const Column& column : probe_of(row.probe).columns) check(row, column);
  }
}

TEST(Probes, DescribeTheirColumns) {
  std::set<std::string_view> names;
  for_each_column([&](const config::ProbeRow& row, const Column& column) {
    EXPECT_TRUE(names.insert(column.name).second) << column.name << " comes twice";
    EXPECT_THAT(std::string(column.name), testing::MatchesRegex("I_K|[a-z][a-z0-9_]*"));
    EXPECT_FALSE(column.formula.empty()) << column.name;
    EXPECT_FALSE(column.description.empty()) << column.name;
    EXPECT_TRUE(column.source == of_the_paper || column.source == of_icl) << row.name;
    // Accuracies and shares have no unit; losses, logits and entropies are in nats, but a loss
    // where it is not that of labels: then it is in the unit of the run's.
    const std::string_view of_loss = row.tasks == config::Tasks::labels ? "nat" : "{unit}";
    EXPECT_TRUE(column.units == "1" || column.units == "nat" || column.units == of_loss)
        << column.name;
    if (column.name.ends_with("_accuracy")) {
      EXPECT_EQ(column.units, "1") << column.name;
    }
    if (column.name.ends_with("_loss")) {
      EXPECT_EQ(column.units, of_loss) << column.name;
    }
  });
  for (const char* published : {"I_K", "c1", "c2", "c3"}) EXPECT_TRUE(names.contains(published));
}

TEST(Probes, AreReadAndThereIsASystemForEach) {
  for (const config::ProbeRow& row : config::probe_rows()) {
    EXPECT_NE(probe_of(row.probe).read, nullptr) << row.name;
    EXPECT_FALSE(probe_of(row.probe).columns.empty()) << row.name;
    EXPECT_TRUE(std::ranges::any_of(config::systems, [&](const config::SystemRow& system) {
      return config::has_probe(system.system, row.probe);
    })) << row.name;
  }
}

// The order is that of /metrics in run files.
TEST(Reading, HasItsPlacesByProbeColumnAndParameter) {
  config::Config config;
  config.probe.record = "norms margins";
  std::vector<std::string> found;
  for (const Place& place : places_of(config, 2)) {
    found.push_back(std::string(place.column->name) + std::to_string(place.which));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"attention_margin0", "memoriser_margin0", "norm0",
                                             "norm1", "gradient_norm0", "gradient_norm1",
                                             "update_norm0", "update_norm1"}));
  config.probe.sequences = 0;
  EXPECT_TRUE(places_of(config, 2).empty());
}

TEST(Reading, IsNanWhereNothingWasAskedFor) { EXPECT_TRUE(std::isnan(Reading{}["c1"])); }

}  // namespace
}  // namespace icl::probe
