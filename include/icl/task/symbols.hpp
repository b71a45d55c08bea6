#pragma once

#include <cstdint>
#include <span>

#include "icl/core/batch.hpp"
#include "icl/task/frequencies.hpp"
#include "icl/task/task.hpp"

/// \file
/// What tasks share whose tokens are one of S symbols: their probabilities, their tokens, and room
/// for their batches.

namespace icl::task {

/// p [S] from Dirichlet(alpha): g_s / sum of g, g_s ~ Gamma(alpha), of which none is below 1e-30,
/// so that every symbol comes some day. alpha from 0.01.
void draw_dirichlet(WordReader&, double alpha, std::span<double> p);

/// The symbol that a share `u` of [0, 1) falls on.
[[nodiscard]] std::int32_t symbol_at(std::span<const double> p, double u);

/// The S symbols as one-hot tokens, as context and as target: all have label 0.
[[nodiscard]] TokenTable tokens_of_symbols(const TokenEncoder&, std::int64_t symbols);

/// The bytes that these take, in rows of `width` numbers.
[[nodiscard]] constexpr double bytes_of_symbols(std::int64_t symbols, std::int64_t width) {
  constexpr double tables = 2;
  return tables * static_cast<double>(symbols) * static_cast<double>(width) * sizeof(Real);
}

/// Room for sequences of the rows of that table, which are each of a latent of so many numbers;
/// those of the first `tile` sequences, of the next and so on are drawn in the same scratch space.
[[nodiscard]] Batch room_for_symbols(const BatchShape&, std::int64_t latent, std::int64_t tile,
                                     std::int64_t capacity, Storage = {});

}  // namespace icl::task
