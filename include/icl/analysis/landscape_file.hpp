#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/theory/landscape.hpp"

namespace icl::analysis {

/// `count` values from `first` to `last`.
struct Grid {
  double first = 0;
  double last = 0;
  std::int64_t count = 0;
};

struct LandscapeRequest {
  std::int64_t N = 100;
  theory::SelfAttention self = theory::SelfAttention::no;
  std::vector<double> margins{0.0};  ///< samples of P+
  /// Whose memoriser the margins are of, if of a run's.
  struct Source {
    std::string run_hash;
    std::int64_t step = 0;
  };
  std::optional<Source> source;
  Grid w{-0.5, 6, 131};
  Grid beta{-2, 8, 201};
};

/// Throws Error(usage) for a grid that is empty, not finite, or of more than 10^7 points in all, or
/// more than 10^8 points times `margins`.
void check_grids(const LandscapeRequest&, std::int64_t margins);

/// The landscape L(w, beta) as the bytes of an HDF5 file: /landscape with loss, dloss_dw,
/// dloss_dbeta and accuracy [w, beta], the nullcline w = e^beta / c2 of the expanded flow [beta],
/// c2 being that of the margins, and the margins. Equal requests give equal bytes on any number of
/// threads. Throws as check_grids does.
[[nodiscard]] std::vector<std::byte> landscape_file(const LandscapeRequest&, const Workers&);

}  // namespace icl::analysis
