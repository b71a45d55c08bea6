#include "icl/run/replay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "icl/config/toml.hpp"
#include "icl/run/decode.hpp"
#include "icl/run/encode.hpp"
#include "icl/store/compare.hpp"
#include "support/runs.hpp"

namespace icl::run {
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

/// A tiny run with some keys set.
config::Config tiny_with(const std::vector<std::string>& settings) {
  return config::with_overrides(tiny_config(), settings);
}

const std::vector<std::vector<std::string>>& variants() {
  static const std::vector<std::vector<std::string>> all{
      {"model.system=minimal", "probe.sequences=8"},
      {"model.system=minimal", "data.K=inf", "model.attend_self=true"},
      {"model.system=memoriser", "probe.sequences=30"},
      {"model.system=multi_layer", "compat.frozen_readout=true"},
      {"model.system=multi_layer", "model.layers=3", "probe.sequences=5"},
      {"train.optimizer=adam", "train.learning_rate=0.003", "probe.sequences=8"},
      {"train.optimizer=adam", "eval.refine=true"},
      {"data.noise=0.5", "data.zipf=1.0", "data.bursty=0.7"},
      {"model.system=blocks", "data.task=chains", "data.D=4", "probe.sequences=8",
       "record.observers=unigram_inference,bigram_retrieval"},
      {"model.system=blocks", "data.task=chains", "data.D=4", "data.K=inf",
       "data.concentration=0.3"},
      {"model.system=blocks", "data.task=chains", "data.D=4", "train.loss_at=every",
       "train.optimizer=adamw", "train.learning_rate=0.003", "probe.record=norms"},
      {"model.system=blocks", "data.layout=interleaved", "train.loss_at=every",
       "probe.sequences=8"},
      {"data.labels=equal_sequence", "data.label_code=scalar", "data.K=inf"},
      {"eval.every=7", "eval.log_points=5", "record.snapshot_every=9", "probe.sequences=6"},
      {"train.optimizer=adam", "record.optimizer=true", "record.snapshot_steps=15,31",
       "record.activations=logit,attention,mlp_input", "record.probe_set=7"},
      {"model.system=memoriser", "record.activations=logit,hidden_2", "record.probe_set=4"},
      {"intervene.freeze=\"memoriser@:25\"", "intervene.clamp=\"copy@12:31\"",
       "intervene.rate=\"qkv*0.5@5:50\"", "probe.sequences=6"},
  };
  return all;
}

TEST(Resume, EverySystemTaskAndOptionEndsInTheSameBytesForAnyNumberOfThreads) {
  auto all = variants();
  constexpr auto tasks = config::words(config::TaskKind{});
  all.reserve(all.size() + tasks.size());
  for (const std::string_view task : tasks) {
    all.push_back({"model.system=blocks", "data.task=" + std::string(task), "data.D=4"});
  }
  for (const auto& settings : all) {
    SCOPED_TRACE(testing::PrintToString(settings));
    const config::Config config = tiny_with(settings);
    const auto whole = bytes_of(train_record(config));
    for (const std::int64_t cut : {1, 10, 24, 37, 59}) {
      const RunRecord first = decode(encode(train_record(config, cut)), "cut");
      const int threads = cut == 24 ? 2 : 1;
      EXPECT_EQ(bytes_of(train_record(config, std::nullopt, &first, threads)), whole) << cut;
    }
  }
}

// The refined step is a step of the interval, and refining leaves the run as it is.
TEST(Resume, RefinesTheSameStepAfterACut) {
  config::Config config = tiny_with({"model.system=minimal", "data.K=inf", "model.beta0=3.0",
                                     "model.w0=0.3", "train.learning_rate=1.0", "eval.refine=true",
                                     "eval.every=20", "train.epochs=30"});
  const RunRecord whole = train_record(config);
  ASSERT_TRUE(whole.t_icl_step && whole.t_icl_refined);
  EXPECT_LE(*whole.t_icl_refined, *whole.t_icl_step);
  EXPECT_GT(*whole.t_icl_refined, *whole.t_icl_step - 20);
  const RunRecord cut = decode(encode(train_record(config, *whole.t_icl_step - 5)), "cut");
  EXPECT_EQ(bytes_of(train_record(config, std::nullopt, &cut)), bytes_of(whole));
  config.eval.refine = false;
  const RunRecord plain = train_record(config);
  for (const char* name : {"train_loss", "icl_loss", "icl_accuracy"}) {
    EXPECT_TRUE(std::ranges::equal(column(plain, name), column(whole, name))) << name;
  }
  EXPECT_EQ(plain.snapshots, whole.snapshots);
  EXPECT_EQ(plain.t_icl_refined, std::nullopt);
}

TEST(StateAt, HoldsForEverySystemAndOption) {
  for (const auto& settings : variants()) {
    SCOPED_TRACE(testing::PrintToString(settings));
    const config::Config config = tiny_with(settings);
    const RunRecord whole = train_record(config);
    for (const std::int64_t step : {1, 10, 33, 60}) {
      train::Trainer trainer(config, Workers(1));
      ASSERT_TRUE(trainer.replay(step));
      const train::State direct = trainer.state();
      const train::State found = state_at(whole, step, Workers(1));
      EXPECT_EQ(found.parameters, direct.parameters) << step;
      EXPECT_EQ(found.moments, direct.moments) << step;
      EXPECT_EQ(found.progress.train_loss, direct.progress.train_loss) << step;
    }
    // Between evaluations, all that a run of its own knows there: t_ICL, c1 and its integral too.
    EXPECT_EQ(state_at(whole, 33, Workers(1)).progress, train_record(config, 33).state->progress);
  }
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

TEST(NearestStep, IsThatOfTheLatestWholeState) {
  const auto config = tiny_with({"record.snapshots=0", "record.snapshot_every=8"});
  const RunRecord cut = train_record(config, 37);  // evaluated at 0, 10, 20, 30
  const auto any = [&](std::int64_t step) { return nearest_step(cut, step, Sums::any); };
  const auto right = [&](std::int64_t step) { return nearest_step(cut, step, Sums::right); };
  EXPECT_EQ(any(0), 0);
  EXPECT_EQ(any(8), 8);
  EXPECT_EQ(any(31), 24);
  EXPECT_EQ(any(36), 32);
  EXPECT_EQ(any(37), 37);
  EXPECT_EQ(right(0), 0);
  EXPECT_EQ(right(8), 0);
  EXPECT_EQ(right(11), 8);
  EXPECT_EQ(right(30), 16);
  EXPECT_EQ(right(31), 24);
  EXPECT_EQ(right(37), 37);
  // At an evaluation's step the stored sums have begun anew.
  const RunRecord evaluated = train_record(config, 30);
  EXPECT_EQ(nearest_step(evaluated, 30, Sums::any), 30);
  EXPECT_EQ(nearest_step(evaluated, 30, Sums::right), 16);
  // Snapshots do not hold what Adam remembers unless that is recorded.
  const auto adam = tiny_with({"train.optimizer=adam", "record.snapshot_every=8"});
  EXPECT_EQ(nearest_step(train_record(adam), 59, Sums::any), 0);
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

/// A run from the state of another at `at`, under a configuration of its own.
RunRecord branch_of(const RunRecord& parent, std::int64_t at, const config::Config& config) {
  train::Trainer trainer(config, Workers(1));
  RunRecord start = new_record(config, trainer.readable_parameters());
  start.origin = Origin{std::string(32, 'a'), state_at(parent, at, Workers(1))};
  trainer.restore(start.origin->state, train::Due::open);
  RecordBuilder builder(std::move(start));
  const std::atomic<bool> stop{false};
  const std::array<train::Observer*, 1> observers{&builder};
  trainer.run(observers, stop);
  return builder.record();
}

// Its snapshots do not hold what Adam remembers, whatever optimiser its parent had.
TEST(Branch, OfABranchThatChangedTheOptimiserEqualsItsParent) {
  config::Config adam = tiny_with({"train.optimizer=adam", "train.learning_rate=0.003"});
  const RunRecord first = branch_of(train_record(tiny_config()), 7, adam);
  const RunRecord second = branch_of(first, 44, adam);
  for (std::size_t i = 0; i < first.snapshots.size(); ++i) {
    EXPECT_TRUE(std::equal(second.snapshots[i].rbegin(), second.snapshots[i].rend(),
                           first.snapshots[i].rbegin()));
  }
}

// The time before the branch counts at the parent's learning rate.
TEST(Branch, GoesOnWithTheIntegralOfItsParent) {
  config::Config config = tiny_with({"probe.sequences=16"});
  const RunRecord parent = train_record(config);
  config.train.learning_rate = 1e-9;
  const RunRecord branch = branch_of(parent, 39, config);
  const double rise = column(parent, "I_K")[4] - column(parent, "I_K")[3];
  EXPECT_NEAR(column(branch, "I_K")[0] - column(parent, "I_K")[3], 0.9 * rise, 0.05 * rise);
}

TEST(Branch, RefinesNoFurtherBackThanToItsBeginning) {
  config::Config config =
      tiny_with({"model.system=minimal", "data.K=inf", "model.beta0=3.0", "model.w0=0.3",
                 "train.learning_rate=1.0", "eval.every=20", "train.epochs=30"});
  const RunRecord parent = train_record(config);
  ASSERT_TRUE(parent.t_icl_step);
  config.eval.refine = true;
  config.train.learning_rate = 10;
  const std::int64_t at = *parent.t_icl_step - 3;
  const RunRecord branch = branch_of(parent, at, config);
  ASSERT_TRUE(branch.t_icl_refined);
  EXPECT_GT(*branch.t_icl_refined, at);
}

TEST(RequireSameBits, RefusesOtherNumericsAndOtherKernels) {
  RunRecord run = train_record(tiny_config(), 5);
  EXPECT_NO_THROW(require_same_bits(run, "run.h5", KernelChange::refuse));
  RunRecord other = run;
  other.numerics += 1;
  test::expect_error(ExitCode::cannot_create,
                     "'run.h5' was begun with numerics version 3; for its configuration this "
                     "program has 2 and would give other bits: a newer program began it",
                     [&] { require_same_bits(other, "run.h5", KernelChange::allow); });
  other.numerics = 2;
  other.config.data.zipf = 1;
  test::expect_error(ExitCode::cannot_create,
                     "'run.h5' was begun with numerics version 2; for its configuration this "
                     "program has 3 and would give other bits: since then the weights of data.zipf",
                     [&] { require_same_bits(other, "run.h5", KernelChange::allow); });
  other = run;
  other.provenance.back().blas_kernel_set = "Abacus";
  test::expect_error(ExitCode::cannot_create, "OPENBLAS_CORETYPE=Abacus",
                     [&] { require_same_bits(other, "run.h5", KernelChange::refuse); });
  EXPECT_FALSE(other.mixed_kernel_sets);
  require_same_bits(other, "run.h5", KernelChange::allow);
  EXPECT_TRUE(other.mixed_kernel_sets);
}

// Only a command that has the option says so.
TEST(RequireSameBits, SaysWhatCanBeDone) {
  RunRecord other = train_record(tiny_config(), 5);
  const auto message = [&](KernelChange change) -> std::string {
    try {
      require_same_bits(other, "run.h5", change);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  const std::string option = "; or --allow-kernel-change goes on, and marks the file";
  const std::string kernels = other.provenance.back().blas_kernel_set;
  other.provenance.back().blas_kernel_set = "Abacus";
  const std::string set = "Set OPENBLAS_CORETYPE=Abacus on a CPU that can run those kernels";
  EXPECT_THAT(message(KernelChange::refuse), testing::EndsWith(set));
  EXPECT_THAT(message(KernelChange::refuse_kernels), testing::EndsWith(set));
  EXPECT_THAT(message(KernelChange::offer), testing::EndsWith(set + option));
  other.provenance.back().blas_kernel_set = kernels;
  other.provenance.back().blas = "OpenBLAS 9.9.9 " + kernels;
  EXPECT_THAT(message(KernelChange::refuse), testing::EndsWith("Run a program with that BLAS"));
  EXPECT_THAT(message(KernelChange::offer),
              testing::EndsWith("Run a program with that BLAS" + option));
}

TEST(RequireSameBits, RefusesAnotherVersionOfBlasToo) {
  RunRecord other = train_record(tiny_config(), 5);
  other.provenance.back().blas = "OpenBLAS 9.9.9 " + other.provenance.back().blas_kernel_set;
  test::expect_error(ExitCode::cannot_create, "OpenBLAS 9.9.9",
                     [&] { require_same_bits(other, "run.h5", KernelChange::refuse); });
  EXPECT_NO_THROW(require_same_bits(other, "run.h5", KernelChange::refuse_kernels));
  EXPECT_FALSE(other.mixed_kernel_sets);
  require_same_bits(other, "run.h5", KernelChange::allow);
  EXPECT_TRUE(other.mixed_kernel_sets);
}

// Only the stretch that the run goes on from counts: the record remembers that there were others.
TEST(RequireSameBits, LooksAtTheLastStretch) {
  RunRecord run = train_record(tiny_config(), 5);
  Stretch first;
  first.blas_kernel_set = "Abacus";
  run.provenance.insert(run.provenance.begin(), first);
  EXPECT_NO_THROW(require_same_bits(run, "run.h5", KernelChange::refuse));
}

}  // namespace
}  // namespace icl::run
