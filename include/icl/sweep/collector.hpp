#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "icl/config/fields.hpp"
#include "icl/run/run_record.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/merge.hpp"
#include "icl/sweep/plan.hpp"
#include "icl/theory/prediction.hpp"
#include "icl/train/metrics.hpp"

/// The runs of a folder, read for merging.
namespace icl::sweep {

/// What is kept of a run. Steps are completed updates.
struct Row {
  std::string hash;
  std::string file;                  ///< within the folder
  std::vector<config::Value> place;  ///< the value on each axis
  std::int64_t seed;
  run::RunStatus status;
  std::string stop_reason;
  std::int64_t last_step;
  std::int64_t horizon;  ///< the last step that was planned
  std::int64_t numerics;
  std::optional<std::int64_t> t_icl_step;
  std::optional<std::int64_t> t_icl_previous;  ///< the evaluation before t_icl_step
  std::optional<std::int64_t> t_lost_step;  ///< first evaluation after it with accuracy below 0.9
  std::optional<std::int64_t> t_icl_refined;
  std::optional<theory::Prediction> theory;
  std::vector<std::int64_t> metric_steps;
  std::vector<std::vector<double>> metrics;  ///< by the collector's columns; may be fewer
  run::Stretch last_stretch;                 ///< unknown of a run without any
  std::int64_t stretches;
};

/// A key's value where a number is wanted: NaN for one that is not set, and for text.
[[nodiscard]] double number_of(const config::Value& value);

/// Reads the runs of a folder that have ended, sorted by the values of the axes and the seed, and
/// reports the others. Used by one thread; folder and plan must outlive it.
class Collector {
 public:
  Collector(const Folder& folder, const Plan& plan, WhichRuns which)
      : folder_(folder), plan_(plan), which_(which) {}

  /// Fills what follows. A file that is damaged, or cannot be read, is reported; Error(resources)
  /// if the machine lacks what reading takes, and errors as for Folder::stored().
  void collect();

  std::vector<Row> rows;
  std::vector<train::Metric> columns;  ///< of all runs, but for those of single parameters
  MergeReport report;

 private:
  void read(const std::string& hash);
  void require_of_sweep(const config::Config& config) const;
  void require_same_items(const run::RunRecord& run);
  void keep(const std::string& hash, run::RunRecord run);
  [[nodiscard]] std::vector<std::vector<double>> by_column(run::RunRecord& run);

  const Folder& folder_;
  const Plan& plan_;
  WhichRuns which_;
  std::map<std::string, std::size_t> kernel_sets_;
  std::map<std::string, std::size_t> older_;
  using ItemNames = std::pair<std::optional<std::string>, std::optional<std::string>>;
  std::map<ItemNames, std::string> items_hashes_;  ///< of the first run with these
};

}  // namespace icl::sweep
