#include "icl/model/target_items.hpp"

#include <algorithm>
#include <array>

#include "icl/core/random.hpp"
#include "icl/model/model.hpp"

namespace icl::model {

Real initial_beta(std::optional<double> given, std::int64_t seed) {
  constexpr std::uint32_t beta_ordinal = 1;
  std::array<float, 1> drawn{};
  Stream(static_cast<std::uint64_t>(seed), Purpose::initial_weights, 0, beta_ordinal)
      .normals(drawn);
  return static_cast<Real>(static_cast<float>(given.value_or(drawn[0])));
}

void encode_plain(std::span<const float> item, int label, std::int64_t width, Real* row) {
  const auto dimension = static_cast<std::int64_t>(item.size());
  std::ranges::transform(item, row, [](float x) { return static_cast<Real>(x); });
  row[dimension] = static_cast<Real>(label);
  std::fill(row + dimension + 1, row + width, Real{0});
}

void gather_targets(const Batch& batch, Tensor& x, const Workers& workers) {
  constexpr std::int64_t tile = 32;
  workers.for_tiles(batch.size, tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::elementwise);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      const std::int32_t item = batch.items.row(b)[batch.length - 1];
      std::copy_n(batch.table->target.row(item), x.extent(1), x.row(b));
    }
  });
}

double memoriser_flops(std::int64_t batch, std::int64_t dimension, std::int64_t hidden) {
  const double input_gradient = mlp_step_flops(batch, {dimension, hidden}) / 3;
  return mlp_step_flops(batch, {dimension, hidden, hidden, 1}) - input_gradient;
}

}  // namespace icl::model
