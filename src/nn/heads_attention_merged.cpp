// The kernel of HeadsAttention for one head from all tokens, by the product of W_q and W_k.
#include <algorithm>

#include "given_weights.hpp"
#include "icl/nn/attention_weights.hpp"
#include "icl/nn/heads_attention.hpp"

namespace icl::nn {
namespace {

/// Rows of weights in one task: few enough that several threads share them.
constexpr std::int64_t weight_rows = 64;

}  // namespace

/// M = W_q^T W_k, so that q_i . k_j = x_i^T M x_j.
void HeadsAttention::merge(Activations& s, const Workers& workers) const {
  const std::int64_t w = shape_.width;
  workers.for_tiles(w, weight_rows, [&](Tile some) {
    const auto time = workers.measure(Phase::attention_forward);
    gemm(some.count, w, shape_.head, 1, {projection(0) + some.first, w, Op::transpose},
         {projection(1), w}, 0, s.merged.row(some.first), w);
  });
}

void HeadsAttention::forward_merged(Tile sequences, const Real* x, const Given& given,
                                    Activations& s) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t w = shape_.width;
  const Tile rows{sequences.first * t, sequences.count * t};
  // u = scale M^T x
  gemm(rows.count, w, w, static_cast<Real>(shape_.scale), {x + rows.first * w, w},
       {s.merged.data(), w}, 0, s.u.row(rows.first), w);
  for (std::int64_t b = sequences.first; b < sequences.end(); ++b) {
    const Operand tokens{x + b * t * w, w};
    Real* a = s.attention.row(b);
    // s_ij = u_i . x_j,  a = weights(s),  c_i = sum_j a_ij x_j
    gemm(t, t, w, 1, {s.u.row(b * t), w}, {tokens.data, w, Op::transpose}, 0, a, t);
    for (std::int64_t i = 0; i < t; ++i) causal_weights(shape_.kind, i + 1, t, a + i * t);
    replace(given.of(0), copies_of(given, b), t, t, a);
    gemm(t, w, t, 1, {a, t}, tokens, 0, s.c.row(b * t), w);
  }
  // z = W_v c
  gemm(rows.count, shape_.head, w, 1, {s.c.row(rows.first), w}, {projection(2), w, Op::transpose},
       0, s.z.row(rows.first), shape_.head);
}

void HeadsAttention::backward_merged(Tile sequences, const Real* x, const Given& given,
                                     Activations& s, Real* dx) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t w = shape_.width;
  const Tile rows{sequences.first * t, sequences.count * t};
  // z = W_v c:  dc = W_v^T dz
  gemm(rows.count, w, shape_.head, 1, {s.dz.row(rows.first), shape_.head}, {projection(2), w}, 0,
       s.dc.row(rows.first), w);
  for (std::int64_t b = sequences.first; b < sequences.end(); ++b) {
    const Operand tokens{x + b * t * w, w};
    const Real* a = s.attention.row(b);
    Real* ds = s.ds.row(b);
    Real* dtokens = dx + b * t * w;
    // c_i = sum_j a_ij x_j:  da_ij = dc_i . x_j,  dx_j = sum_i a_ij dc_i
    gemm(t, t, w, 1, {s.dc.row(b * t), w}, {tokens.data, w, Op::transpose}, 0, ds, t);
    gemm(t, w, t, 1, {a, t, Op::transpose}, {s.dc.row(b * t), w}, 0, dtokens, w);
    // a = weights(s)
    for (std::int64_t i = 0; i < t; ++i) {
      causal_weights_backward(shape_.kind, a + i * t, i + 1, t, ds + i * t);
    }
    stop(given.of(0), t, t, ds);
    // s_ij = u_i . x_j:  du_i = sum_j ds_ij x_j,  dx_j += sum_i ds_ij u_i
    gemm(t, w, t, 1, {ds, t}, tokens, 0, s.du.row(b * t), w);
    gemm(t, w, t, 1, {ds, t, Op::transpose}, {s.u.row(b * t), w}, 1, dtokens, w);
  }
  // u = scale M^T x:  dx += scale M du
  gemm(rows.count, w, w, static_cast<Real>(shape_.scale), {s.du.row(rows.first), w},
       {s.merged.data(), w, Op::transpose}, 1, dx + rows.first * w, w);
}

void HeadsAttention::backward_merged_parameters(std::int64_t batch, const Real* x, Activations& s,
                                                const Workers& workers) {
  const std::int64_t w = shape_.width;
  const std::int64_t c = shape_.head;
  const std::int64_t terms = batch * shape_.tokens;
  const std::int64_t of_merged = (w + weight_rows - 1) / weight_rows;
  const std::int64_t of_head = (c + weight_rows - 1) / weight_rows;
  const auto tile_of = [](std::int64_t task, std::int64_t rows) {
    const std::int64_t first = task * weight_rows;
    return Tile{first, std::min(weight_rows, rows - first)};
  };
  workers.for_each(of_merged + of_head, [&](std::int64_t task) {
    const auto time = workers.measure(Phase::attention_backward);
    if (task < of_merged) {
      // u = scale M^T x:  dM = scale sum x du^T, over all tokens
      const Tile some = tile_of(task, w);
      gemm(some.count, w, terms, static_cast<Real>(shape_.scale),
           {x + some.first, w, Op::transpose}, {s.du.data(), w}, 0, s.dmerged.row(some.first), w);
    } else {
      // z = W_v c:  dW_v = sum dz c^T, over all tokens
      const Tile some = tile_of(task - of_merged, c);
      qkv.take_product(2 * c + some.first, some.count, terms,
                       {s.dz.data() + some.first, c, Op::transpose}, {s.c.data(), w},
                       workers.alone());
    }
  });
  // M = W_q^T W_k:  dW_q = W_k dM^T,  dW_k = W_q dM, with the weights that the pass had
  std::copy_n(qkv.value.data(), 2 * c * w, s.held.data());
  workers.for_each(2 * of_head, [&](std::int64_t task) {
    const auto time = workers.measure(Phase::attention_backward);
    const bool of_keys = task >= of_head;
    const Tile some = tile_of(of_keys ? task - of_head : task, c);
    const Real* other = s.held.row((of_keys ? 0 : c) + some.first);
    qkv.take_product((of_keys ? c : 0) + some.first, some.count, w, {other, w},
                     {s.dmerged.data(), w, of_keys ? Op::none : Op::transpose}, workers.alone());
  });
}

}  // namespace icl::nn
