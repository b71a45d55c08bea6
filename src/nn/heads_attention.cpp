#include "icl/nn/heads_attention.hpp"

#include <algorithm>
#include <cmath>

#include "icl/core/simd.hpp"
#include "icl/nn/attention_weights.hpp"
#include "icl/nn/elementwise.hpp"
#include "icl/nn/fit.hpp"

namespace icl::nn {
namespace {

/// The weights a [Tq, T] of a head where they are not learned; `copies` [T] of the last token.
void replace(Attending what, const Real* copies, std::int64_t queries, std::int64_t tokens,
             Real* a) {
  if (what == Attending::learned) return;
  if (what == Attending::copy) {
    std::copy_n(copies, tokens, a + (queries - 1) * tokens);
    return;
  }
  std::fill_n(a, queries * tokens, Real{0});
  for (std::int64_t i = 0; i < queries; ++i) {
    const std::int64_t place = tokens - queries + i;
    if (what == Attending::uniform) {
      std::fill_n(a + i * tokens, place + 1, Real{1} / static_cast<Real>(place + 1));
    } else if (what == Attending::previous) {
      a[i * tokens + std::max<std::int64_t>(place - 1, 0)] = 1;
    }
  }
}

/// Weights that were replaced have no gradient ds [Tq, T].
void stop(Attending what, std::int64_t queries, std::int64_t tokens, Real* ds) {
  if (what == Attending::learned) return;
  const std::int64_t first = what == Attending::copy ? queries - 1 : 0;
  std::fill_n(ds + first * tokens, (queries - first) * tokens, Real{0});
}

/// Of sequence b; nullptr where no head attends to copies.
const Real* copies_of(const Given& given, std::int64_t b) {
  return given.copies.is_none() ? nullptr : given.copies.row(b);
}

}  // namespace

HeadsAttention::Activations::Activations(std::int64_t batch, const Shape& shape, Storage storage) {
  const std::int64_t inner = shape.heads * shape.head;
  const std::int64_t queries = shape.queries == Queries::all ? shape.tokens : 1;
  for (Tensor* tensor : {&q, &z, &dq, &dz}) *tensor = Tensor({batch * queries, inner}, storage);
  for (Tensor* tensor : {&attention, &ds}) {
    *tensor = Tensor({batch, shape.heads, queries, shape.tokens}, storage);
  }
  if (shape.gathers()) {
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

void HeadsAttention::turn_all(Turn way, Tile sequences, Real* q, Real* k) const {
  const std::int64_t first = shape_.tokens - queries();
  const auto turn_rows = [&](Tile rows, std::int64_t places, std::int64_t from, std::int64_t stride,
                             Real* all) {
    for (std::int64_t r = rows.first; r < rows.end(); ++r) {
      for (std::int64_t h = 0; h < shape_.heads; ++h) {
        turn(*angles_, from + r % places, way, all + r * stride + h * shape_.head);
      }
    }
  };
  const auto rows = [&](std::int64_t places) {
    return Tile{sequences.first * places, sequences.count * places};
  };
  turn_rows(rows(queries()), queries(), first, inner(), q);
  turn_rows(rows(shape_.tokens), shape_.tokens, 0, 2 * inner(), k);
}

void HeadsAttention::attend(std::int64_t b, const Given& given, Activations& s) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t nq = queries();
  const std::int64_t c = shape_.head;
  const Real* kv = s.kv.row(b * t);
  for (std::int64_t h = 0; h < shape_.heads; ++h) {
    Real* a = s.attention.row(b) + h * nq * t;
    // s_ij = scale q_i . k_j,  a = weights(s)
    gemm(nq, t, c, static_cast<Real>(shape_.scale), {s.q.row(b * nq) + h * c, inner()},
         {kv + h * c, 2 * inner(), Op::transpose}, 0, a, t);
    for (std::int64_t i = 0; i < nq; ++i) {
      causal_weights(shape_.kind, t - nq + i + 1, t, a + i * t);
    }
    replace(given.of(h), copies_of(given, b), nq, t, a);
    // z_i = sum_j a_ij v_j
    gemm(nq, c, t, 1, {a, t}, {kv + inner() + h * c, 2 * inner()}, 0, s.z.row(b * nq) + h * c,
         inner());
  }
}

void HeadsAttention::forward_materialised(Tile some, const Real* x, const Given& given,
                                          Activations& s) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t w = shape_.width;
  const std::int64_t query = some.first * queries();
  const Real* tokens = x + some.first * t * w;
  // q = W_q x,  (k, v) = (W_k, W_v) x
  gemm(some.count * queries(), inner(), w, 1, {tokens + query_offset(), query_stride()},
       {projection(0), w, Op::transpose}, 0, s.q.row(query), inner());
  gemm(some.count * t, 2 * inner(), w, 1, {tokens, w}, {projection(1), w, Op::transpose}, 0,
       s.kv.row(some.first * t), 2 * inner());
  if (shape_.rotary) turn_all(Turn::forth, some, s.q.data(), s.kv.data());
  for (std::int64_t b = some.first; b < some.end(); ++b) attend(b, given, s);
}

void HeadsAttention::forward_gathered(Tile sequences, const Real* x, const Given& given,
                                      Activations& s) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t w = shape_.width;
  const std::int64_t c = shape_.head;
  const std::int64_t hw = shape_.heads * w;
  // q = scale W_q x
  gemm(sequences.count, inner(), w, static_cast<Real>(shape_.scale),
       {x + sequences.first * t * w + query_offset(), query_stride()},
       {projection(0), w, Op::transpose}, 0, s.q.row(sequences.first), inner());
  for (std::int64_t h = 0; h < shape_.heads; ++h) {
    // u = W_k^T q, of each head
    gemm(sequences.count, w, c, 1, {s.q.row(sequences.first) + h * c, inner()},
         {projection(1) + h * c * w, w}, 0, s.u.row(sequences.first) + h * w, hw);
  }
  for (std::int64_t b = sequences.first; b < sequences.end(); ++b) {
    const Operand tokens{x + b * t * w, w};
    Real* a = s.attention.row(b);
    // s_j = u . x_j,  a = weights(s),  c = sum_j a_j x_j
    gemm(shape_.heads, t, w, 1, {s.u.row(b), w}, {tokens.data, w, Op::transpose}, 0, a, t);
    for (std::int64_t h = 0; h < shape_.heads; ++h) {
      causal_weights(shape_.kind, t, t, a + h * t);
      replace(given.of(h), copies_of(given, b), 1, t, a + h * t);
    }
    gemm(shape_.heads, w, t, 1, {a, t}, tokens, 0, s.c.row(b), w);
  }
  for (std::int64_t h = 0; h < shape_.heads; ++h) {
    // z = W_v c
    gemm(sequences.count, c, w, 1, {s.c.row(sequences.first) + h * w, hw},
         {projection(2) + h * c * w, w, Op::transpose}, 0, s.z.row(sequences.first) + h * c,
         inner());
  }
}

