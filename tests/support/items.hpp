#pragma once

#include <cstddef>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "icl/config/config.hpp"

namespace icl::test {

/// 0.5, 1.5, ...
template <class T>
std::vector<T> ramp(std::size_t size) {
  std::vector<T> values(size);
  std::iota(values.begin(), values.end(), static_cast<T>(0.5));
  return values;
}

/// A run with 4 items of 3 entries from this dataset, unscaled.
inline config::Config items_config(const std::filesystem::path& file, const std::string& dataset) {
  config::Config config;
  config.data.K = 4;
  config.data.N = 4;
  config.data.D = 3;
  config.data.scale = config::ItemScale::none;
  config.data.items = file.string() + ":" + dataset;
  return config;
}

}  // namespace icl::test
