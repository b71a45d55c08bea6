#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"
#include "icl/store/group_writer.hpp"
#include "icl/train/observer.hpp"

namespace icl::run {

/// What is wanted of a step.
enum class Wanted : std::uint8_t {
  parameters,
  snapshots  ///< all that a snapshot of the run holds
};

/// The parameters of a run after each of some steps, and with Wanted::snapshots what else its
/// snapshots hold.
struct Weights {
  std::vector<std::int64_t> steps;             ///< [S], rising
  std::vector<std::vector<Real>> values;       ///< for each parameter [S, shape...]
  std::vector<train::Moments> moments;         ///< [S] of record.optimizer; otherwise empty
  std::vector<std::vector<Real>> activations;  ///< as RunRecord::activations
};

/// Whether weights_at() would train again: at a step that has no snapshot.
[[nodiscard]] bool needs_training(const RunRecord&, std::span<const std::int64_t> steps);

/// The parameters after each of `steps`, which rise and lie in what the run has trained. Those of a
/// snapshot are taken from it; others are trained again from the nearest snapshot or state before
/// them, or from the beginning: with SGD a step depends on the weights and its number alone, while
/// Adam needs what it remembers, which a snapshot holds with record.optimizer.
///
/// On its way the training is held to the record bit by bit: to each mean loss and accuracy of the
/// training sequences between two evaluations, to each snapshot and to the stored state; from the
/// last step that is asked for it goes on to the next of these. Throws
/// Error(ExitCode::check_failed) that names the first of them that differs. The bits are the run's
/// only where require_same_bits() holds. Equal for any number of threads. `observers` are told of
/// each step that the training is held to or asked for. With Wanted::parameters nothing else is
/// computed, and no other memory taken.
[[nodiscard]] Weights weights_at(const RunRecord&, std::span<const std::int64_t> steps, Wanted,
                                 const Workers&, const ItemPlaces& = {},
                                 std::span<train::Observer* const> observers = {});

/// Writes a dataset for each parameter, with a first axis `step` if `steps` are given.
void write_parameters(store::GroupWriter&, const std::vector<ParameterShape>&,
                      const std::vector<std::int64_t>* steps,
                      const std::vector<std::vector<Real>>& values);

}  // namespace icl::run