void HeadsAttention::backward_gathered(Tile sequences, const Real* x, const Given& given,
                                       Activations& s, Real* dx) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t w = shape_.width;
  const std::int64_t c = shape_.head;
  const std::int64_t hw = shape_.heads * w;
  for (std::int64_t h = 0; h < shape_.heads; ++h) {
    // z = W_v c:  dc = W_v^T dz
    gemm(sequences.count, w, c, 1, {s.dz.row(sequences.first) + h * c, inner()},
         {projection(2) + h * c * w, w}, 0, s.dc.row(sequences.first) + h * w, hw);
  }
  for (std::int64_t b = sequences.first; b < sequences.end(); ++b) {
    const Operand tokens{x + b * t * w, w};
    const Real* a = s.attention.row(b);
    Real* ds = s.ds.row(b);
    Real* dtokens = dx + b * t * w;
    // c = sum_j a_j x_j:  da_j = dc . x_j,  dx_j = sum over heads of a_j dc
    gemm(shape_.heads, t, w, 1, {s.dc.row(b), w}, {tokens.data, w, Op::transpose}, 0, ds, t);
    gemm(t, w, shape_.heads, 1, {a, t, Op::transpose}, {s.dc.row(b), w}, 0, dtokens, w);
    // a = weights(s)
    for (std::int64_t h = 0; h < shape_.heads; ++h) {
      causal_weights_backward(shape_.kind, a + h * t, t, t, ds + h * t);
      stop(given.of(h), 1, t, ds + h * t);
    }
    // s_j = u . x_j:  du = sum_j ds_j x_j,  dx_j += sum over heads of ds_j u
    gemm(shape_.heads, w, t, 1, {ds, t}, tokens, 0, s.du.row(b), w);
    gemm(t, w, shape_.heads, 1, {ds, t, Op::transpose}, {s.u.row(b), w}, 1, dtokens, w);
  }
  for (std::int64_t h = 0; h < shape_.heads; ++h) {
    // u = W_k^T q, q = scale W_q x:  dq = scale W_k du, of the product W_q x
    gemm(sequences.count, c, w, static_cast<Real>(shape_.scale),
         {s.du.row(sequences.first) + h * w, hw}, {projection(1) + h * c * w, w, Op::transpose}, 0,
         s.dq.row(sequences.first) + h * c, inner());
  }
  // the last token:  dx += W_q^T dq
  gemm(sequences.count, w, inner(), 1, {s.dq.row(sequences.first), inner()}, {projection(0), w}, 1,
       dx + sequences.first * t * w + query_offset(), query_stride());
}

void HeadsAttention::require_fits(std::int64_t batch, ConstMatrixView x, const Given& given,
                                  const Activations& s, ConstMatrixView y) const {
  const std::string& name = qkv.name;
  const std::int64_t t = shape_.tokens;
  const std::int64_t q = queries();
  require_fit(name, "x", x, batch * t, shape_.width);
  require_fit(name, "y or its gradient", y, batch * q, shape_.width);
  if (!given.copies.is_none()) require_fit(name, "weights of copies", given.copies, batch, t);
  require_fit(name, "activations q", s.q, batch * q, inner());
  require_fit(name, "activations attention", s.attention, batch, shape_.heads * q * t);
  if (shape_.gathers()) {
    require_fit(name, "activations u", s.u, batch, shape_.heads * shape_.width);
  } else {
    require_fit(name, "activations kv", s.kv, batch * t, 2 * inner());
  }
}

