#include "icl/nn/readout.hpp"

#include <array>
#include <cmath>

#include "icl/core/simd.hpp"
#include "icl/nn/fit.hpp"

namespace icl::nn {
namespace {

constexpr std::int64_t row_tile = 32;      // sequences
constexpr std::int64_t column_tile = 128;  // inputs

}  // namespace

Readout::Readout(const std::string& name, std::int64_t in, const std::string& in_axis,
                 Storage storage)
    : weight{name + ".weight", {"output", in_axis}, Group::mlp, Tensor({1, in}, storage), {}},
      bias{name + ".bias", {"output"}, Group::mlp, Tensor({1}, storage), {}} {}

void Readout::initialise(std::int64_t seed, std::uint32_t ordinal) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(in()));
  initialise_uniform(weight, bound, seed, ordinal);
  initialise_uniform(bias, bound, seed, ordinal + 1);
}

void Readout::forward(std::int64_t batch, ConstMatrixView h, MatrixView z,
                      const Workers& workers) const {
  require_fit(weight.name, "h", h, batch, in());
  require_fit(weight.name, "z", z, batch, 1);
  workers.for_tiles(batch, row_tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::elementwise);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      z.data[b] = simd::dot(h.row(b), weight.value.data(), in()) + bias.value[0];
    }
  });
}

void Readout::backward_input(std::int64_t batch, ConstMatrixView dz, ConstMatrixView h,
                             MatrixView dh, const Workers& workers) const {
  require_fit(weight.name, "dz", dz, batch, 1);
  require_fit(weight.name, "h", h, batch, in());
  require_fit(weight.name, "dh", dh, batch, in());
  const Real* const w = weight.value.data();
  workers.for_tiles(batch, row_tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::elementwise);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      const Real* y = h.row(b);
      Real* d = dh.row(b);
      // z = h w + b, h = relu(.):  dh = dz w where h > 0
      const Real scale = dz.data[b];
      for (std::int64_t i = 0; i < in(); ++i) {
        const Real v = scale * w[i];
        d[i] = y[i] > 0 ? v : Real{0};
      }
    }
  });
}

void Readout::backward_parameters(std::int64_t batch, ConstMatrixView h, ConstMatrixView dz,
                                  const Workers& workers) {
  require_fit(weight.name, "h", h, batch, in());
  require_fit(weight.name, "dz", dz, batch, 1);
  workers.for_tiles(in(), column_tile, [&](Tile columns) {
    const auto time = workers.measure(Phase::elementwise);
    // z = h w + b:  dw = sum_b dz h
    std::array<Real, column_tile> dw{};
    for (std::int64_t b = 0; b < batch; ++b) {
      const Real* y = h.row(b) + columns.first;
      const Real slope = dz.data[b];
      for (std::int64_t i = 0; i < columns.count; ++i) {
        auto& d = dw[static_cast<std::size_t>(i)];
        d = std::fma(slope, y[i], d);
      }
    }
    weight.take(dw.data(), columns.first, columns.count);
  });
  const Real db = simd::sum(dz.data, batch);
  bias.take(&db, 0, 1);
}

}  // namespace icl::nn
