#include "icl/nn/token_mlp.hpp"

#include <algorithm>
#include <cstddef>

#include "icl/core/cut.hpp"
#include "icl/nn/fit.hpp"
#include "icl/nn/gelu.hpp"

namespace icl::nn {
namespace {

using config::ActFn;

/// Tensor l = 0, 1 of two.
template <class T>
T& of(std::size_t l, T& first, T& second) {
  return l == 0 ? first : second;
}

}  // namespace

TokenMlp::Activations::Activations(std::int64_t rows, const Shape& shape, Storage storage) {
  for (std::int64_t l = 0; l + 1 < shape.layers; ++l) {
    of(static_cast<std::size_t>(l), h1, h2) = Tensor({rows, shape.hidden}, storage);
    of(static_cast<std::size_t>(l), dh1, dh2) = Tensor({rows, shape.hidden}, storage);
    if (shape.f == ActFn::relu) continue;
    of(static_cast<std::size_t>(l), z1, z2) = Tensor({rows, shape.hidden}, storage);
  }
}

void TokenMlp::Activations::hold() {
  if (!z1.empty()) return;
  if (!h1.empty()) held1 = h1.clone();
  if (!h2.empty()) held2 = h2.clone();
}

TokenMlp::TokenMlp(const std::string& name, const Shape& shape, const Axes& axes, Storage storage)
    : shape_(shape) {
  const auto count = static_cast<std::size_t>(shape.layers);
  layers_.reserve(count);
  std::string from = axes.in;
  for (std::size_t l = 0; l < count; ++l) {
    const bool last = l + 1 == count;
    const std::string to = last ? axes.out : axes.hidden + std::to_string(l + 1);
    layers_.emplace_back(name + '.' + std::to_string(2 * l), l == 0 ? shape.in : shape.hidden,
                         last ? shape.out : shape.hidden, from, to, storage);
    from = to;
  }
}

void TokenMlp::initialise(std::int64_t seed, std::uint32_t ordinal) {
  for (Linear& layer : layers_) {
    layer.initialise(seed, ordinal);
    ordinal += 2;
  }
}

std::vector<Parameter*> TokenMlp::parameters() {
  std::vector<Parameter*> all;
  all.reserve(2 * layers_.size());
  for (Linear& layer : layers_) {
    all.push_back(&layer.weight);
    all.push_back(&layer.bias);
  }
  return all;
}

/// So that no task meets what does not fit.
void TokenMlp::require_fits(std::int64_t rows, const Activations& a) const {
  const auto require = [&](const Tensor& hidden, std::string_view what) {
    require_fit(layers_.front().weight.name, what, hidden, rows, shape_.hidden);
  };
  for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
    require(of(l, a.h1, a.h2), "activations h");
    require(of(l, a.dh1, a.dh2), "activations dh");
    if (shape_.f == ActFn::gelu_new) require(of(l, a.z1, a.z2), "activations z");
    if (a.held()) require(of(l, a.held1, a.held2), "what its ReLUs let through");
  }
}

/// Layer l, which has a nonlinearity behind it, of the rows whose inputs are x.
void TokenMlp::hidden_forward(std::size_t l, Tile rows, ConstMatrixView x, Activations& a,
                              const Workers& alone) const {
  const MatrixView h = MatrixView(of(l, a.h1, a.h2)).from(rows.first);
  if (shape_.f == ActFn::gelu_new) {
    const MatrixView z = MatrixView(of(l, a.z1, a.z2)).from(rows.first);
    layers_[l].forward(rows.count, x, z, Activation::none, alone);
    const auto time = alone.measure(Phase::elementwise);
    gelu(z.data, rows.count * shape_.hidden, h.data);
    return;
  }
  layers_[l].forward(rows.count, x, h, a.held() ? Activation::none : Activation::relu, alone);
  if (a.held()) {
    const ConstMatrixView open = of(l, a.held1, a.held2);
    layers_[l].keep_open(rows.count, open.from(rows.first), h, alone);
  }
}

/// So many that a task's activations stay in the second cache of a core, if tiles may be joined in
/// each of its products; else a tile.
std::int64_t TokenMlp::rows_of_a_task(std::int64_t rows) const {
  const auto join = [&](std::int64_t out, std::int64_t in) {
    const std::int64_t rest = out % Linear::tile;
    return may_join({rows, tile, rest > 0 ? rest : Linear::tile, in});
  };
  const bool all = std::ranges::all_of(layers_, [&](const Linear& layer) {
    const std::int64_t out = layer.weight.value.extent(0);
    const std::int64_t in = layer.weight.value.extent(1);
    return join(out, in) && join(in, out);
  });
  return all ? joined_tiles * tile : tile;
}

void TokenMlp::forward(std::int64_t rows, ConstMatrixView x, Activations& a, MatrixView y,
                       const Workers& workers) const {
  require_fit(layers_.front().weight.name, "x", x, rows, shape_.in);
  require_fit(layers_.back().weight.name, "y", y, rows, shape_.out);
  require_fits(rows, a);
  workers.for_tiles(rows, rows_of_a_task(rows), [&](Tile r) {
    const Workers alone = workers.alone();
    ConstMatrixView in = x.from(r.first);
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
      hidden_forward(l, r, in, a, alone);
      in = ConstMatrixView(of(l, a.h1, a.h2)).from(r.first);
    }
    layers_.back().forward(r.count, in, y.from(r.first), Activation::none, alone);
  });
}

/// From the gradient dz of what layer l + 1 gives that before the nonlinearity of layer l.
void TokenMlp::hidden_backward(std::size_t l, Tile rows, ConstMatrixView dz, Activations& a,
                               const Workers& alone) const {
  const MatrixView dh = MatrixView(of(l, a.dh1, a.dh2)).from(rows.first);
  if (shape_.f == ActFn::gelu_new) {
    layers_[l + 1].backward_input(rows.count, dz, {}, dh, alone);
    const auto time = alone.measure(Phase::elementwise);
    // h = gelu(z):  dz = dh gelu'(z)
    gelu_backward(of(l, a.z1, a.z2).row(rows.first), rows.count * shape_.hidden, dh.data);
    return;
  }
  const ConstMatrixView open = a.held() ? of(l, a.held1, a.held2) : of(l, a.h1, a.h2);
  layers_[l + 1].backward_input(rows.count, dz, open.from(rows.first), dh, alone);
}

void TokenMlp::backward(std::int64_t rows, ConstMatrixView x, Activations& a, ConstMatrixView dy,
                        MatrixView dx, const Workers& workers) {
  require_fit(layers_.front().weight.name, "x", x, rows, shape_.in);
  require_fit(layers_.front().weight.name, "dx", dx, rows, shape_.in);
  require_fit(layers_.back().weight.name, "dy", dy, rows, shape_.out);
  require_fits(rows, a);
  workers.for_tiles(rows, rows_of_a_task(rows), [&](Tile r) {
    const Workers alone = workers.alone();
    ConstMatrixView dz = dy.from(r.first);
    for (std::size_t l = layers_.size() - 1; l-- > 0;) {
      hidden_backward(l, r, dz, a, alone);
      dz = ConstMatrixView(of(l, a.dh1, a.dh2)).from(r.first);
    }
    layers_.front().backward_input(r.count, dz, {}, dx.from(r.first), alone);
  });
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const ConstMatrixView in = l == 0 ? x : of(l - 1, a.h1, a.h2);
    const ConstMatrixView dz = l + 1 == layers_.size() ? dy : of(l, a.dh1, a.dh2);
    layers_[l].backward_parameters(rows, in, dz, workers);
  }
}

}  // namespace icl::nn
