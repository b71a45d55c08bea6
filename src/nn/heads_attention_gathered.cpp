// The kernel of HeadsAttention that forms no keys and values: where the last token alone attends.
#include "given_weights.hpp"
#include "icl/nn/attention_weights.hpp"
#include "icl/nn/heads_attention.hpp"

namespace icl::nn {

void HeadsAttention::forward_gathered(Tile sequences, const Real* x, const Given& given,
                                      Activations& s) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t w = shape_.width;
  const std::int64_t c = shape_.head;
  const std::int64_t hw = shape_.heads * w;
  // q = scale W_q x
  gemm(sequences.count, inner(), w, static_cast<Real>(shape_.scale),
       {x + sequences.first * t * w + query_offset(s.queries), query_stride(s.queries)},
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
       dx + sequences.first * t * w + query_offset(s.queries), query_stride(s.queries));
}

}  // namespace icl::nn
