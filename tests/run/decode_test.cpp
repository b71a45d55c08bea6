#include "icl/run/decode.hpp"
#include "icl/config/spelling.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <new>

#include <algorithm>

#include "icl/run/encode.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "icl/store/hdf5_writer.hpp"
#include "support/runs.hpp"

namespace icl::run {
namespace {

void expect_equal(const RunRecord& a, const RunRecord& b) {
  EXPECT_EQ(a.config, b.config);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.stop_reason, b.stop_reason);
  EXPECT_EQ(a.numerics, b.numerics);
  EXPECT_EQ(a.mixed_kernel_sets, b.mixed_kernel_sets);
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.items_hash, b.items_hash);
  EXPECT_EQ(a.t_icl_step, b.t_icl_step);
  EXPECT_EQ(a.t_icl_refined, b.t_icl_refined);
  EXPECT_EQ(a.metric_steps, b.metric_steps);
  EXPECT_EQ(a.metrics, b.metrics);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.snapshot_steps, b.snapshot_steps);
  EXPECT_EQ(a.snapshots, b.snapshots);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.origin, b.origin);
}

/// Everything that a record can hold: probes, an optimiser that remembers, weights to refine from.
config::Config full_config() {
  config::Config config = test::tiny_config();
  config.probe.sequences = 10;
  config.train.optimizer = config::Optimizer::adam;
  config.train.learning_rate = 1e-3;
  config.eval.refine = true;
  return config;
}

/// What a state of these parameters may look like.
train::State some_state(const RunRecord& run, Real value) {
  train::State state;
  state.progress = {{0.25, 0.5, 5}, std::min<std::int64_t>(run.step, 7), 1.5, 3, 8, 5, 4};
  for (const ParameterShape& p : run.parameters) {
    std::int64_t size = 1;
    for (const std::int64_t n : p.shape) size *= n;
    state.parameters.emplace_back(size, value);
  }
  return state;
}

// Progress is compared by all of its members, and each of these has a number of its own.
TEST(Decode, GivesBackEachMemberOfAProgress) {
  for (const bool present : {true, false}) {
    RunRecord run = test::train_record(test::tiny_config(), 33);
    train::Progress& progress = run.state.value().progress;
    int number = 1;
    for (const train::ProgressField& field : train::progress_fields) {
      if (field.name == "step") continue;
      std::visit(
          [&]<class T>(T train::Progress::*member) {
            if constexpr (requires(T value) { value.reset(); }) {
              if (present) {
                progress.*member = typename T::value_type(++number);
              } else {
                (progress.*member).reset();
              }
            } else {
              progress.*member = T(++number);
            }
          },
          field.member);
    }
    EXPECT_EQ(decode(encode(run), "run").state.value().progress, progress);
    EXPECT_EQ(progress.c1.has_value(), present);
    EXPECT_NE(progress.elapsed, progress.I_K);
  }
}

TEST(Decode, GivesBackProbesMomentsAndEarlierWeights) {
  RunRecord run = test::train_record(full_config(), 33);
  ASSERT_TRUE(run.state && !run.state->moments.tensors.empty() && run.state->before);
  EXPECT_EQ(run.state->moments.updates, 33);
  EXPECT_EQ(run.state->before->step, 30);
  run.t_icl_refined = 17;
  run.items_hash = std::string(32, 'b');
  run.origin = Origin{std::string(32, 'a'), some_state(run, 0.5)};
  const RunRecord again = decode(encode(run), "run");
  expect_equal(run, again);
  EXPECT_GT(column(again, "c1").size(), 3U);
  EXPECT_EQ(column(again, "c1").front(), column(run, "c1").front());
}

/// The shapes that the configuration implies are compared with those of the file before anything of
/// their size is made: this one would be a model of 17 GB.
TEST(Decode, RefusesAConfigurationTooLargeForTheFileWithoutMakingItsModel) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer itself needs terabytes of address space";
#endif
  RunRecord run = test::train_record(test::tiny_config(), 33);
  run.config.model.hidden = 65536;
  const std::vector<std::byte> bytes = encode(run);
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit narrow = before;
  narrow.rlim_cur = rlim_t{4} << 30U;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &narrow), 0);
  try {
    (void)decode(bytes, "run.h5");
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input) << error.what();
    EXPECT_NE(std::string(error.what()).find("mlp.0.weight"), std::string::npos) << error.what();
  } catch (const std::bad_alloc&) {
    ADD_FAILURE() << "a model was made";
  }
  setrlimit(RLIMIT_AS, &before);
}

