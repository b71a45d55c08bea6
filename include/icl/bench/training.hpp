#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "icl/bench/gemm_peak.hpp"
#include "icl/bench/hand_over.hpp"
#include "icl/bench/spread.hpp"
#include "icl/config/config.hpp"
#include "icl/core/phases.hpp"
#include "icl/run/items_file.hpp"

namespace icl::bench {

/// How fast a configuration trains. Seconds are those of one thread where not said otherwise.
struct TrainingSpeed {
  int threads = 1;          ///< at most
  int threads_at_work = 1;  ///< at the end: see Pace
  std::int64_t steps = 0;   ///< measured ones: the first few are left out
  std::int64_t evaluations = 0;
  double seconds = 0;   ///< of all steps, evaluations and recording measured
  Spread step_seconds;  ///< from one update to the next, without evaluation and recording
  PhaseSeconds phases;  ///< in all; evaluation and recording as they passed, others of all threads
  double waiting = 0;  ///< in all steps, of all threads, in no phase: mostly waiting for each other
  double flop = 0;     ///< what the MLP's products need in a step
  std::vector<GemmRate> rates;    ///< measured between steps of this run
  double peak = 0;                ///< GemmPeak::peak of OpenBLAS, all threads together
  double hand_over = 0;           ///< HandOver::seconds; 0 with one thread
  double empty_loop = 0;          ///< HandOver::empty_loop_seconds; 0 with one thread
  std::int64_t shared_loops = 0;  ///< in all steps: loops that several threads shared

  /// Useful GFLOP/s: `flop` over the median step.
  [[nodiscard]] double gflops() const {
    return step_seconds.median > 0 ? 1e-9 * flop / step_seconds.median : 0;
  }
  [[nodiscard]] double share_of_peak() const { return peak > 0 ? gflops() / peak : 0; }
  /// Share of the run's time (that of all its threads) that a phase takes.
  [[nodiscard]] double share(Phase) const;
};

struct TrainingOptions {
  int threads = 1;
  double seconds = 5;  ///< of training, beside the time for the peak
  bool measure_peak = true;
  std::filesystem::path folder;  ///< where the run file is published, in a folder that is removed
  run::ItemPlaces places = {};   ///< of the items
};

/// Trains as `icl train` does, recording and publishing included, for as long as the options say or
/// to the run's end, and meanwhile measures the machine's peak: both see the same moments.
/// Ends early once `interrupt` is set. Throws Error as training and recording do, and
/// Error(ExitCode::usage) for a run of too few steps.
[[nodiscard]] TrainingSpeed measure_training(const config::Config&, const TrainingOptions&,
                                             const std::atomic<bool>& interrupt);

}  // namespace icl::bench
