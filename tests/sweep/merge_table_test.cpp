#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "icl/store/hdf5_reader.hpp"
#include "icl/sweep/merge.hpp"
#include "sweep/merge_case.hpp"

namespace icl::sweep {
namespace {

using testing::ElementsAre;

TEST_F(Merge, TheTableHasAColumnForEachAxisAndMetric) {
  const Plan plan = tiny_plan(
      "[sweep.axes]\ndata.K = [24, 48]\nmodel.system = [\"one_layer\"]\nseed.items = [5]\n");
  train_run(folder, plan, 0);
  train_run(folder, plan, 1);
  const Merged merged = merge(folder, plan);
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  EXPECT_EQ(file.shape("/runs"), store::Extents{2});
  EXPECT_EQ(file.type("/runs"), store::ElementType::other);
  EXPECT_EQ(file.attribute<std::string>("/runs", "CLASS"), "TABLE");
  std::vector<std::string> expected = {"hash",
                                       "data.K",
                                       "model.system",
                                       "seed.items",
                                       "seed",
                                       "status",
                                       "stop_reason",
                                       "last_step",
                                       "horizon",
                                       "numerics_version",
                                       "acquired",
                                       "t_icl_step",
                                       "t_icl_previous",
                                       "t_lost_step",
                                       "t_icl_step_refined",
                                       "theory_tau_star",
                                       "theory_t_icl_step_from_initial",
                                       "theory_t_icl_step_from_measured"};
  for (const train::Metric& metric : columns()) {
    expected.push_back("final_" + metric.name);
  }
  expected.emplace_back("file");
  std::vector<std::string> names;
  for (std::size_t i = 0;; ++i) {
    const auto name =
        file.find_attribute<std::string>("/runs", "FIELD_" + std::to_string(i) + "_NAME");
    if (!name) break;
    names.push_back(*name);
  }
  EXPECT_EQ(names, expected);
  // Text is no coordinate.
  EXPECT_FALSE(file.exists("/metrics/model.system"));
  EXPECT_THAT(file.read<std::int64_t>("/metrics/seed.items", {2}), ElementsAre(5, 5));
}

/// The value of a column in the row of that hash; T is the column's type.
template <class T>
T cell(const Merged& merged, const std::string& hash, const std::string& name) {
  const auto find = [&](const std::string& column) -> const store::Column& {
    return *std::ranges::find(merged.runs, column, &store::Column::name);
  };
  const auto& hashes = std::get<std::vector<std::string>>(find("hash").values);
  const auto row = static_cast<std::size_t>(std::ranges::find(hashes, hash) - hashes.begin());
  return std::get<std::vector<T>>(find(name).values).at(row);
}

/// The number in a column, or nothing if it is NaN.
std::optional<double> step_of(const Merged& merged, const std::string& hash,
                              const std::string& name) {
  const auto value = cell<double>(merged, hash, name);
  return std::isnan(value) ? std::nullopt : std::optional(value);
}

TEST_F(Merge, TheTableTellsWhenIclWasAcquiredAndWhenItWasLost) {
  ASSERT_EQ(columns().size(), 6U);
  const Plan plan = tiny_plan("[sweep]\nseeds = 4\n[sweep.axes]\ndata.K = [24]\n");
  const run::RunRecord never = train_run(folder, plan, 0);
  ASSERT_EQ(never.t_icl_step, std::nullopt) << "a run this short must not acquire ICL";
  run::RunRecord acquired = train_run(folder, plan, 1);
  acquired.t_icl_step = 20;
  acquired.metrics[3] = {0.5, 0.6, 0.97, 0.9, 0.89, 0.99, 0.2};
  publish(folder, plan.hash(1), acquired);
  // After the evaluation at step 20, the loss was not finite at step 25.
  run::RunRecord diverged = train_run(folder, plan, 2);
  diverged.status = run::RunStatus::diverged;
  diverged.stop_reason.clear();
  diverged.step = 25;
  diverged.metric_steps.resize(3);
  for (auto& metric : diverged.metrics) metric.resize(3);
  for (auto& series : diverged.snapshots) {
    series.resize(series.size() / diverged.snapshot_steps.size());
  }
  diverged.snapshot_steps.resize(1);
  publish(folder, plan.hash(2), diverged);
  run::RunRecord at_once = train_run(folder, plan, 3);
  at_once.t_icl_step = 0;
  for (double& accuracy : at_once.metrics[3]) accuracy = 0.95;
  publish(folder, plan.hash(3), at_once);

  const Merged merged = merge(folder, plan);
  EXPECT_EQ(merged.report.merged, 4U);
  using Step = std::optional<double>;
  const auto expect = [&](std::size_t run, std::int64_t last_step, Step t_icl, Step previous,
                          Step lost, const run::RunRecord& record) {
    SCOPED_TRACE(run);
    const std::string hash = plan.hash(run);
    EXPECT_EQ(cell<std::int64_t>(merged, hash, "last_step"), last_step);
    EXPECT_EQ(cell<std::int64_t>(merged, hash, "horizon"), 60);
    EXPECT_EQ(cell<std::int64_t>(merged, hash, "numerics_version"), 2);
    EXPECT_EQ(cell<std::int64_t>(merged, hash, "acquired"), t_icl ? 1 : 0);
    EXPECT_EQ(step_of(merged, hash, "t_icl_step"), t_icl);
    EXPECT_EQ(step_of(merged, hash, "t_icl_previous"), previous);
    EXPECT_EQ(step_of(merged, hash, "t_lost_step"), lost);
    for (std::size_t m = 0; m < columns().size(); ++m) {
      EXPECT_EQ(cell<double>(merged, hash, "final_" + columns()[m].name), record.metrics[m].back());
    }
  };
  expect(0, 60, {}, {}, {}, never);
  expect(1, 60, 20, 10, 40, acquired);
  expect(2, 25, {}, {}, {}, diverged);
  expect(3, 60, 0, {}, {}, at_once);
  EXPECT_EQ(cell<std::string>(merged, plan.hash(2), "status"), "diverged");
  EXPECT_EQ(cell<std::string>(merged, plan.hash(2), "file"),
            "runs/" + plan.hash(2).substr(0, 2) + "/" + plan.hash(2) + ".h5");
}

TEST_F(Merge, SaysWhatAllRunsShare) {
  const Plan plan = tiny_plan("[sweep.axes]\ndata.K = [24, 48]\n");
  train_run(folder, plan, 0);
  const Merged merged = merge(folder, plan);
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  EXPECT_EQ(file.attribute<std::int64_t>("/config", "data.N"), test::tiny_config().data.N);
  const auto names = file.attributes("/config");
  for (const std::string varied : {"data.K", "train.seed", "seed.data"}) {
    EXPECT_EQ(std::ranges::find(names, varied), names.end()) << varied;
  }
}

}  // namespace
}  // namespace icl::sweep