TEST(Decode, GivesBackWhatWasEncoded) {
  for (const auto stop_after : {std::optional<std::int64_t>(0), std::optional<std::int64_t>(33),
                                std::optional<std::int64_t>()}) {
    RunRecord run = test::train_record(test::tiny_config(), stop_after);
    run.t_icl_step = std::min<std::int64_t>(run.step, 20);
    run.mixed_kernel_sets = true;
    run.origin = Origin{std::string(32, 'a'), some_state(run, 0.25)};
    const auto bytes = encode(run);
    const RunRecord again = decode(bytes, "run");
    expect_equal(run, again);
    // Provenance comes back sorted by name, so only a second round gives equal bytes.
    EXPECT_EQ(encode(again), encode(decode(encode(again), "run")));
  }
}

// A run is known by the hash of its configuration, lists as they were spelled.
TEST(Decode, KeepsTheSpellingOfListsThatAnOlderProgramKept) {
  config::Config config = test::tiny_config();
  config.probe.sequences = 6;
  config.probe.record = "norms,  effective";
  config.record.snapshot_steps = "9,5";
  const RunRecord run = test::train_record(config, 33);
  const RunRecord again = decode(encode(run), "run");
  expect_equal(run, again);
  EXPECT_EQ(again.config.probe.record->text(), "norms,  effective");
  EXPECT_EQ(run_hash(again), run_hash(run));
  EXPECT_NE(config_hash(config::respelled(config)), config_hash(config));
}

TEST(Decode, StateIsThereExactlyWhileARunCanGoOn) {
  EXPECT_TRUE(test::train_record(test::tiny_config(), 33).state.has_value());
  EXPECT_FALSE(test::train_record(test::tiny_config()).state.has_value());
}

/// Encodes a run with something planted, as a program with a fault would.
void expect_refused(const std::string& part, void (*plant)(RunRecord&)) {
  RunRecord run = test::train_record(test::tiny_config(), 33);
  plant(run);
  const auto bytes = encode(run);
  test::expect_error(ExitCode::bad_input, part,
                     [&] { static_cast<void>(decode(bytes, "bad.h5")); });
}

TEST(Decode, RefusesContentThatCannotBe) {
  expect_refused("'bad.h5': /snapshots/mlp.0.weight is not finite", [](RunRecord& run) {
    run.snapshots[3][5] = std::numeric_limits<Real>::quiet_NaN();
  });
  expect_refused("/state/qkv.weight is not finite", [](RunRecord& run) {
    run.state->parameters[2][0] = std::numeric_limits<Real>::infinity();
  });
  expect_refused("/metrics/step: the steps do not rise",
                 [](RunRecord& run) { run.metric_steps[1] = run.metric_steps[0]; });
  expect_refused("/snapshots/step: the steps do not rise",
                 [](RunRecord& run) { run.snapshot_steps[0] = -1; });
  expect_refused("has shape", [](RunRecord& run) { run.config.model.hidden = 17; });
  expect_refused("train_loss_sum is not finite", [](RunRecord& run) {
    run.state->progress.train_loss = std::numeric_limits<double>::quiet_NaN();
  });
  expect_refused("train_sequences is negative",
                 [](RunRecord& run) { run.state->progress.train_answers = -1; });
}

