#include "icl/nn/heads_attention.hpp"

#include <algorithm>
#include <cmath>

#include "icl/nn/elementwise.hpp"
#include "icl/nn/fit.hpp"

namespace icl::nn {

HeadsAttention::Activations::Activations(std::int64_t batch, const Shape& shape, Queries of,
                                         Storage storage)
    : queries(of) {
  const std::int64_t inner = shape.heads * shape.head;
  const std::int64_t count = shape.count(queries);
  for (Tensor* tensor : {&z, &dz}) *tensor = Tensor({batch * count, inner}, storage);
  for (Tensor* tensor : {&attention, &ds}) {
    *tensor = Tensor({batch, shape.heads, count, shape.tokens}, storage);
  }
  if (shape.merges(queries)) {
    for (Tensor* tensor : {&u, &c, &du, &dc}) {
      *tensor = Tensor({batch * count, shape.width}, storage);
    }
    for (Tensor* tensor : {&merged, &dmerged})
      *tensor = Tensor({shape.width, shape.width}, storage);
    held = Tensor({2 * inner, shape.width}, storage);
    return;
  }
  for (Tensor* tensor : {&q, &dq}) *tensor = Tensor({batch * count, inner}, storage);
  if (shape.gathers(queries)) {
    for (Tensor* tensor : {&u, &c, &du, &dc}) {
      *tensor = Tensor({batch, shape.heads, shape.width}, storage);
    }
  } else {
    for (Tensor* tensor : {&kv, &dkv}) *tensor = Tensor({batch * shape.tokens, 2 * inner}, storage);
  }
}

HeadsAttention::HeadsAttention(const std::string& name, const Shape& shape, Storage storage)
    : qkv{name + ".qkv.weight",
          {"qkv", "d_model"},
          Group::attention,
          Tensor({3 * shape.heads * shape.head, shape.width}, storage),
          {}},
      output{name + ".output.weight",
             {"d_model", "heads"},
             Group::attention,
             Tensor({shape.output ? shape.width : 0, shape.heads * shape.head}, storage),
             {}},
      shape_(shape) {
  if (shape.rotary) angles_.emplace(shape.tokens, shape.head, storage);
}

void HeadsAttention::initialise(std::int64_t seed, std::uint32_t ordinal) {
  initialise_uniform(qkv, 1 / std::sqrt(static_cast<double>(shape_.width)), seed, ordinal);
  if (!shape_.output) return;
  initialise_uniform(output, 1 / std::sqrt(static_cast<double>(inner())), seed, ordinal + 1);
}

std::vector<Parameter*> HeadsAttention::parameters() {
  if (shape_.output) return {&qkv, &output};
  return {&qkv};
}

std::int64_t HeadsAttention::sequences() const {
  return std::max<std::int64_t>(1, tile / shape_.tokens);
}

void HeadsAttention::require_fits(std::int64_t batch, ConstMatrixView x, const Given& given,
                                  const Activations& s, ConstMatrixView y) const {
  const std::string& name = qkv.name;
  const std::int64_t t = shape_.tokens;
  const std::int64_t q = shape_.count(s.queries);
  require_fit(name, "x", x, batch * t, shape_.width);
  require_fit(name, "y or its gradient", y, batch * q, shape_.width);
  if (!given.copies.is_none()) require_fit(name, "weights of copies", given.copies, batch, t);
  require_fit(name, "activations z", s.z, batch * q, inner());
  require_fit(name, "activations attention", s.attention, batch, shape_.heads * q * t);
  if (shape_.merges(s.queries)) {
    require_fit(name, "activations u", s.u, batch * t, shape_.width);
    require_fit(name, "activations of W_q^T W_k", s.merged, shape_.width, shape_.width);
    return;
  }
  require_fit(name, "activations q", s.q, batch * q, inner());
  if (shape_.gathers(s.queries)) {
    require_fit(name, "activations u", s.u, batch, shape_.heads * shape_.width);
  } else {
    require_fit(name, "activations kv", s.kv, batch * t, 2 * inner());
  }
}

void HeadsAttention::forward(std::int64_t batch, ConstMatrixView x, const Given& given,
                             Activations& s, MatrixView y, const Workers& workers) const {
  require_fits(batch, x, given, s, y);
  const std::int64_t w = shape_.width;
  const std::int64_t queries = shape_.count(s.queries);
  if (shape_.merges(s.queries)) merge(s, workers);
  workers.for_tiles(batch, sequences(), [&](Tile some) {
    const auto time = workers.measure(Phase::attention_forward);
    const Tile rows{some.first * queries, some.count * queries};
    if (shape_.merges(s.queries)) {
      forward_merged(some, x.data, given, s);
    } else if (shape_.gathers(s.queries)) {
      forward_gathered(some, x.data, given, s);
    } else {
      forward_materialised(some, x.data, given, s);
    }
    // y += W_O z
    if (shape_.output) {
      gemm(rows.count, w, inner(), 1, {s.z.row(rows.first), inner()},
           {output.value.data(), inner(), Op::transpose}, 1, y.row(rows.first), w);
    } else {
      add(s.z.row(rows.first), rows.count * w, y.row(rows.first));
    }
  });
}

void HeadsAttention::backward(std::int64_t batch, ConstMatrixView x, const Given& given,
                              Activations& s, ConstMatrixView dy, MatrixView dx,
                              const Workers& workers) {
  require_fits(batch, x, given, s, dy);
  require_fit(qkv.name, "dx", dx, batch * shape_.tokens, shape_.width);
  backward_inputs(batch, x.data, given, s, dy.data, dx.data, workers);
  backward_parameters(batch, x.data, s, dy.data, workers);
}

void HeadsAttention::backward_inputs(std::int64_t batch, const Real* x, const Given& given,
                                     Activations& s, const Real* dy, Real* dx,
                                     const Workers& workers) const {
  const std::int64_t w = shape_.width;
  const std::int64_t queries = shape_.count(s.queries);
  workers.for_tiles(batch, sequences(), [&](Tile some) {
    const auto time = workers.measure(Phase::attention_backward);
    const Tile rows{some.first * queries, some.count * queries};
    // y += W_O z:  dz = W_O^T dy
    if (shape_.output) {
      gemm(rows.count, inner(), w, 1, {dy + rows.first * w, w}, {output.value.data(), inner()}, 0,
           s.dz.row(rows.first), inner());
    } else {
      std::copy_n(dy + rows.first * w, rows.count * w, s.dz.row(rows.first));
    }
    if (shape_.merges(s.queries)) {
      backward_merged(some, x, given, s, dx);
    } else if (shape_.gathers(s.queries)) {
      backward_gathered(some, x, given, s, dx);
    } else {
      backward_materialised(some, given, s, dx);
    }
  });
}

/// Some rows of p take the sum over `terms` of da^T b, in tiles.
void HeadsAttention::take(Parameter& p, Tile rows, std::int64_t terms, Operand da, Operand b,
                          const Workers& workers) {
  workers.for_tiles(rows.count, tile, [&](Tile some) {
    const auto time = workers.measure(Phase::attention_backward);
    p.take_product(rows.first + some.first, some.count, terms,
                   {da.data + some.first, da.stride, Op::transpose}, b, workers.alone());
  });
}

void HeadsAttention::backward_parameters(std::int64_t batch, const Real* x, Activations& s,
                                         const Real* dy, const Workers& workers) {
  const std::int64_t w = shape_.width;
  const std::int64_t c = shape_.head;
  const std::int64_t hw = shape_.heads * w;
  const std::int64_t rows = batch * shape_.count(s.queries);
  // y += W_O z:  dW_O = sum dy z^T
  if (shape_.output) take(output, {0, w}, rows, {dy, w}, {s.z.data(), inner()}, workers);
  if (shape_.merges(s.queries)) {
    backward_merged_parameters(batch, x, s, workers);
    return;
  }
  // q = W_q x:  dW_q = sum dq x^T, over all queries
  take(qkv, {0, inner()}, rows, {s.dq.data(), inner()},
       {x + query_offset(s.queries), query_stride(s.queries)}, workers);
  if (shape_.gathers(s.queries)) {
    for (std::int64_t h = 0; h < shape_.heads; ++h) {
      // u = W_k^T q:  dW_k = sum q du^T
      take(qkv, {inner() + h * c, c}, batch, {s.q.data() + h * c, inner()},
           {s.du.data() + h * w, hw}, workers);
      // z = W_v c:  dW_v = sum dz c^T
      take(qkv, {2 * inner() + h * c, c}, batch, {s.dz.data() + h * c, inner()},
           {s.c.data() + h * w, hw}, workers);
    }
  } else {
    // (k, v) = (W_k, W_v) x:  d(W_k, W_v) = sum (dk, dv) x^T, over all tokens
    take(qkv, {inner(), 2 * inner()}, batch * shape_.tokens, {s.dkv.data(), 2 * inner()}, {x, w},
         workers);
  }
}

}  // namespace icl::nn
