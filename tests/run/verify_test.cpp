#include "icl/run/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <cmath>
#include <functional>

#include "icl/run/encode.hpp"
#include "icl/run/replay.hpp"
#include "icl/store/file.hpp"
#include "support/runs.hpp"

namespace icl::run {
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

TEST(Verify, TakesTheItemNumbersThatEarlierProgramsWroteWithNoise) {
  config::Config config = tiny_config();
  config.record.activations = "logit";
  config.record.probe_set = 6;
  for (const double noise : {0.0, 0.5}) {
    config.data.noise = noise;
    RunRecord run = train_record(config);
    std::ranges::fill(run.probe_set.item, -1);
    EXPECT_EQ(verify_now(run).difference.has_value(), noise == 0) << noise;
    run.probe_set.item.back() = 3;  // no program wrote that
    EXPECT_TRUE(verify_now(run).difference.has_value()) << noise;
    std::ranges::fill(run.probe_set.item, -1);
    run.probe_set.x[0] += Real{1};
    EXPECT_TRUE(verify_now(run).difference.has_value()) << noise;
  }
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

/// What is said of a run's file after something was done to it by HDF5 itself.
std::string difference_after(const std::function<void(hid_t)>& change) {
  const test::TemporaryFolder folder;
  const auto path = folder / "run.h5";
  const RunRecord run = train_record(tiny_config(), 55);
  store::publish_file(path, encode(run));
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  change(file);
  H5Fclose(file);
  return difference_in_file(path, run).value_or("none");
}

/// Attaches a scale to the losses, or detaches it.
void change_scale(hid_t file, const char* scale, herr_t (*change)(hid_t, hid_t, unsigned)) {
  const hid_t losses = H5Oopen(file, "/metrics/icl_loss", H5P_DEFAULT);
  const hid_t steps = H5Oopen(file, scale, H5P_DEFAULT);
  EXPECT_GE(change(losses, steps, 0), 0);
  H5Oclose(steps);
  H5Oclose(losses);
}

TEST(Verify, NamesWhatElseIsInTheFile) {
  EXPECT_EQ(difference_after([](hid_t) {}), "none");
  EXPECT_EQ(difference_after([](hid_t file) {
              H5Gclose(H5Gcreate2(file, "/metrics/mine", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
            }),
            "/metrics: mine is not expected there");
  EXPECT_EQ(difference_after([](hid_t file) { H5Ldelete(file, "/theory", H5P_DEFAULT); }),
            "/: theory is missing");
  EXPECT_EQ(difference_after([](hid_t file) {
              H5Ldelete(file, "/theory", H5P_DEFAULT);
              const hid_t space = H5Screate(H5S_SCALAR);
              H5Dclose(H5Dcreate2(file, "/theory", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT,
                                  H5P_DEFAULT));
            }),
            "/: theory is something else");
  EXPECT_THAT(difference_after([](hid_t file) {
                H5Adelete_by_name(file, "/metrics/icl_loss", "long_name", H5P_DEFAULT);
              }),
              ::testing::StartsWith("/metrics/icl_loss: attributes ["));
}

// A program that has fewer keys, and other words, wrote the file.
TEST(Verify, PassesOverKeysAndWordsOfAnotherProgram) {
  EXPECT_EQ(difference_after([](hid_t file) {
              H5Adelete_by_name(file, "/config", "model.attend_self", H5P_DEFAULT);
            }),
            "none");
  const auto rewritten = [](const char* path, const char* name) {
    return difference_after(
        [&](hid_t file) { EXPECT_GE(H5LTset_attribute_string(file, path, name, "another"), 0); });
  };
  EXPECT_EQ(rewritten("/metrics/icl_loss", "description"), "none");
  EXPECT_THAT(rewritten("/metrics/icl_loss", "units"),
              ::testing::StartsWith("/metrics/icl_loss: attribute units: nat expected"));
  EXPECT_THAT(rewritten("/config", "model.system"),
              ::testing::StartsWith("/config: attribute model.system: one_layer expected"));
  EXPECT_THAT(difference_after([](hid_t file) {
                H5Arename_by_name(file, "/config", "model.w0", "model.w00", H5P_DEFAULT);
              }),
              ::testing::StartsWith("/config: attributes ["));
}

TEST(Verify, NamesScalesThatAreMissingOrOthers) {
  const auto detach = [](hid_t file) { change_scale(file, "/metrics/step", H5DSdetach_scale); };
  EXPECT_THAT(difference_after(detach), ::testing::StartsWith("/metrics/icl_loss: "));
  EXPECT_EQ(difference_after([&](hid_t file) {
              detach(file);
              change_scale(file, "/snapshots/step", H5DSattach_scale);
            }),
            "/metrics/icl_loss: scales [/metrics/step] expected, [/snapshots/step] found");
}

TEST(Verify, OfAHostileFileIsAnError) {
  const test::TemporaryFolder folder;
  const RunRecord run = train_record(tiny_config(), 55);
  const std::vector<std::byte> nothing(3000);
  store::publish_file(folder / "no.h5", nothing);
  test::expect_error(ExitCode::bad_input, "cannot open it as HDF5",
                     [&] { (void)difference_in_file(folder / "no.h5", run); });
}

}  // namespace
}  // namespace icl::run
