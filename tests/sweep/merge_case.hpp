#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/toml.hpp"
#include "icl/run/encode.hpp"
#include "icl/store/file.hpp"
#include "icl/sweep/folder.hpp"
#include "icl/sweep/merge.hpp"
#include "icl/sweep/plan.hpp"
#include "icl/train/metrics.hpp"
#include "support/folder.hpp"
#include "support/runs.hpp"

/// Folders of tiny runs that are to be merged.
namespace icl::sweep {

namespace fs = std::filesystem;

/// A plan with the tiny run as its base, but for data.K.
inline Plan tiny_plan(const std::string& grid) {
  constexpr std::array<std::string_view, 3> varied{"train.seed", "data.K", "model.system"};
  return Plan(
      config::parse_sweep(config::to_toml(test::tiny_config(), varied) + grid, "sweep.toml"));
}

inline void publish(const Folder& folder, const std::string& hash, const run::RunRecord& record) {
  const fs::path file = folder.run_file(hash);
  fs::create_directories(file.parent_path());
  store::publish_file(file, run::encode(record));
}

/// Trains a run, in full unless stopped, and puts it into the folder.
inline run::RunRecord train_run(const Folder& folder, const Plan& plan, std::size_t run,
                                std::optional<std::int64_t> stop_after = {}) {
  run::RunRecord record = test::train_record(plan.config(run), stop_after);
  publish(folder, plan.hash(run), record);
  return record;
}

/// The columns of a tiny run.
inline const std::vector<train::Metric>& columns() {
  static const std::vector<train::Metric> all = train::metrics(test::tiny_config(), {});
  return all;
}

inline std::string metric_path(std::size_t metric) { return "/metrics/" + columns()[metric].name; }

class Merge : public testing::Test {
 protected:
  test::TemporaryFolder temporary;
  Folder folder{temporary.path()};
};

}  // namespace icl::sweep
