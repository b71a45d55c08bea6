#include "icl/io/verify.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "icl/io/replay.hpp"
#include "support/runs.hpp"

namespace icl::io {
namespace {

using test::tiny_config;
using test::train_record;

Verdict verify_now(const RunRecord& run, int threads = 1) {
  const std::atomic<bool> stop{false};
  return verify(run, Workers(threads), {}, stop);
}

TEST(Verify, SaysIdenticalOfARunAndOfACutOne) {
  EXPECT_EQ(verify_now(train_record(tiny_config()), 2).difference, std::nullopt);
  for (const std::int64_t cut : {0, 1, 10, 25, 59}) {
    EXPECT_EQ(verify_now(train_record(tiny_config(), cut)).difference, std::nullopt) << cut;
  }
  RunRecord killed = train_record(tiny_config(), 25);
  killed.status = RunStatus::running;
  EXPECT_EQ(verify_now(killed).difference, std::nullopt);
}

TEST(Verify, SaysIdenticalOfARunThatDiverged) {
  auto config = tiny_config();
  config.train.learning_rate = 1e19;
  const RunRecord run = train_record(config);
  ASSERT_EQ(run.status, RunStatus::diverged);
  EXPECT_EQ(verify_now(run).difference, std::nullopt);
}

void expect_difference(const std::string& part, void (*plant)(RunRecord&)) {
  RunRecord run = train_record(tiny_config(), 55);
  plant(run);
  const auto difference = verify_now(run).difference;
  ASSERT_TRUE(difference.has_value()) << part;
  EXPECT_NE(difference->find(part), std::string::npos) << *difference;
}

TEST(Verify, NamesTheFirstStepDatasetAndElementThatDiffer) {
  expect_difference("step 30: /metrics/icl_loss[3]: ", [](RunRecord& run) {
    run.metrics[2][3] = std::nextafter(run.metrics[2][3], 1.0);
    run.metrics[3][4] = 0;
  });
  expect_difference("/snapshots/mlp.2.weight[1, 0, 3]: ", [](RunRecord& run) {
    const std::size_t size = run.snapshots[5].size() / run.snapshot_steps.size();
    run.snapshots[5][size + 3] += Real{1};
  });
  expect_difference("/state/mlp.4.bias[0]: ",
                    [](RunRecord& run) { run.state->parameters[8][0] += Real{1}; });
  expect_difference("/state: attribute train_loss_sum: ",
                    [](RunRecord& run) { run.state->progress.train_loss += 1; });
  expect_difference(
      "/snapshots/mlp.0.bias: shape [5, 16] expected, [4, 16] found", [](RunRecord& run) {
        run.snapshot_steps.push_back(55);
        for (auto& series : run.snapshots) {
          const auto size =
              static_cast<std::ptrdiff_t>(series.size() / (run.snapshot_steps.size() - 1));
          const std::vector<Real> last(series.end() - size, series.end());
          series.insert(series.end(), last.begin(), last.end());
        }
      });
  expect_difference("attribute numerics_version", [](RunRecord& run) { run.numerics += 1; });
}

TEST(Verify, OfABranchBeginsAtItsOrigin) {
  const RunRecord parent = train_record(tiny_config());
  auto config = tiny_config();
  config.train.learning_rate = 0.01;
  train::Trainer trainer(config, Workers(1));
  RunRecord start = new_record(config, trainer.readable_parameters());
  start.origin = Origin{std::string(32, 'b'), state_at(parent, 33, Workers(1))};
  trainer.restore(start.origin->state, train::Due::open);
  RecordBuilder builder(std::move(start));
  const std::atomic<bool> stop{false};
  const std::array<train::Observer*, 1> observers{&builder};
  trainer.run(observers, stop);
  EXPECT_EQ(verify_now(builder.record()).difference, std::nullopt);
  RunRecord changed = builder.record();
  changed.origin->state.parameters[0][0] += Real{0.5};
  EXPECT_NE(verify_now(changed).difference, std::nullopt);
}

}  // namespace
}  // namespace icl::io
