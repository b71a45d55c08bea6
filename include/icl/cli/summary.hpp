#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "icl/cli/json.hpp"
#include "icl/run/run_record.hpp"
#include "icl/store/contents.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/plan.hpp"

/// What `icl info` and others say of files and folders: at most twelve lines for a person, and all
/// for a program.
namespace icl::cli {

inline constexpr std::size_t most_summary_lines = 12;

/// How many runs of a sweep stand how.
struct SweepCounts {
  std::array<std::size_t, sweep::state_names.size()> by_state{};
  std::size_t acquired = 0;

  void add(const sweep::RunStatus& status) {
    ++by_state.at(static_cast<std::size_t>(status.state));
    if (status.t_icl_step) ++acquired;
  }
  [[nodiscard]] std::size_t operator[](sweep::RunState state) const {
    return by_state.at(static_cast<std::size_t>(state));
  }
};

/// Looks at every run's file; errors as for Folder::status().
[[nodiscard]] SweepCounts count_runs(const sweep::Folder&, const sweep::Plan&);

/// "12 runs: 3 done, ...; ICL acquired in 2".
[[nodiscard]] std::string counts_text(const SweepCounts&, std::size_t runs);

[[nodiscard]] std::string summary_of(const run::RunRecord&, const std::string& file);
[[nodiscard]] std::string summary_of(const sweep::Folder&, const sweep::Plan&, const SweepCounts&);
/// `kind` is what the file is called.
[[nodiscard]] std::string summary_of(const store::Contents&, const std::string& file,
                                     const std::string& kind);

[[nodiscard]] Json to_json(const run::RunRecord&);
[[nodiscard]] Json to_json(const sweep::Plan&, const SweepCounts&);
[[nodiscard]] Json to_json(const store::Contents&, const std::string& kind);

}  // namespace icl::cli
