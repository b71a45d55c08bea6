#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "icl/core/parallel.hpp"
#include "icl/run/items_file.hpp"
#include "icl/run/run_record.hpp"
#include "icl/train/trainer.hpp"

namespace icl::run {

/// Whether a run may be gone on with although the BLAS is another one than in its last stretch.
enum class KernelChange : std::uint8_t {
  refuse,
  offer,           ///< refuse, and say that --allow-kernel-change would allow it
  refuse_kernels,  ///< another version of the same kernels will do: what it gives is compared
  allow,           ///< and mark the record
};

/// Checks that this program, on this machine, gives the bits that the record began with: same
/// numerics version, same BLAS (version, build, kernels), as far as KernelChange asks for it.
/// Throws Error(ExitCode::cannot_create) that says what differs; `name` stands for the file.
void require_same_bits(RunRecord&, const std::string& name, KernelChange);

/// The items that the run began with, wherever they lie now: known by their hash. Without a folder
/// in `places`, a relative path is looked for where the run found it too. Throws
/// Error(ExitCode::bad_input) as read_items does, and for other items than those.
[[nodiscard]] std::optional<task::GivenItems> items_of(const RunRecord&, ItemPlaces places = {});

/// The folder in which the run's items were looked for beside the current one; empty if there was
/// none.
[[nodiscard]] std::filesystem::path remembered_folder(const RunRecord&);

/// The first state of a run: its origin if it is a branch, otherwise its initial weights.
[[nodiscard]] train::State first_state(const RunRecord&, const train::Trainer& fresh);

/// Which running sums a replay needs: those since the evaluation before, of loss and accuracy.
enum class Sums : std::uint8_t {
  any,   ///< only the parameters are wanted
  right  ///< as the run had them where the replay ends
};

/// The latest step <= `step` of which the record holds a whole state: its beginning, a snapshot
/// (where snapshots_are_whole()), or the state to go on from.
[[nodiscard]] std::int64_t nearest_step(const RunRecord&, std::int64_t step, Sums);

/// Takes a trainer of this run, fresh or at an earlier step, to a step that nearest_step() gave;
/// what was due there is taken as recorded. At the beginning of a run that is no branch it must be
/// fresh, and is left as it is.
void restore_at(const RunRecord&, std::int64_t step, train::Trainer&);

/// The state of a recorded run after `step` <= record.step updates, before what was due at that
/// step was recorded. Trains again, silently, from the nearest state in the record from which the
/// running means come out right too. Throws Error(ExitCode::check_failed) if the replay meets what
/// the run did not: a number that is not finite.
[[nodiscard]] train::State state_at(const RunRecord&, std::int64_t step, const Workers&,
                                    const ItemPlaces& = {});

[[nodiscard]] bool has_snapshot(const RunRecord&, std::int64_t step);

/// Whether a run can go on from any of its snapshots: if its optimiser remembers nothing, or what
/// it remembers was recorded.
[[nodiscard]] bool snapshots_are_whole(const RunRecord&);

/// The place among snapshot_steps of a snapshot that there is.
[[nodiscard]] std::size_t snapshot_index(const RunRecord&, std::int64_t step);

/// Of a series with a first axis of snapshots, [S, ...], the part [...] of one that there is.
[[nodiscard]] std::span<const Real> at_snapshot(const RunRecord&, const std::vector<Real>& series,
                                                std::int64_t step);

/// A snapshot that there is, as a state: without the sums since the evaluation before it.
[[nodiscard]] train::State state_of_snapshot(const RunRecord&, std::int64_t step);

/// The parameters after `step` <= record.step updates: those of a snapshot, or else of state_at(),
/// for which require_same_bits() should hold.
[[nodiscard]] train::Values parameters_at(const RunRecord&, std::int64_t step, const Workers&);

}  // namespace icl::run
