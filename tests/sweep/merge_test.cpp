#include "icl/sweep/merge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/toml.hpp"
#include "icl/run/encode.hpp"
#include "icl/run/provenance.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "icl/train/metrics.hpp"
#include "support/runs.hpp"
#include "sweep/merge_case.hpp"

namespace icl::sweep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Expects row `row` of each metric to hold what the run recorded, and NaN at all other steps.
void expect_row(const store::Hdf5Reader& file, std::uint64_t row, const run::RunRecord& record) {
  const auto shape = file.shape(metric_path(0));
  const auto steps = file.read<std::int64_t>("/metrics/step", {shape.at(1)});
  for (std::size_t m = 0; m < columns().size(); ++m) {
    const auto all = file.read<double>(metric_path(m), shape);
    std::map<std::int64_t, double> recorded;
    for (std::size_t i = 0; i < record.metric_steps.size(); ++i) {
      recorded[record.metric_steps[i]] = record.metrics[m][i];
    }
    for (std::size_t s = 0; s < steps.size(); ++s) {
      const double value = all[row * steps.size() + s];
      const auto expected = recorded.find(steps[s]);
      if (expected == recorded.end() || std::isnan(expected->second)) {
        EXPECT_TRUE(std::isnan(value)) << metric_path(m) << " at step " << steps[s];
      } else {
        EXPECT_EQ(value, expected->second) << metric_path(m) << " at step " << steps[s];
      }
    }
  }
}

