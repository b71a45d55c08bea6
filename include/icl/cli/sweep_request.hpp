#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "icl/config/sweep.hpp"
#include "icl/run/items_file.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"

/// A sweep as a command line asks for it, and what it will cost. What is done with it is one of
/// three: train_sweep.hpp, sweep_forecast.hpp, job_array.hpp.
namespace icl::cli {

/// Which runs, and where their files lie.
struct SweepRequest {
  std::filesystem::path config;
  std::filesystem::path out;         ///< empty: the name of `config` without its ending
  std::optional<std::string> scale;  ///< its name; none: the file's base settings
  std::vector<std::string> axes;     ///< --axis KEY=VALUES
  std::optional<std::string> seeds;  ///< in place of the file's
  std::vector<std::string> overrides;
  std::optional<std::filesystem::path> items_folder;  ///< default: that of `config`
  std::optional<std::string> kernels;                 ///< own or avx2, in place of the file's
  bool yes = false;                                   ///< even if the grid is huge
  bool quiet = false;                                 ///< nothing is said that is no error
};

/// How many runs at once, and on how many threads each.
struct Pace {
  int jobs = 0;  ///< 0: as many as fit on the CPUs that choose_threads() finds
  int threads = 1;
};

/// Error(usage) for a pace that is none.
void require_possible(const Pace&);

/// The jobs of a pace that is possible.
[[nodiscard]] int resolve_jobs(const Pace&);

/// Throws Error(usage), for more than 2^31 runs too, and for more than a million without --yes.
[[nodiscard]] config::Sweep load(const SweepRequest&);

/// The folder that it names, or else that by the file's name, which is then said. Error(usage) if
/// there is no such name, or the file lies in that folder as its own sweep.toml would.
[[nodiscard]] sweep::Folder folder_of(const SweepRequest&);

/// "i/n" with 0 <= i < n; Error(usage) for anything else.
[[nodiscard]] sweep::Shard parse_shard(const std::string& text);

/// Where the runs' items are looked for; all must be there.
[[nodiscard]] run::ItemPlaces places_of(const SweepRequest&, const config::Sweep&);

/// Seconds of each of the runs, which are sorted from the longest to the shortest, if none stops
/// early: the first and the last are measured, those in between lie on the line between them.
/// Nothing if one of the two cannot be measured.
[[nodiscard]] std::optional<std::vector<double>> forecast(const sweep::Plan& plan,
                                                          const std::vector<std::size_t>& runs,
                                                          int threads, const run::ItemPlaces&);

}  // namespace icl::cli
