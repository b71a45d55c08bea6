// The kernel of HeadsAttention that forms keys and values.
#include "given_weights.hpp"
#include "icl/nn/attention_weights.hpp"
#include "icl/nn/heads_attention.hpp"

namespace icl::nn {

void HeadsAttention::turn_all(Turn way, Tile sequences, Queries queries, Real* q, Real* k) const {
  const std::int64_t count = shape_.count(queries);
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
  turn_rows(rows(count), count, shape_.tokens - count, inner(), q);
  turn_rows(rows(shape_.tokens), shape_.tokens, 0, 2 * inner(), k);
}

void HeadsAttention::attend(std::int64_t b, const Given& given, Activations& s) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t nq = shape_.count(s.queries);
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
  const std::int64_t nq = shape_.count(s.queries);
  const std::int64_t query = some.first * nq;
  const Real* tokens = x + some.first * t * w;
  // q = W_q x,  (k, v) = (W_k, W_v) x
  gemm(some.count * nq, inner(), w, 1, {tokens + query_offset(s.queries), query_stride(s.queries)},
       {projection(0), w, Op::transpose}, 0, s.q.row(query), inner());
  gemm(some.count * t, 2 * inner(), w, 1, {tokens, w}, {projection(1), w, Op::transpose}, 0,
       s.kv.row(some.first * t), 2 * inner());
  if (shape_.rotary) turn_all(Turn::forth, some, s.queries, s.q.data(), s.kv.data());
  for (std::int64_t b = some.first; b < some.end(); ++b) attend(b, given, s);
}

void HeadsAttention::attend_backward(std::int64_t b, const Given& given, Activations& s) const {
  const std::int64_t t = shape_.tokens;
  const std::int64_t nq = shape_.count(s.queries);
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
  if (shape_.rotary) turn_all(Turn::back, some, s.queries, s.dq.data(), s.dkv.data());
  // (k, v) = (W_k, W_v) x,  q = W_q x:  dx = (W_k, W_v)^T (dk, dv) + W_q^T dq
  Real* dtokens = dx + some.first * t * w;
  gemm(some.count * t, w, 2 * inner(), 1, {s.dkv.row(some.first * t), 2 * inner()},
       {projection(1), w}, 0, dtokens, w);
  const std::int64_t nq = shape_.count(s.queries);
  gemm(some.count * nq, w, inner(), 1, {s.dq.row(some.first * nq), inner()}, {projection(0), w}, 1,
       dtokens + query_offset(s.queries), query_stride(s.queries));
}

}  // namespace icl::nn