TEST_F(Merge, HoldsEachMetricOfEachRunAtItsSteps) {
  // At chance already a run stops at 0.01, and none of this length gets to 0.99.
  const Plan plan = tiny_plan(
      "[sweep]\nseeds = 2\n[sweep.axes]\nstop.icl_accuracy = [0.99, 0.01]\ndata.K = [48, 24]\n");
  std::vector<run::RunRecord> records;
  for (std::size_t run = 0; run < plan.size(); ++run) {
    records.push_back(train_run(folder, plan, run));
    ASSERT_EQ(records.back().step, run < 4 ? 60 : 0);
  }
  const Merged merged = merge(folder, plan);
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  for (std::size_t m = 0; m < columns().size(); ++m) {
    EXPECT_EQ(file.shape(metric_path(m)), (store::Extents{8, 7}));
    EXPECT_EQ(file.attribute<std::string>(metric_path(m), "units"), columns()[m].units);
    EXPECT_EQ(file.attribute<std::string>(metric_path(m), "coordinates"),
              "seed stop.icl_accuracy data.K");
  }
  // By value, however the axes list them.
  EXPECT_THAT(file.read<double>("/metrics/stop.icl_accuracy", {8}),
              ElementsAre(0.01, 0.01, 0.01, 0.01, 0.99, 0.99, 0.99, 0.99));
  EXPECT_THAT(file.read<double>("/metrics/data.K", {8}),
              ElementsAre(24, 24, 48, 48, 24, 24, 48, 48));
  EXPECT_THAT(file.read<std::int64_t>("/metrics/seed", {8}), ElementsAre(0, 1, 0, 1, 0, 1, 0, 1));
  EXPECT_THAT(file.read<std::int64_t>("/metrics/step", {7}),
              ElementsAre(0, 10, 20, 30, 40, 50, 60));
  EXPECT_THAT(file.read<std::int64_t>("/metrics/run", {8}), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  const std::array<std::size_t, 8> run_of_row{6, 7, 4, 5, 2, 3, 0, 1};
  for (std::size_t row = 0; row < 8; ++row) {
    SCOPED_TRACE(row);
    expect_row(file, row, records[run_of_row.at(row)]);
  }
}

TEST_F(Merge, HoldsTheSeriesAskedForAndEveryLastValue) {
  const Plan plan = tiny_plan("[sweep]\nseeds = [7]\n");
  const run::RunRecord run = train_run(folder, plan, 0);
  const Merged whole = merge(folder, plan);
  const std::array<std::string, 2> wanted{"iwl_loss", "icl_accuracy"};
  const Merged part = merge(folder, plan, wanted);
  const store::Hdf5Reader file(part.file, "sweep.h5");
  EXPECT_TRUE(file.exists("/metrics/icl_accuracy"));
  EXPECT_TRUE(file.exists("/metrics/iwl_loss"));
  EXPECT_FALSE(file.exists("/metrics/icl_loss"));
  EXPECT_EQ(part.runs.size(), whole.runs.size());
  EXPECT_LT(part.file.size(), whole.file.size());
  const std::array<std::string, 1> unknown{"icl_acuracy"};
  EXPECT_EQ(test::message_of(ExitCode::usage, [&] { (void)merge(folder, plan, unknown); }),
            "--series icl_acuracy: no run has it; did you mean icl_accuracy?");
}

TEST_F(Merge, SaysWhatItHoldsOfWhichSweep) {
  const Plan plan = tiny_plan("[sweep]\nseeds = [7, 3]\n[sweep.axes]\ndata.K = [24]\n");
  train_run(folder, plan, 0);
  train_run(folder, plan, 1);
  const Merged merged = merge(folder, plan);
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  EXPECT_EQ(file.attribute<std::int64_t>("/", "format_version"), store::format_version);
  EXPECT_EQ(file.attribute<std::int64_t>("/", "runs_merged"), 2);
  for (const char* none : {"runs_missing", "runs_unfinished", "runs_damaged"}) {
    EXPECT_EQ(file.attribute<std::int64_t>("/", none), 0);
  }
  EXPECT_EQ(file.text("/config/toml"), config::to_toml(plan.sweep()));
  EXPECT_THAT(file.read<std::int64_t>("/metrics/seed", {2}), ElementsAre(3, 7));
  const store::Envelope block = store::unseal(merged.file, "sweep.h5", store::FileKind::sweep);
  EXPECT_EQ(block.status, "complete");
  EXPECT_EQ(merged.report.merged, 2U);
  EXPECT_TRUE(merged.report.missing.empty());
  EXPECT_TRUE(merged.report.unfinished.empty());
  EXPECT_TRUE(merged.report.damaged.empty());
}

TEST_F(Merge, TakesInfinityForTheLargestDiversity) {
  const Plan plan = tiny_plan("[sweep.axes]\ndata.K = [inf, 24]\n");
  const run::RunRecord infinite = train_run(folder, plan, 0);
  train_run(folder, plan, 1);
  const Merged merged = merge(folder, plan);
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  EXPECT_THAT(file.read<double>("/metrics/data.K", {2}), ElementsAre(24, infinity));
  expect_row(file, 1, infinite);
}

TEST_F(Merge, LeavesOutAndReportsWhatHasNotEndedOrIsDamaged) {
  const Plan plan = tiny_plan("[sweep]\nseeds = 2\n[sweep.axes]\ndata.K = [24, 48]\n");
  const run::RunRecord whole = train_run(folder, plan, 0);
  train_run(folder, plan, 1, 33);
  train_run(folder, plan, 2);
  const fs::path cut = folder.run_file(plan.hash(2));
  fs::resize_file(cut, fs::file_size(cut) - 1);
  const Merged merged = merge(folder, plan);
  EXPECT_EQ(merged.report.merged, 1U);
  EXPECT_THAT(merged.report.unfinished, ElementsAre("data.K = 24, seed 1"));
  EXPECT_THAT(merged.report.damaged, ElementsAre(Pair(cut.string(), HasSubstr("cut short"))));
  EXPECT_THAT(merged.report.missing, ElementsAre("data.K = 48, seed 1"));
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  for (const char* one : {"runs_merged", "runs_missing", "runs_unfinished", "runs_damaged"}) {
    EXPECT_EQ(file.attribute<std::int64_t>("/", one), 1) << one;
  }
  EXPECT_EQ(store::unseal(merged.file, "sweep.h5", store::FileKind::sweep).status, "partial");
  EXPECT_EQ(file.shape("/runs"), store::Extents{1});
  expect_row(file, 0, whole);
}

TEST_F(Merge, OfNoRunsIsAnEmptyTable) {
  const Plan plan = tiny_plan("[sweep]\nseeds = 2\n[sweep.axes]\ndata.K = [24]\n");
  const Merged merged = merge(folder, plan);
  EXPECT_EQ(merged.report.merged, 0U);
  EXPECT_THAT(merged.report.missing, ElementsAre("data.K = 24, seed 0", "data.K = 24, seed 1"));
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  EXPECT_EQ(file.shape("/runs"), store::Extents{0});
  EXPECT_EQ(file.shape(metric_path(0)), (store::Extents{0, 0}));
}

TEST_F(Merge, KeepsRunsOfEarlierAxesAndSeeds) {
  const Plan earlier = tiny_plan("[sweep]\nseeds = [5]\n[sweep.axes]\ndata.K = [24, 48, 12]\n");
  const run::RunRecord first = train_run(folder, earlier, 0);
  train_run(folder, earlier, 1);
  train_run(folder, earlier, 2, 33);
  const Plan now = tiny_plan("[sweep]\nseeds = [4, 5]\n[sweep.axes]\ndata.K = [48]\n");
  train_run(folder, now, 0);
  const Merged merged = merge(folder, now);
  EXPECT_TRUE(merged.report.missing.empty());
  EXPECT_THAT(merged.report.unfinished, ElementsAre(earlier.hash(2)));
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  EXPECT_THAT(file.read<double>("/metrics/data.K", {3}), ElementsAre(24, 48, 48));
  EXPECT_THAT(file.read<std::int64_t>("/metrics/seed", {3}), ElementsAre(5, 4, 5));
  expect_row(file, 0, first);
}

TEST_F(Merge, ReportsFilesOfOtherRunsAsDamaged) {
  const Plan plan = tiny_plan("[sweep]\nseeds = 2\n[sweep.axes]\ndata.K = [24]\n");
  const run::RunRecord own = train_run(folder, plan, 0);
  publish(folder, plan.hash(1), own);
  config::Sweep sweep = plan.sweep();
  sweep.base.train.learning_rate = 0.2;
  const Plan foreign(sweep);
  train_run(folder, foreign, 0);
  const Merged merged = merge(folder, plan);
  EXPECT_EQ(merged.report.merged, 1U);
  EXPECT_TRUE(merged.report.missing.empty());
  EXPECT_THAT(merged.report.damaged,
              testing::UnorderedElementsAre(
                  Pair(folder.run_file(plan.hash(1)).string(), HasSubstr("it is another run's")),
                  Pair(folder.run_file(foreign.hash(0)).string(),
                       HasSubstr("it is a run of another sweep: train.learning_rate differs"))));
}

TEST_F(Merge, CountsTheKernelSetsOfItsRuns) {
  const Plan plan = tiny_plan("[sweep]\nseeds = 4\n[sweep.axes]\ndata.K = [24]\n");
  const std::array<std::string, 3> sets{"Zen", "Haswell", "Zen"};
  for (std::size_t run = 0; run < 4; ++run) {
    run::RunRecord record = test::train_record(plan.config(run));
    record.provenance.clear();
    run::Stretch stretch;
    if (run < 3) stretch.blas_kernel_set = sets.at(run);
    if (run < 3) record.provenance.push_back(stretch);
    publish(folder, plan.hash(run), record);
  }
  const Merged merged = merge(folder, plan);
  EXPECT_THAT(merged.report.kernel_sets,
              ElementsAre(Pair("Haswell", 1U), Pair("Zen", 2U), Pair("unknown", 1U)));
  const store::Hdf5Reader file(merged.file, "sweep.h5");
  EXPECT_EQ(file.shape("/provenance/runs"), store::Extents{4});
  EXPECT_EQ(file.attribute<std::string>("/provenance/runs", "FIELD_3_NAME"), "blas_kernel_set");
}

TEST_F(Merge, NamesRunsThatChangedKernelsOnTheWay) {
  const Plan plan = tiny_plan("[sweep]\nseeds = 2\n[sweep.axes]\ndata.K = [24]\n");
  for (std::size_t run = 0; run < 2; ++run) {
    run::RunRecord record = test::train_record(plan.config(run));
    record.mixed_kernel_sets = run == 1;
    publish(folder, plan.hash(run), record);
  }
  EXPECT_THAT(merge(folder, plan).report.mixed, ElementsAre(plan.hash(1)));
}

TEST_F(Merge, ReportsRunsOfAnOlderProgram) {
  const Plan plan = tiny_plan("[sweep]\nseeds = 2\n[sweep.axes]\ndata.zipf = [0.0, 1.0]\n");
  for (std::size_t run = 0; run < plan.size(); ++run) {
    run::RunRecord record = test::train_record(plan.config(run));
    record.numerics = 2;  // as before the weights of data.zipf changed
    publish(folder, plan.hash(run), record);
  }
  EXPECT_THAT(merge(folder, plan).report.older,
              ElementsAre(testing::Pair(testing::HasSubstr("data.zipf"), 2U)));
}

TEST_F(Merge, EqualRunsGiveEqualBytesWheneverTheyWereTrained) {
  const Plan plan = tiny_plan(
      "[sweep]\nseeds = 2\n[sweep.axes]\nstop.icl_accuracy = [0.01, 0.99]\ndata.K = [24, 48]\n");
  const test::TemporaryFolder other;
  const Folder reversed(other.path());
  for (std::size_t run = 0; run < plan.size(); ++run) {
    train_run(folder, plan, run);
    const std::size_t last = plan.size() - 1 - run;
    publish(reversed, plan.hash(last),
            test::train_record(plan.config(last), std::nullopt, nullptr, 2));
  }
  // The provenance of this process is the same but for the second of the merge.
  for (int attempt = 0; attempt < 20; ++attempt) {
    const std::string before = run::utc_now();
    const Merged a = merge(folder, plan);
    const Merged b = merge(reversed, plan);
    if (run::utc_now() != before) continue;
    EXPECT_TRUE(a.file == b.file);
    return;
  }
  FAIL() << "two merges never fit into one second";
}

}  // namespace
}  // namespace icl::sweep
