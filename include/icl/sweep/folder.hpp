#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/sweep.hpp"
#include "icl/core/enumeration.hpp"
#include "icl/sweep/plan.hpp"

namespace icl::sweep {

/// How a run stands, by its file alone.
enum class RunState : std::uint8_t {
  waiting,      ///< has no file yet
  running,      ///< some process holds its lock
  interrupted,  ///< has begun and not ended, and no process holds its lock
  done,
  diverged,  ///< has ended, since its loss was not finite: as final as done
  damaged,   ///< its file cannot be read, or is another run's, or its lock is no lock
};
inline constexpr auto state_names = std::to_array<std::string_view>(
    {"waiting", "running", "interrupted", "done", "diverged", "damaged"});
static_assert(state_names.size() == enumerator_count<RunState>());
[[nodiscard]] constexpr std::string_view to_string(RunState state) {
  return state_names.at(static_cast<std::size_t>(state));
}
[[nodiscard]] constexpr bool has_ended(RunState state) {
  return state == RunState::done || state == RunState::diverged;
}

/// What the last 512 bytes of a run's file say.
struct RunStatus {
  RunState state = RunState::waiting;
  std::int64_t step = 0;
  std::optional<std::int64_t> t_icl_step = {};
  std::string problem = {};  ///< of a damaged run
};

/// The folder of a sweep: sweep.toml, the sweep resolved, and runs/xx/HASH.h5, one file a run in
/// folders named after the first two digits of its hash. Any number of processes and threads may
/// use one at the same time.
class Folder {
 public:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Makes the folder that of this sweep: writes sweep.toml. Error(cannot_create) if it cannot be
  /// made, or holds another sweep: one whose runs differ from these in more than the values of axes
  /// and seeds, or that has an axis which this one has not. A lost sweep.toml is made anew if all
  /// runs that are there are this sweep's. Error(usage) for a sweep too long to be kept (thousands
  /// of fractions on an axis).
  void claim(const Plan&) const;

  /// Error(cannot_create) as far as claim() is bound to fail now; writes nothing.
  void check_claimable(const Plan&) const;

  /// The sweep of the folder; Error(bad_input) if it holds none, or not as it was written.
  [[nodiscard]] config::Sweep sweep() const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path manifest() const { return path_ / "sweep.toml"; }
  [[nodiscard]] std::filesystem::path run_file(const std::string& hash) const;

  /// How a run stands: by one read of 512 bytes and one look for a lock. Error(io) if the folder
  /// cannot be looked into.
  [[nodiscard]] RunStatus status(const std::string& hash) const;

  /// Hashes of all run files that there are, sorted.
  [[nodiscard]] std::vector<std::string> stored() const;

  /// Files under runs/ whose names end in .h5 and that do not lie where the run of their name
  /// would: what somebody moved or copied there.
  [[nodiscard]] std::vector<std::filesystem::path> strays() const;

 private:
  /// Whether it is this sweep's already.
  [[nodiscard]] bool is_claimed_for(const Plan&) const;

  std::filesystem::path path_;
};

}  // namespace icl::sweep
