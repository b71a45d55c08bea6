#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "icl/config/config.hpp"
#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"
#include "icl/io/recorder.hpp"
#include "icl/train/trainer.hpp"

namespace icl::test {

/// A run of 60 steps that takes a few milliseconds: six epochs, several snapshots, no probes.
inline config::Config tiny_config() {
  config::Config config;
  config.model.hidden = 16;
  config.data.K = 24;
  config.data.N = 8;
  config.data.D = 9;
  config.train.epochs = 6;
  config.train.steps_per_epoch = 10;
  config.train.batch_size = 8;
  config.train.learning_rate = 0.1;
  config.eval.sequences = 40;
  config.record.snapshots = 5;
  config.probe.sequences = 0;
  return config;
}

/// Stops a run after a number of steps.
class StopAfter final : public train::Observer {
 public:
  explicit StopAfter(std::int64_t step) : step_(step) { stop = step == 0; }
  void stepped(const train::StateView& run) override {
    if (run.progress().step >= step_) stop = true;
  }
  std::atomic<bool> stop{false};

 private:
  std::int64_t step_;
};

/// Trains until `stop_after` updates (or to the end) and returns the record; goes on from `from` if
/// given.
inline io::RunRecord train_record(const config::Config& config,
                                  std::optional<std::int64_t> stop_after = std::nullopt,
                                  const io::RunRecord* from = nullptr, int threads = 1,
                                  std::optional<task::GivenItems> given = std::nullopt) {
  prepare_blas();
  train::Trainer trainer(config, Workers(threads), std::move(given));
  io::RunRecord start = io::new_record(config, trainer.readable_parameters());
  start.provenance = {io::describe_process(threads, "test")};
  if (from != nullptr) {
    start = *from;
    trainer.restore(from->state.value(), from->due);
  }
  io::RecordBuilder builder(std::move(start));
  StopAfter stopper(stop_after.value_or(std::numeric_limits<std::int64_t>::max()));
  const std::array<train::Observer*, 2> observers{&builder, &stopper};
  trainer.run(observers, stopper.stop);
  return builder.record();
}

/// A folder that is removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "icl-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Expects `call` to throw an Error of this code whose message holds `part`.
template <class Call>
void expect_error(ExitCode code, const std::string& part, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "no error; expected one about: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace icl::test
