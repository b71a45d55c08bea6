#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "icl/config/config.hpp"
#include "icl/core/gemm.hpp"
#include "icl/run/recorder.hpp"
#include "icl/train/trainer.hpp"
#include "support/errors.hpp"
#include "support/folder.hpp"

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
inline run::RunRecord train_record(const config::Config& config,
                                   std::optional<std::int64_t> stop_after = std::nullopt,
                                   const run::RunRecord* from = nullptr, int threads = 1,
                                   std::optional<task::GivenItems> given = std::nullopt) {
  prepare_blas();
  train::Trainer trainer(config, Workers(threads), std::move(given));
  run::RunRecord start = run::new_record(config, trainer.readable_parameters());
  start.provenance = {run::describe_process(threads, "test")};
  if (from != nullptr) {
    start = *from;
    trainer.restore(from->state.value(), from->due);
  }
  run::RecordBuilder builder(std::move(start));
  StopAfter stopper(stop_after.value_or(std::numeric_limits<std::int64_t>::max()));
  const std::array<train::Observer*, 2> observers{&builder, &stopper};
  trainer.run(observers, stopper.stop);
  return builder.record();
}

}  // namespace icl::test