void HeadsAttention::forward(std::int64_t batch, ConstMatrixView x, const Given& given,
                             Activations& s, MatrixView y, const Workers& workers) const {
  require_fits(batch, x, given, s, y);
  const std::int64_t w = shape_.width;
  workers.for_tiles(batch, sequences(), [&](Tile some) {
    const auto time = workers.measure(Phase::attention_forward);
    const Tile rows{some.first * queries(), some.count * queries()};
    if (shape_.gathers()) {
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

void HeadsAttention::attend_backward(std::int64_t b, const Given& given, Activations& s) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t nq = queries();
  const std::int64_t c = shape_.head;
  const auto scale = static_cast<Real>(shape_.scale);
  const Real* kv = s.kv.row(b * t);
  Real* dkv = s.dkv.row(b * t);
  for (std::int64_t h = 0; h < shape_.heads; ++h) {
    const Real* a = s.attention.row(b) + h * nq * t;
    Real* ds = s.ds.row(b) + h * nq * t;
    const Operand dz{s.dz.row(b * nq) + h * c, inner()};
    // z_i = sum_j a_ij v_j:  da_ij = dz_i . v_j,  dv_j = sum_i a_ij dz_i
    gemm(nq, t, c, 1, dz, {kv + inner() + h * c, 2 * inner(), Op::transpose}, 0, ds, t);
    gemm(t, c, nq, 1, {a, t, Op::transpose}, dz, 0, dkv + inner() + h * c, 2 * inner());
    // a = weights(s)
    for (std::int64_t i = 0; i < nq; ++i) {
      causal_weights_backward(shape_.kind, a + i * t, t - nq + i + 1, t, ds + i * t);
    }
    stop(given.of(h), nq, t, ds);
    // s_ij = scale q_i . k_j:  dq_i = scale sum_j ds_ij k_j,  dk_j = scale sum_i ds_ij q_i
    gemm(nq, c, t, scale, {ds, t}, {kv + h * c, 2 * inner()}, 0, s.dq.row(b * nq) + h * c, inner());
    gemm(t, c, nq, scale, {ds, t, Op::transpose}, {s.q.row(b * nq) + h * c, inner()}, 0,
         dkv + h * c, 2 * inner());
  }
}

void HeadsAttention::backward_materialised(Tile some, const Given& given, Activations& s,
                                           Real* dx) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t w = shape_.width;
  for (std::int64_t b = some.first; b < some.end(); ++b) attend_backward(b, given, s);
  if (shape_.rotary) turn_all(Turn::back, some, s.dq.data(), s.dkv.data());
  // (k, v) = (W_k, W_v) x,  q = W_q x:  dx = (W_k, W_v)^T (dk, dv) + W_q^T dq
  Real* dtokens = dx + some.first * t * w;
  gemm(some.count * t, w, 2 * inner(), 1, {s.dkv.row(some.first * t), 2 * inner()},
       {projection(1), w}, 0, dtokens, w);
  gemm(some.count * queries(), w, inner(), 1, {s.dq.row(some.first * queries()), inner()},
       {projection(0), w}, 1, dtokens + query_offset(), query_stride());
}

void HeadsAttention::backward_inputs(std::int64_t batch, const Real* x, const Given& given,
                                     Activations& s, const Real* dy, Real* dx,
                                     const Workers& workers) const {
  const std::int64_t w = shape_.width;
  workers.for_tiles(batch, sequences(), [&](Tile some) {
    const auto time = workers.measure(Phase::attention_backward);
    const Tile rows{some.first * queries(), some.count * queries()};
    // y += W_O z:  dz = W_O^T dy
    if (shape_.output) {
      gemm(rows.count, inner(), w, 1, {dy + rows.first * w, w}, {output.value.data(), inner()}, 0,
           s.dz.row(rows.first), inner());
    } else {
      std::copy_n(dy + rows.first * w, rows.count * w, s.dz.row(rows.first));
    }
    if (shape_.gathers()) {
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

void HeadsAttention::backward_parameters(std::int64_t batch, const Real* x, const Activations& s,
                                         const Real* dy, const Workers& workers) {
  const std::int64_t w = shape_.width;
  const std::int64_t c = shape_.head;
  const std::int64_t hw = shape_.heads * w;
  const std::int64_t rows = batch * queries();
  // q = W_q x:  dW_q = sum dq x^T, over all queries
  take(qkv, {0, inner()}, rows, {s.dq.data(), inner()}, {x + query_offset(), query_stride()},
       workers);
  if (shape_.gathers()) {
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
  // y += W_O z:  dW_O = sum dy z^T
  if (shape_.output) take(output, {0, w}, rows, {dy, w}, {s.z.data(), inner()}, workers);
}

}  // namespace icl::nn
