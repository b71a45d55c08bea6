#include "icl/nn/linear.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "icl/core/cut.hpp"
#include "icl/nn/fit.hpp"

namespace icl::nn {
namespace {

/// z <- b in some columns of each row: what a product is then added to.
void fill_with_bias(std::int64_t batch, Tile columns, const Real* b, MatrixView z) {
  for (std::int64_t row = 0; row < batch; ++row) {
    std::copy_n(b + columns.first, columns.count, z.row(row) + columns.first);
  }
}

/// z <- relu(z), in place; NaN stays NaN.
void relu(std::int64_t batch, Tile columns, MatrixView z) {
  for (std::int64_t row = 0; row < batch; ++row) {
    Real* const v = z.row(row) + columns.first;
    for (std::int64_t i = 0; i < columns.count; ++i) v[i] = v[i] < 0 ? Real{0} : v[i];
  }
}

/// The transpose of h = relu(z): dz = dh where h > 0, else 0; in place.
void mask_relu(std::int64_t batch, Tile columns, ConstMatrixView h, MatrixView dh) {
  for (std::int64_t row = 0; row < batch; ++row) {
    const Real* y = h.row(row) + columns.first;
    Real* d = dh.row(row) + columns.first;
    for (std::int64_t i = 0; i < columns.count; ++i) d[i] = y[i] > 0 ? d[i] : Real{0};
  }
}

}  // namespace

Linear::Linear(const std::string& name, std::int64_t in, std::int64_t out,
               const std::string& in_axis, const std::string& out_axis, Storage storage)
    : weight{name + ".weight", {out_axis, in_axis}, Group::mlp, Tensor({out, in}, storage), {}},
      bias{name + ".bias", {out_axis}, Group::mlp, Tensor({out}, storage), {}} {}

void Linear::initialise(std::int64_t seed, std::uint32_t ordinal) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(in()));
  initialise_uniform(weight, bound, seed, ordinal);
  initialise_uniform(bias, bound, seed, ordinal + 1);
}

void Linear::forward(std::int64_t batch, ConstMatrixView x, MatrixView h, Activation f,
                     const Workers& workers) const {
  require_fit(weight.name, "x", x, batch, in());
  require_fit(weight.name, "h", h, batch, out());
  const std::int64_t extent = task_extent({out(), tile, batch, in()}, workers.threads());
  workers.for_tiles(out(), extent, [&](Tile columns) {
    const auto time = workers.measure(Phase::elementwise);
    // z = b + x W^T
    fill_with_bias(batch, columns, bias.value.data(), h);
    {
      const auto product_time = workers.measure(Phase::mlp_gemm);
      gemm(batch, columns.count, in(), 1, {x.data, in()},
           {weight.value.row(columns.first), in(), Op::transpose}, 1, h.data + columns.first,
           out());
    }
    // h = f(z)
    if (f == Activation::relu) relu(batch, columns, h);
  });
}

void Linear::keep_open(std::int64_t batch, ConstMatrixView open, MatrixView h,
                       const Workers& workers) const {
  require_fit(weight.name, "what its ReLU let through", open, batch, out());
  require_fit(weight.name, "h", h, batch, out());
  workers.for_tiles(out(), tile, [&](Tile columns) { mask_relu(batch, columns, open, h); });
}

void Linear::backward_input(std::int64_t batch, ConstMatrixView dz, ConstMatrixView relu_output,
                            MatrixView dx, const Workers& workers) const {
  require_fit(weight.name, "dz", dz, batch, out());
  require_fit(weight.name, "dx", dx, batch, in());
  if (!relu_output.is_none()) {
    require_fit(weight.name, "the ReLU's output", relu_output, batch, in());
  }
  const std::int64_t extent = task_extent({in(), tile, batch, out()}, workers.threads());
  workers.for_tiles(in(), extent, [&](Tile columns) {
    // z = x W^T:  dx = dz W
    {
      const auto time = workers.measure(Phase::mlp_gemm);
      gemm(batch, columns.count, out(), 1, {dz.data, out()},
           {weight.value.data() + columns.first, in()}, 0, dx.data + columns.first, in());
    }
    const auto time = workers.measure(Phase::elementwise);
    if (!relu_output.is_none()) mask_relu(batch, columns, relu_output, dx);
  });
}

void Linear::backward_parameters(std::int64_t batch, ConstMatrixView x, ConstMatrixView dz,
                                 const Workers& workers) {
  require_fit(weight.name, "x", x, batch, in());
  require_fit(weight.name, "dz", dz, batch, out());
  const std::int64_t extent = task_extent({out(), tile, in(), batch}, workers.threads());
  workers.for_tiles(out(), extent, [&](Tile columns) {
    for (std::int64_t first = columns.first; first < columns.end(); first += tile) {
      // h = f(z + b):  db = sum_b dz
      const auto time = workers.measure(Phase::elementwise);
      const std::int64_t count = std::min(tile, columns.end() - first);
      std::array<Real, tile> db{};
      for (std::int64_t row = 0; row < batch; ++row) {
        const Real* d = dz.row(row) + first;
        for (std::int64_t i = 0; i < count; ++i) db[static_cast<std::size_t>(i)] += d[i];
      }
      bias.take(db.data(), first, count);
    }
    // z = x W^T:  dW = dz^T x
    const auto time = workers.measure(Phase::mlp_gemm);
    weight.take_product(columns.first, columns.count, batch,
                        {dz.data + columns.first, out(), Op::transpose}, {x.data, in()}, workers);
  });
}

}  // namespace icl::nn
