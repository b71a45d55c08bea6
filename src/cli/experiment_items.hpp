#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "icl/config/description.hpp"
#include "icl/core/error.hpp"

namespace icl::cli {

/// One folder of experiments that holds a sweep.
struct Item {
  std::string name;
  std::filesystem::path folder;
  config::Description description;
  [[nodiscard]] std::filesystem::path file() const { return folder / "experiment.toml"; }
};

/// All of a folder by name, their descriptions not yet read: a broken one does not keep the others
/// from being made. Error(bad_input) if there are none.
[[nodiscard]] std::vector<Item> items_of(const std::filesystem::path& experiments);

/// The paper's figures first, each with its description.
[[nodiscard]] std::vector<Item> described(std::vector<Item>);

/// The one of this name, or "all", described. Error(usage), with what may be meant, if there is
/// none.
[[nodiscard]] std::vector<Item> chosen(const std::string& name, std::vector<Item>);

/// Those that have a scale. Error(usage), with what may be meant, if none has.
[[nodiscard]] std::vector<Item> with_scale(const std::string& scale, std::vector<Item>);

/// Prints what the items are, their checks and scales.
ExitCode list_items(const std::vector<Item>&);

}  // namespace icl::cli
