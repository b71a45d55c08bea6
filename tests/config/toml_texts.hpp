#pragma once

#include <cstddef>
#include <string>

namespace icl::config {

inline const std::string seed_expected = "train.seed: expected an integer from 0 to 2^53-1, found ";

/// Dots that nest a key so deep.
inline std::string key_of_depth(std::size_t parts) {
  std::string key = "a";
  for (std::size_t i = 1; i < parts; ++i) {
    key += ".a";
  }
  return key;
}

}  // namespace icl::config
