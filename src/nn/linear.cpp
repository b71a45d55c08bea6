#include "icl/nn/linear.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "icl/core/cut.hpp"

namespace icl::nn {
namespace {

/// Some columns of a matrix with `stride` columns in all.
struct Columns : Tile {
  std::int64_t stride;
};

/// z <- b in each row: what a product is then added to.
void fill_with_bias(std::int64_t batch, const Columns& c, const Real* b, Real* z) {
  for (std::int64_t row = 0; row < batch; ++row) {
    std::copy_n(b + c.first, c.count, z + row * c.stride + c.first);
  }
}

/// z <- relu(z), in place; NaN stays NaN.
void relu(std::int64_t batch, const Columns& c, Real* z) {
  for (std::int64_t row = 0; row < batch; ++row) {
    Real* const v = z + row * c.stride + c.first;
    for (std::int64_t i = 0; i < c.count; ++i) v[i] = v[i] < 0 ? Real{0} : v[i];
  }
}

/// The transpose of h = relu(z): dz = dh where h > 0, else 0; in place.
void mask_relu(std::int64_t batch, const Columns& c, const Real* h, Real* dh) {
  for (std::int64_t row = 0; row < batch; ++row) {
    const Real* y = h + row * c.stride + c.first;
    Real* d = dh + row * c.stride + c.first;
    for (std::int64_t i = 0; i < c.count; ++i) d[i] = y[i] > 0 ? d[i] : Real{0};
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

void Linear::forward(std::int64_t batch, const Real* x, Real* h, Activation f,
                     const Workers& workers) const {
  const std::int64_t extent = task_extent({out(), tile, batch, in()}, workers.threads());
  workers.for_tiles(out(), extent, [&](Tile columns) {
    const Columns c{columns, out()};
    const auto time = workers.measure(Phase::elementwise);
    // z = b + x W^T
    fill_with_bias(batch, c, bias.value.data(), h);
    {
      const auto product_time = workers.measure(Phase::mlp_gemm);
      gemm(batch, c.count, in(), 1, {x, in()}, {weight.value.row(c.first), in(), Op::transpose}, 1,
           h + c.first, out());
    }
    // h = f(z)
    if (f == Activation::relu) relu(batch, c, h);
  });
}

void Linear::keep_open(std::int64_t batch, const Real* open, Real* h,
                       const Workers& workers) const {
  workers.for_tiles(out(), tile, [&](Tile columns) {
    mask_relu(batch, {columns, out()}, open, h);
  });
}

void Linear::backward_input(std::int64_t batch, const Real* dz, const Real* relu_output, Real* dx,
                            const Workers& workers) const {
  const std::int64_t extent = task_extent({in(), tile, batch, out()}, workers.threads());
  workers.for_tiles(in(), extent, [&](Tile columns) {
    const Columns c{columns, in()};
    // z = x W^T:  dx = dz W
    {
      const auto time = workers.measure(Phase::mlp_gemm);
      gemm(batch, c.count, out(), 1, {dz, out()}, {weight.value.data() + c.first, in()}, 0,
           dx + c.first, in());
    }
    const auto time = workers.measure(Phase::elementwise);
    if (relu_output != nullptr) mask_relu(batch, c, relu_output, dx);
  });
}

void Linear::backward_parameters(std::int64_t batch, const Real* x, const Real* dz,
                                 const Workers& workers) {
  const std::int64_t extent = task_extent({out(), tile, in(), batch}, workers.threads());
  workers.for_tiles(out(), extent, [&](Tile columns) {
    for (std::int64_t first = columns.first; first < columns.end(); first += tile) {
      // h = f(z + b):  db = sum_b dz
      const auto time = workers.measure(Phase::elementwise);
      const std::int64_t count = std::min(tile, columns.end() - first);
      std::array<Real, tile> db{};
      for (std::int64_t row = 0; row < batch; ++row) {
        const Real* d = dz + row * out() + first;
        for (std::int64_t i = 0; i < count; ++i) db[static_cast<std::size_t>(i)] += d[i];
      }
      bias.take(db.data(), first, count);
    }
    // z = x W^T:  dW = dz^T x
    const auto time = workers.measure(Phase::mlp_gemm);
    weight.take_product(columns.first, columns.count, batch,
                        {dz + columns.first, out(), Op::transpose}, {x, in()}, workers);
  });
}

}  // namespace icl::nn
