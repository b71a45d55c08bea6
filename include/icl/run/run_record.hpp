#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/core/real.hpp"
#include "icl/probe/fixed_sequences.hpp"
#include "icl/run/prediction.hpp"
#include "icl/run/provenance.hpp"
#include "icl/train/metrics.hpp"
#include "icl/train/state.hpp"

namespace icl::run {

enum class RunStatus : std::uint8_t { running, done, interrupted, diverged };
[[nodiscard]] std::string_view to_string(RunStatus);
/// Nothing for a word that is no status.
[[nodiscard]] std::optional<RunStatus> status_from(std::string_view);

/// A trained tensor, without its values.
struct ParameterShape {
  std::string name;                 ///< in the torch state_dict
  std::vector<std::string> axes;    ///< names of its axes
  std::vector<std::int64_t> shape;  ///< their lengths
  bool operator==(const ParameterShape&) const = default;
};

/// Where a branch began: the state of its parent, before what was due at that step was recorded.
struct Origin {
  std::string parent_hash;  ///< run_hash of the parent: which run it is, however far it has got
  train::State state;
  bool operator==(const Origin&) const = default;
};

/// All that a run file holds, as a plain value. The file is a pure function of this: equal records
/// give equal bytes. M evaluations, S snapshots, B sequences of /probe_set.
struct RunRecord {
  config::Config config;
  RunStatus status = RunStatus::running;
  std::string stop_reason;  ///< why a run is done: "epochs", "icl_accuracy", "c1"; empty otherwise
  std::string items_hash;   ///< of what data.items named; empty without it
  std::int64_t numerics = 0;       ///< numerics_version() of the program that began it
  bool mixed_kernel_sets = false;  ///< was resumed, by request, under another BLAS
  std::int64_t step = 0;           ///< completed updates
  std::optional<std::int64_t> t_icl_step;
  std::optional<std::int64_t> t_icl_refined;  ///< the same to the single step, by eval.refine
  std::vector<train::Metric> columns;         ///< the quantity that each of `metrics` is
  std::vector<std::int64_t> metric_steps;     ///< [M]
  std::vector<std::vector<double>> metrics;   ///< [M] for each of `columns`
  /// What the theory says of these metrics; nothing of a system without attention, or if nobody has
  /// asked it yet.
  std::optional<RunPrediction> prediction;
  std::vector<ParameterShape> parameters;        ///< in the model's order
  std::vector<std::int64_t> snapshot_steps;      ///< [S]
  std::vector<std::vector<Real>> snapshots;      ///< for each parameter [S, shape...]
  std::vector<train::Moments> snapshot_moments;  ///< [S] of record.optimizer; otherwise empty
  probe::FixedSequences probe_set;             ///< of record.activations, from a first snapshot on
  std::vector<std::vector<Real>> activations;  ///< each of activation_shapes() [S, B, extent]
  std::optional<train::State> state;           ///< where to go on; none once the run has ended
  train::Due due = train::Due::recorded;       ///< whether what is due at its step is recorded
  std::optional<Origin> origin;                ///< of a branch
  Provenance provenance;
};

/// The record of a run of this configuration and these parameters that has not begun: the columns
/// and shapes are there, and no numbers.
[[nodiscard]] RunRecord new_record(const config::Config&,
                                   std::span<const nn::Parameter* const> parameters);

/// The step at which its training began: 0, or where a branch left its parent.
[[nodiscard]] std::int64_t first_step(const RunRecord&);

/// The column of that name; empty if the run has none.
[[nodiscard]] std::span<const double> column(const RunRecord&, std::string_view name);

/// The configuration that determines the numbers, as 32 hex digits: XXH3-128 of the lines
/// "key = value" (as config::to_text) of all keys that differ from their defaults, sorted. So a key
/// that is new, and off by default, leaves the hashes of older runs as they are. Keys that only say
/// when to write do not count.
[[nodiscard]] std::string config_hash(const config::Config&);

/// What makes a run this one: its config_hash, and for a branch where it began.
[[nodiscard]] std::string run_hash(const RunRecord&);

}  // namespace icl::run
