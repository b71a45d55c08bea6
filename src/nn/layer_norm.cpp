#include "icl/nn/layer_norm.hpp"

#include <algorithm>
#include <cmath>

#include "icl/core/simd.hpp"
#include "icl/nn/fit.hpp"

namespace icl::nn {
namespace {

/// sum_i a_i b_i c_i over n elements, in the lanes of simd::dot.
Real triple_dot(const Real* a, const Real* b, const Real* c, std::int64_t n) {
  using Pack = simd::Pack<Real>;
  const Pack zero = Pack::broadcast(0);
  Pack total = zero;
  std::int64_t i = 0;
  for (; i + simd::lanes <= n; i += simd::lanes) {
    const Pack product = fma(Pack::load(a + i), Pack::load(b + i), zero);
    total = fma(product, Pack::load(c + i), total);
  }
  if (i < n) {
    const std::int64_t rest = n - i;
    const Pack product = fma(Pack::load_first(a + i, rest), Pack::load_first(b + i, rest), zero);
    total = fma(product, Pack::load_first(c + i, rest), total);
  }
  return total.sum();
}

}  // namespace

LayerNorm::Activations::Activations(std::int64_t rows, std::int64_t width, Storage storage)
    : n({rows, width}, storage),
      scale({rows}, storage),
      dgain({(rows + tile - 1) / tile, width}, storage),
      dbias({(rows + tile - 1) / tile, width}, storage) {}

LayerNorm::LayerNorm(const std::string& name, std::int64_t width, const std::string& axis,
                     Storage storage)
    : gain{name + ".weight", {axis}, Group::attention, Tensor({width}, storage), {}},
      bias{name + ".bias", {axis}, Group::attention, Tensor({width}, storage), {}} {
  initialise();
}

void LayerNorm::initialise() {
  std::ranges::fill(gain.value.values(), Real{1});
  std::ranges::fill(bias.value.values(), Real{0});
}

void LayerNorm::require_fits(std::int64_t rows, const Activations& s) const {
  require_fit(gain.name, "activations n", s.n, rows, width());
  require_fit(gain.name, "activations scale", s.scale, rows, 1);
  require_fit(gain.name, "activations dgain", s.dgain, (rows + tile - 1) / tile, width());
}

void LayerNorm::forward(std::int64_t rows, ConstMatrixView x, Activations& s, MatrixView y,
                        const Workers& workers) const {
  require_fit(gain.name, "x", x, rows, width());
  require_fit(gain.name, "y", y, rows, width());
  require_fits(rows, s);
  const std::int64_t w = width();
  const Real per_entry = Real{1} / static_cast<Real>(w);
  const Real* g = gain.value.data();
  const Real* b = bias.value.data();
  workers.for_tiles(rows, tile, [&](Tile some) {
    const auto time = workers.measure(Phase::elementwise);
    for (std::int64_t r = some.first; r < some.end(); ++r) {
      const Real* in = x.row(r);
      Real* n = s.n.row(r);
      Real* out = y.row(r);
      const Real mean = simd::sum(in, w) * per_entry;
      for (std::int64_t i = 0; i < w; ++i) n[i] = in[i] - mean;
      const Real variance = simd::dot(n, n, w) * per_entry;
      const Real scale = Real{1} / std::sqrt(variance + static_cast<Real>(epsilon));
      s.scale[r] = scale;
      for (std::int64_t i = 0; i < w; ++i) {
        n[i] *= scale;
        out[i] = std::fma(g[i], n[i], b[i]);
      }
    }
  });
}

void LayerNorm::backward(std::int64_t rows, Activations& s, ConstMatrixView dy, MatrixView dx,
                         const Workers& workers) {
  require_fit(gain.name, "dy", dy, rows, width());
  if (!dx.is_none()) require_fit(gain.name, "dx", dx, rows, width());
  require_fits(rows, s);
  const std::int64_t w = width();
  const Real per_entry = Real{1} / static_cast<Real>(w);
  const Real* g = gain.value.data();
  workers.for_tiles(rows, tile, [&](Tile some) {
    const auto time = workers.measure(Phase::elementwise);
    Real* dgain = s.dgain.row(some.first / tile);
    Real* dbias = s.dbias.row(some.first / tile);
    std::fill_n(dgain, w, Real{0});
    std::fill_n(dbias, w, Real{0});
    for (std::int64_t r = some.first; r < some.end(); ++r) {
      const Real* d = dy.row(r);
      const Real* n = s.n.row(r);
      // y = g n + b:  dg += dy n,  db += dy,  dn = g dy
      for (std::int64_t i = 0; i < w; ++i) {
        dgain[i] = std::fma(d[i], n[i], dgain[i]);
        dbias[i] += d[i];
      }
      if (dx.is_none()) continue;
      // n = (x - mean) scale:  dx += scale (dn - mean(dn) - n mean(dn n))
      const Real mean = simd::dot(g, d, w) * per_entry;
      const Real slope = triple_dot(g, d, n, w) * per_entry;
      const Real scale = s.scale[r];
      Real* to = dx.row(r);
      for (std::int64_t i = 0; i < w; ++i) {
        const Real rest = std::fma(-slope, n[i], std::fma(g[i], d[i], -mean));
        to[i] = std::fma(scale, rest, to[i]);
      }
    }
  });
  const std::int64_t tiles = (rows + tile - 1) / tile;
  const auto time = workers.measure(Phase::elementwise);
  gain.take_column_sums(s.dgain, tiles);
  bias.take_column_sums(s.dbias, tiles);
}

}  // namespace icl::nn
