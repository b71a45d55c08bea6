#include "icl/run/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <utility>

#include "icl/core/enumeration.hpp"
#include "icl/run/decode.hpp"
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

TEST(Verify, SaysIdenticalOfARunOfEachTask) {
  for (std::size_t i = 0; i < enumerator_count<config::TaskKind>(); ++i) {
    const auto task = static_cast<config::TaskKind>(i);
    auto config = tiny_config();
    config.model.system = config::System::blocks;
    config.data.task = task;
    RunRecord run = train_record(config, 55);
    EXPECT_EQ(verify_now(run, 2).difference, std::nullopt) << config::word(task);
    run.config.seed.items = 1;  // other tasks, chains, items
    EXPECT_NE(verify_now(run).difference, std::nullopt) << config::word(task);
  }
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

/// A run with everything in its file: probes, the theory, fixed sequences, activations.
const RunRecord& full_run() {
  static const RunRecord run = [] {
    config::Config config = tiny_config();
    config.probe.sequences = 8;
    config.record.activations = "logit";
    config.record.probe_set = 6;
    return train_record(config, 55);
  }();
  return run;
}

/// What is said of a run's file after something was done to it by HDF5 itself.
std::string difference_after(const std::function<void(hid_t)>& change) {
  const test::TemporaryFolder folder;
  const auto path = folder / "run.h5";
  static const std::vector<std::byte> bytes = encode(full_run());
  store::publish_file(path, bytes);
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  change(file);
  H5Fclose(file);
  return difference_in_file(path, full_run()).value_or("none");
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
  EXPECT_EQ(difference_after([](hid_t file) {
              H5Gclose(H5Gcreate2(file, "/mine", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
            }),
            "/: mine is not expected there");
  EXPECT_EQ(difference_after([](hid_t file) { H5Ldelete(file, "/theory", H5P_DEFAULT); }),
            "/: theory is missing");
  EXPECT_EQ(difference_after([](hid_t file) {
              H5Ldelete(file, "/theory", H5P_DEFAULT);
              const hid_t space = H5Screate(H5S_SCALAR);
              H5Dclose(H5Dcreate2(file, "/theory", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT,
                                  H5P_DEFAULT));
            }),
            "/: theory is something else");
}

TEST(Verify, NamesAttributesThatAreMissingOrNotExpected) {
  const auto without = [](const char* path, const char* name) {
    return difference_after(
        [&](hid_t file) { EXPECT_GE(H5Adelete_by_name(file, path, name, H5P_DEFAULT), 0); });
  };
  for (const auto& [path, name] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/", "stop_reason"},
           {"/config", "model.attend_self"},
           {"/config", "seed.items"},
           {"/metrics", "seed"},
           {"/metrics/icl_loss", "long_name"},
           {"/metrics/c1", "formula"},
           {"/theory", "tau_star"},
           {"/model", "forward"},
           {"/model/parameters", "mlp.0.bias"},
           {"/probe_set/x", "units"},
           {"/activations/logit", "long_name"},
           {"/state", "I_K"}}) {
    EXPECT_EQ(without(path, name), std::string(path) + ": attribute " + name + " is missing");
  }
  EXPECT_EQ(difference_after([](hid_t file) {
              EXPECT_GE(H5LTset_attribute_string(file, "/theory", "mine", "x"), 0);
            }),
            "/theory: attribute mine is not expected there");
  EXPECT_EQ(difference_after([](hid_t file) {
              H5Arename_by_name(file, "/config", "model.w0", "model.w00", H5P_DEFAULT);
            }),
            "/config: attribute model.w0 is missing");
}

TEST(Verify, NamesWordsUnitsAndFormulasThatWereChanged) {
  const auto rewritten = [](const char* path, const char* name) {
    return difference_after(
        [&](hid_t file) { EXPECT_GE(H5LTset_attribute_string(file, path, name, "another"), 0); });
  };
  for (const auto& [path, name] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/config", "model.system"},
           {"/metrics", "signal"},
           {"/metrics/icl_loss", "units"},
           {"/metrics/icl_loss", "long_name"},
           {"/metrics/icl_loss", "description"},
           {"/metrics/c1", "formula"},
           {"/metrics/c1", "source"},
           {"/metrics/step", "NAME"},
           {"/theory", "model"},
           {"/theory", "source"},
           {"/model", "forward"},
           {"/model/parameters", "mlp.0.bias"},
           {"/snapshots/mlp.0.bias", "long_name"},
           {"/probe_set/item", "description"},
           {"/activations/logit", "units"}}) {
    const std::string said = rewritten(path, name);
    EXPECT_THAT(said, ::testing::StartsWith(std::string(path) + ": attribute " + name + ": "));
    EXPECT_THAT(said, ::testing::EndsWith(" expected, another found"));
  }
  // Text of variable length, which readers show as a plot's title.
  EXPECT_THAT(difference_after([](hid_t file) {
                const hid_t text = H5Tcopy(H5T_C_S1);
                H5Tset_size(text, H5T_VARIABLE);
                const char* title = "another";
                const hid_t group = H5Gopen2(file, "/metrics", H5P_DEFAULT);
                H5Adelete(group, "title");
                const hid_t space = H5Screate(H5S_SCALAR);
                const hid_t at = H5Acreate2(group, "title", text, space, H5P_DEFAULT, H5P_DEFAULT);
                EXPECT_GE(H5Awrite(at, text, &title), 0);
                H5Aclose(at);
                H5Gclose(group);
              }),
              ::testing::StartsWith("/metrics: attribute title: S1, K = 24, N = 8, seed 0 "));
}

/// Adds `more` to one element of a dataset of numbers.
void add_to(hid_t file, const char* path, std::size_t element, double more) {
  const hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
  std::vector<double> values(
      static_cast<std::size_t>(H5Sget_simple_extent_npoints(H5Dget_space(dataset))));
  H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  values.at(element) += more;
  EXPECT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(dataset);
}

TEST(Verify, NamesNumbersThatWereChanged) {
  const auto changed = [](const char* path, std::size_t element) {
    return difference_after([&](hid_t file) { add_to(file, path, element, 1); });
  };
  EXPECT_THAT(changed("/metrics/icl_loss", 3),
              ::testing::StartsWith("step 30: /metrics/icl_loss[3]: "));
  EXPECT_THAT(changed("/snapshots/mlp.0.bias", 17),
              ::testing::HasSubstr("/snapshots/mlp.0.bias[1, 1]: "));
  EXPECT_THAT(changed("/probe_set/x", 2), ::testing::StartsWith("/probe_set/x[0, 0, 2]: "));
  EXPECT_THAT(changed("/probe_set/copy", 0), ::testing::StartsWith("/probe_set/copy[0, 0]: "));
  EXPECT_THAT(changed("/activations/logit", 7), ::testing::HasSubstr("/activations/logit[1, 1]: "));
  EXPECT_THAT(changed("/state/mlp.0.bias", 5), ::testing::StartsWith("/state/mlp.0.bias[5]: "));
  for (const auto& [path, name] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/theory", "tau_star"},
           {"/theory", "t_icl_step_from_initial"},
           {"/theory", "beta0"},
           {"/theory", "n"},
           {"/config", "data.K"},
           {"/metrics", "K"},
           {"/state", "I_K"}}) {
    const std::string said = difference_after([&](hid_t file) {
      double value = 0;
      H5LTget_attribute_double(file, path, name, &value);
      value = std::nextafter(value, 1e9);
      const hid_t object = H5Oopen(file, path, H5P_DEFAULT);
      H5Adelete(object, name);
      const hid_t space = H5Screate(H5S_SCALAR);
      const hid_t at = H5Acreate2(object, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
      EXPECT_GE(H5Awrite(at, H5T_NATIVE_DOUBLE, &value), 0);
      H5Oclose(object);
      H5Aclose(at);
    });
    EXPECT_THAT(said, ::testing::StartsWith(std::string(path) + ": attribute " + name + ": "));
  }
}

// What a file says of the theory is held to what the theory says, not to itself.
TEST(Verify, ComparesTheStoredPredictionWithANewOne) {
  RunRecord changed = full_run();
  ASSERT_TRUE(changed.prediction && changed.prediction->theory);
  changed.prediction->theory->tau_star += 1;
  EXPECT_THAT(verify_now(changed).difference.value_or(""),
              ::testing::StartsWith("/theory: attribute tau_star: "));
  const test::TemporaryFolder folder;
  store::publish_file(folder / "run.h5", encode(changed));
  EXPECT_THAT(difference_in_file(folder / "run.h5", changed).value_or(""),
              ::testing::StartsWith("/theory: attribute tau_star: "));
}

TEST(Verify, TakesFilesOfEarlierPrograms) {
  // Without /model, in words that were improved since, and without keys that they did not have.
  EXPECT_EQ(difference_after([](hid_t file) {
              H5Ldelete(file, "/model", H5P_DEFAULT);
              H5LTset_attribute_string(
                  file, "/metrics/c1", "source",
                  "Nguyen & Reddy (2024), arXiv 2412.00104, and what follows from it for icl");
              H5LTset_attribute_string(file, "/metrics/effective_beta", "formula",
                                       "score on the copy minus log-mean-exp of the scores on the "
                                       "other context tokens");
            }),
            "none");
  const auto without_attribute = [](const char* name) {
    return difference_after([&](hid_t file) {
      H5Adelete_by_name(file, "/model", "label_entries", H5P_DEFAULT);
      H5Adelete_by_name(file, "/model", name, H5P_DEFAULT);
    });
  };
  EXPECT_EQ(without_attribute("outputs"), "none");
  EXPECT_EQ(without_attribute("D"), "/model: attribute D is missing");
  const auto without_key = [](const char* line) {
    return difference_after([&](hid_t file) {
      const hid_t dataset = H5Dopen2(file, "/config/toml", H5P_DEFAULT);
      const hid_t type = H5Dget_type(dataset);
      std::string toml(H5Tget_size(type), ' ');
      H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, toml.data());
      const std::size_t at = toml.find(line);
      ASSERT_NE(at, std::string::npos) << toml;
      toml.replace(at, std::string(line).size(), std::string(line).size(), '#');
      H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, toml.data());
      H5Dclose(dataset);
      H5Adelete_by_name(file, "/config", "model.attend_self", H5P_DEFAULT);
    });
  };
  EXPECT_EQ(without_key("attend_self = false"), "none");
  EXPECT_EQ(without_key("w0 = 0"), "/config: attribute model.attend_self is missing");
  for (const char* name : {"K1000_s0.h5", "K100000_s0.h5"}) {
    const std::filesystem::path path = std::filesystem::path(ICL_PAPER_DIR) / name;
    EXPECT_EQ(difference_in_file(path, read_run(path).record), std::nullopt) << name;
  }
}

TEST(Verify, NamesScalesThatAreMissingOrOthers) {
  const auto detach = [](hid_t file) { change_scale(file, "/metrics/step", H5DSdetach_scale); };
  EXPECT_EQ(difference_after(detach), "/metrics/icl_loss: attribute DIMENSION_LIST is missing");
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
