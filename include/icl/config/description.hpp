#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace icl::config {

/// What a sweep's file says about itself in [item], and what else a list of experiments shows.
struct Description {
  std::string title;
  std::string figure;  ///< of the paper, as "2b, 2c"; empty if it has none
  std::string question;
  std::vector<std::string> scales;  ///< in the order of the file
  std::size_t checks = 0;           ///< number of [[check]]
};

/// Throws Error: bad_input if the file cannot be read; usage, with file and line, if it is no TOML
/// or its [item] or a [[check]] is not as it should be.
[[nodiscard]] Description load_description(const std::filesystem::path& file);

}  // namespace icl::config
