#include "icl/io/replay.hpp"

#include <gtest/gtest.h>

#include "icl/io/compare.hpp"
#include "icl/io/decode.hpp"
#include "icl/io/encode.hpp"
#include "support/runs.hpp"

namespace icl::io {
namespace {

using test::tiny_config;
using test::train_record;

std::vector<std::byte> bytes_of(RunRecord run) {
  run.provenance.clear();
  return encode(run);
}

TEST(Resume, CutAtEachOfItsStepsARunEndsInTheSameBytes) {
  const auto whole = bytes_of(train_record(tiny_config()));
  for (std::int64_t cut = 0; cut < 60; ++cut) {
    const RunRecord first = decode(encode(train_record(tiny_config(), cut)), "cut");
    ASSERT_EQ(first.step, cut);
    const int threads = cut % 10 == 0 ? 2 : 1;
    const RunRecord second = train_record(tiny_config(), std::nullopt, &first, threads);
    EXPECT_EQ(bytes_of(second), whole) << "cut after step " << cut;
  }
}

TEST(Resume, CutTenTimesARunEndsInTheSameBytes) {
  const auto whole = bytes_of(train_record(tiny_config()));
  RunRecord run = train_record(tiny_config(), 3);
  for (const std::int64_t cut : {9, 10, 11, 20, 29, 30, 42, 50, 59}) {
    run = decode(encode(train_record(tiny_config(), cut, &run)), "cut");
  }
  EXPECT_EQ(bytes_of(train_record(tiny_config(), std::nullopt, &run)), whole);
}

TEST(Resume, AnEarlyStopComesAtTheSameStep) {
  auto config = tiny_config();
  config.stop.icl_accuracy = 0.3;  // above chance minus noise: stops at some early evaluation
  const RunRecord run = train_record(config);
  ASSERT_EQ(run.stop_reason, "icl_accuracy");
  const auto whole = bytes_of(run);
  for (std::int64_t cut = 0; cut < run.step; ++cut) {
    const RunRecord first = train_record(config, cut);
    EXPECT_EQ(bytes_of(train_record(config, std::nullopt, &first)), whole);
  }
}

/// The state of a run after `step` updates, before anything due there: by training to it.
train::State direct_state(std::int64_t step) {
  train::Trainer trainer(tiny_config(), Workers(1));
  EXPECT_TRUE(trainer.replay(step));
  return trainer.state();
}

TEST(StateAt, EqualsTheStateThatTheRunWentThrough) {
  const RunRecord whole = train_record(tiny_config());
  const RunRecord cut = train_record(tiny_config(), 47);
  auto no_snapshots = whole;
  no_snapshots.snapshot_steps.clear();
  for (auto& series : no_snapshots.snapshots) series.clear();
  for (std::int64_t step = 0; step <= 60; ++step) {
    auto expected = direct_state(step);
    expected.progress.t_icl_step = std::nullopt;
    if (step > 0 && whole.t_icl_step && *whole.t_icl_step < step) {
      expected.progress.t_icl_step = whole.t_icl_step;
    }
    EXPECT_EQ(state_at(whole, step, Workers(1)), expected) << step;
    EXPECT_EQ(state_at(no_snapshots, step, Workers(1)), expected) << step;
    if (step <= 47) {
      EXPECT_EQ(state_at(cut, step, Workers(1)), expected) << step;
    }
  }
}

TEST(StateAt, UsesTheSnapshots) {
  RunRecord run = train_record(tiny_config());
  ASSERT_GE(run.snapshot_steps.size(), 4U);
  // A snapshot that is not where the run went: what is replayed from it differs, what is not does
  // not.
  const std::size_t index = 2;
  const std::int64_t at = run.snapshot_steps[index];
  run.snapshots[2][index * run.snapshots[2].size() / run.snapshot_steps.size()] += Real{1};
  EXPECT_EQ(state_at(run, at, Workers(1)).parameters, direct_state(at).parameters);
  const std::int64_t next_epoch = (at / 10 + 1) * 10;
  EXPECT_NE(state_at(run, next_epoch + 1, Workers(1)).parameters,
            direct_state(next_epoch + 1).parameters);
}

TEST(Branch, WithNothingChangedEqualsItsParent) {
  const RunRecord parent = train_record(tiny_config());
  for (const std::int64_t at : {0, 1, 9, 10, 11, 37, 59}) {
    train::Trainer trainer(tiny_config(), Workers(1));
    RunRecord start = new_record(tiny_config(), trainer.readable_parameters());
    start.origin = Origin{std::string(32, 'a'), state_at(parent, at, Workers(1))};
    trainer.restore(start.origin->state, train::Due::open);
    RecordBuilder builder(std::move(start));
    const std::atomic<bool> stop{false};
    const std::array<train::Observer*, 1> observers{&builder};
    trainer.run(observers, stop);
    const RunRecord& branch = builder.record();
    const auto skipped =
        static_cast<std::ptrdiff_t>(parent.metric_steps.size() - branch.metric_steps.size());
    EXPECT_EQ(branch.metric_steps.front(), (at + 9) / 10 * 10);
    for (std::size_t i = 0; i < parent.metrics.size(); ++i) {
      EXPECT_TRUE(std::equal(branch.metrics[i].begin(), branch.metrics[i].end(),
                             parent.metrics[i].begin() + skipped))
          << "at " << at << ", metric " << i;
    }
    for (std::size_t i = 0; i < parent.snapshots.size(); ++i) {
      EXPECT_TRUE(std::equal(branch.snapshots[i].rbegin(), branch.snapshots[i].rend(),
                             parent.snapshots[i].rbegin()));
    }
  }
}

TEST(RequireSameBits, RefusesOtherNumericsAndOtherKernels) {
  RunRecord run = train_record(tiny_config(), 5);
  EXPECT_NO_THROW(require_same_bits(run, "run.h5", KernelChange::refuse));
  RunRecord other = run;
  other.numerics = numerics_version + 1;
  test::expect_error(ExitCode::cannot_create, "numerics version",
                     [&] { require_same_bits(other, "run.h5", KernelChange::allow); });
  other = run;
  set(other.provenance, "blas_kernel_set", std::string("Abacus"));
  test::expect_error(ExitCode::cannot_create, "BLAS kernels of Abacus",
                     [&] { require_same_bits(other, "run.h5", KernelChange::refuse); });
  EXPECT_FALSE(other.mixed_kernel_sets);
  require_same_bits(other, "run.h5", KernelChange::allow);
  EXPECT_TRUE(other.mixed_kernel_sets);
}

}  // namespace
}  // namespace icl::io