// Who goes on with a run, or lists it, relies on its steps.
TEST(Decode, RefusesStepsThatContradictEachOther) {
  expect_refused("it stands at step 4611686018427387904 of a run of 60 steps", [](RunRecord& run) {
    run.step = run.state->progress.step = std::int64_t{1} << 62U;
  });
  expect_refused("it stands at step 61 of a run of 60 steps",
                 [](RunRecord& run) { run.step = run.state->progress.step = 61; });
  expect_refused("its /state stands at step 4611686018427387904, the run at step 33",
                 [](RunRecord& run) { run.state->progress.step = std::int64_t{1} << 62U; });
  expect_refused("its /state stands at step 32, the run at step 33",
                 [](RunRecord& run) { run.state->progress.step = 32; });
  expect_refused("it is interrupted, but has no /state", [](RunRecord& run) { run.state.reset(); });
  expect_refused("it is running, but has no /state", [](RunRecord& run) {
    run.status = RunStatus::running;
    run.state.reset();
  });
  expect_refused("it is done, at step 33 of 60", [](RunRecord& run) {
    run.status = RunStatus::done;
    run.stop_reason = "epochs";
  });
  expect_refused("it holds what was recorded at step 34, but stands at step 33",
                 [](RunRecord& run) { run.metric_steps.back() = 34; });
  expect_refused("it holds what was recorded at step 60, but stands at step 33",
                 [](RunRecord& run) { run.snapshot_steps.back() = 60; });
  expect_refused("ICL was acquired at step 34, but it stands at step 33",
                 [](RunRecord& run) { run.t_icl_step = 34; });
  expect_refused("ICL was acquired at step -1, but it stands at step 33",
                 [](RunRecord& run) { run.t_icl_refined = -1; });
  expect_refused("it began at step 34, but stands at step 33", [](RunRecord& run) {
    run.origin = Origin{std::string(32, 'a'), *run.state};
    run.origin->state.progress.step = 34;
  });
}

TEST(Decode, RefusesAConfigurationThatIsNone) {
  store::Hdf5Writer file;
  file.attribute("/", "format_version", store::format_version);
  file.group("/config");
  file.text("/config/toml", "[data]\nK = 7\n");
  auto image = std::move(file).finish();
  store::seal(image, {store::FileKind::run, "done", 0, {}, std::string(32, '0'), 0, ""});
  test::expect_error(ExitCode::bad_input, "bad.h5:/config/toml:2: data.K",
                     [&] { static_cast<void>(decode(image, "bad.h5")); });
}

TEST(Decode, RefusesAnotherFormat) {
  store::Hdf5Writer file;
  file.attribute("/", "format_version", store::format_version + 1);
  auto image = std::move(file).finish();
  store::seal(image, {store::FileKind::run, "done", 0, {}, std::string(32, '0'), 0, ""});
  test::expect_error(ExitCode::bad_input, "has format_version 4, but this program reads 3",
                     [&] { static_cast<void>(decode(image, "bad.h5")); });
}

TEST(Decode, GivesEachStretchBackWhole) {
  RunRecord run = test::train_record(test::tiny_config());
  Stretch second = run.provenance.back();
  while (second.command_line.size() < 100000) second.command_line += "--set data.K=24 \u03b2 ";
  second.from_step = 7;
  second.threads_at_work = 3;
  second.wall_seconds = 1.25;
  second.host = "";
  run.provenance.push_back(second);
  EXPECT_EQ(decode(encode(run), "run").provenance, run.provenance);
  run.provenance.clear();
  EXPECT_EQ(decode(encode(run), "run").provenance, run.provenance);
}

TEST(Decode, ReadsAFileAndItsHash) {
  const test::TemporaryFolder folder;
  const RunRecord run = test::train_record(test::tiny_config());
  const auto bytes = encode(run);
  store::publish_file(folder / "run.h5", bytes);
  const RunFile file = read_run(folder / "run.h5");
  expect_equal(run, file.record);
  EXPECT_EQ(file.hash,
            store::hash_hex(std::span(bytes).first(bytes.size() - store::envelope_bytes)));
}

TEST(RunHash, DependsOnTheNumbersAndTheOriginOnly) {
  RunRecord run = new_record(test::tiny_config(), {});
  const std::string hash = run_hash(run);
  EXPECT_EQ(hash.size(), 32U);
  run.config.record.publish_seconds = 1;
  run.step = 5;
  EXPECT_EQ(run_hash(run), hash);
  run.config.train.seed = 1;
  EXPECT_NE(run_hash(run), hash);
  run.config.train.seed = 0;
  run.origin = Origin{std::string(32, 'a'), {}};
  const std::string branch = run_hash(run);
  EXPECT_NE(branch, hash);
  run.origin->state.progress.step = 1;
  EXPECT_NE(run_hash(run), branch);
}

}  // namespace
}  // namespace icl::run
