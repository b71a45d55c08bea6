#include "icl/nn/causal_attention.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "icl/core/simd.hpp"
#include "icl/nn/elementwise.hpp"
#include "icl/nn/fit.hpp"
#include "icl/nn/tokens.hpp"

namespace icl::nn {

/// The lengths of a pass, and where the queries lie among the tokens.
class CausalAttention::Shape {
 public:
  Shape(const Batch& batch, Queries queries, std::int64_t width)
      : n(batch.length), nq(queries == Queries::all ? n : 1), x(width) {}

  /// The sequences of one task.
  [[nodiscard]] std::int64_t tile() const { return nq == n ? 1 : CausalAttention::tile; }
  /// The rows of these sequences in what is stacked by queries.
  [[nodiscard]] Tile rows(Tile sequences) const {
    return {sequences.first * nq, sequences.count * nq};
  }

  /// The tokens of sequence b.
  template <class T>
  [[nodiscard]] T* tokens(T* all, std::int64_t b) const {
    return all + b * n * x;
  }
  /// The first query of sequence b among all tokens; the next one is query_stride() further, also
  /// from one sequence to the next.
  template <class T>
  [[nodiscard]] T* query(T* all, std::int64_t b) const {
    return tokens(all, b) + (n - nq) * x;
  }
  [[nodiscard]] std::int64_t query_stride() const { return nq == n ? x : n * x; }
  /// The number of tokens that query i of a sequence may attend to.
  [[nodiscard]] std::int64_t reach(std::int64_t i) const { return n - nq + i + 1; }

  std::int64_t n, nq, x;
};

namespace {

/// a_j <- softmax_j(a_j) over j < reach, 0 over the rest of n.
void masked_softmax(Real* a, std::int64_t reach, std::int64_t n) {
  softmax(a, reach);
  std::fill(a + reach, a + n, Real{0});
}

/// From weights a = softmax(s) and their gradients, in place: ds_j = a_j (da_j - sum_k a_k da_k),
/// which is 0 where a is masked.
void softmax_backward(const Real* a, std::int64_t n, Real* ds) {
  const Real mean = simd::dot(a, ds, n);
  for (std::int64_t j = 0; j < n; ++j) ds[j] = a[j] * (ds[j] - mean);
}

}  // namespace

CausalAttention::Activations::Activations(std::int64_t batch, std::int64_t length,
                                          const CausalAttention& layer, Storage storage) {
  const std::int64_t rows = layer.queries_ == Queries::all ? batch * length : batch;
  for (Tensor* tensor : {&q, &u, &c, &dc, &du, &dq})
    *tensor = Tensor({rows, layer.width()}, storage);
  for (Tensor* tensor : {&attention, &ds}) *tensor = Tensor({rows, length}, storage);
}

CausalAttention::CausalAttention(const std::string& name, std::int64_t width, Queries queries,
                                 Storage storage)
    : qkv{name + ".weight",
          {"qkv", "token"},
          Group::attention,
          Tensor({3 * width, width}, storage),
          {}},
      queries_(queries) {}

void CausalAttention::initialise(std::int64_t seed, std::uint32_t ordinal) {
  initialise_uniform(qkv, 1.0 / std::sqrt(static_cast<double>(width())), seed, ordinal);
}

void CausalAttention::require_fits(const Batch& batch, ConstMatrixView x, const Activations& s,
                                   ConstMatrixView y) const {
  const Shape shape(batch, queries_, width());
  const std::int64_t rows = batch.size * shape.nq;
  require_fit(qkv.name, "x", x, batch.size * shape.n, shape.x);
  require_fit(qkv.name, "y or its gradient", y, rows, shape.x);
  require_fit(qkv.name, "activations q", s.q, rows, shape.x);
  require_room(qkv.name, "activations attention", s.attention, rows, shape.n);
}

void CausalAttention::forward(const Batch& batch, ConstMatrixView x, Activations& s, MatrixView y,
                              Attending attending, const Workers& workers) const {
  require_fits(batch, x, s, y);
  assert(queries_ == Queries::last || attending == Attending::learned);
  const Shape shape(batch, queries_, width());
  const std::int64_t n = shape.n;
  const std::int64_t w = shape.x;
  workers.for_tiles(batch.size, shape.tile(), [&](Tile sequences) {
    const auto time = workers.measure(Phase::attention_forward);
    const Tile rows = shape.rows(sequences);
    const Real* queries = shape.query(x.data, sequences.first);
    // q = W_q x,  u = W_k^T q
    gemm(rows.count, w, w, 1, {queries, shape.query_stride()}, {projection(0), w, Op::transpose}, 0,
         s.q.row(rows.first), w);
    gemm(rows.count, w, w, 1, {s.q.row(rows.first), w}, {projection(1), w}, 0, s.u.row(rows.first),
         w);
    for (std::int64_t b = sequences.first; b < sequences.end(); ++b) {
      const Operand tokens{shape.tokens(x.data, b), w};
      Real* a = s.attention.row(b * shape.nq);
      // s_ij = u_i . x_j,  a_i = softmax_{j<=i}(s_ij)
      if (attending == Attending::learned) {
        gemm(shape.nq, n, w, 1, {s.u.row(b * shape.nq), w}, {tokens.data, w, Op::transpose}, 0, a,
             n);
        for (std::int64_t i = 0; i < shape.nq; ++i) masked_softmax(a + i * n, shape.reach(i), n);
      } else {
        fixed_weights(attending, batch, b, true, a);
      }
      // c_i = sum_j a_ij x_j
      gemm(shape.nq, w, n, 1, {a, n}, tokens, 0, s.c.row(b * shape.nq), w);
    }
    // y = x + W_v c
    for (std::int64_t i = 0; i < rows.count; ++i) {
      std::copy_n(queries + i * shape.query_stride(), w, y.row(rows.first + i));
    }
    gemm(rows.count, w, w, 1, {s.c.row(rows.first), w}, {projection(2), w, Op::transpose}, 1,
         y.row(rows.first), w);
  });
}

void CausalAttention::backward(const Batch& batch, ConstMatrixView x, Activations& s,
                               ConstMatrixView dy, MatrixView dx, Attending attending,
                               const Workers& workers) {
  require_fits(batch, x, s, dy);
  require_fit(qkv.name, "dx", dx, batch.size * batch.length, width());
  backward_inputs(batch, x.data, s, dy.data, dx.data, attending, workers);
  backward_parameters(batch, x.data, s, dy.data, workers);
}

void CausalAttention::backward_inputs(const Batch& batch, const Real* x, Activations& s,
                                      const Real* dy, Real* dx, Attending attending,
                                      const Workers& workers) const {
  const Shape shape(batch, queries_, width());
  const std::int64_t n = shape.n;
  const std::int64_t w = shape.x;
  workers.for_tiles(batch.size, shape.tile(), [&](Tile sequences) {
    const auto time = workers.measure(Phase::attention_backward);
    const Tile rows = shape.rows(sequences);
    // y = x + W_v c:  dc = W_v^T dy
    gemm(rows.count, w, w, 1, {dy + rows.first * w, w}, {projection(2), w}, 0, s.dc.row(rows.first),
         w);
    for (std::int64_t b = sequences.first; b < sequences.end(); ++b) {
      const std::int64_t row = b * shape.nq;
      const Operand tokens{shape.tokens(x, b), w};
      const Real* a = s.attention.row(row);
      Real* ds = s.ds.row(row);
      Real* dtokens = shape.tokens(dx, b);
      // c_i = sum_j a_ij x_j:  da_ij = dc_i . x_j,  dx_j = sum_i a_ij dc_i
      gemm(shape.nq, n, w, 1, {s.dc.row(row), w}, {tokens.data, w, Op::transpose}, 0, ds, n);
      gemm(n, w, shape.nq, 1, {a, n, Op::transpose}, {s.dc.row(row), w}, 0, dtokens, w);
      // a_i = softmax_{j<=i}(s_ij):  ds_ij = a_ij (da_ij - sum_k a_ik da_ik)
      for (std::int64_t i = 0; i < shape.nq; ++i) softmax_backward(a + i * n, n, ds + i * n);
      if (attending != Attending::learned) std::fill_n(ds, shape.nq * n, Real{0});
      // s_ij = u_i . x_j:  du_i = sum_j ds_ij x_j,  dx_j += sum_i ds_ij u_i
      gemm(shape.nq, w, n, 1, {ds, n}, tokens, 0, s.du.row(row), w);
      gemm(n, w, shape.nq, 1, {ds, n, Op::transpose}, {s.u.row(row), w}, 1, dtokens, w);
    }
    // u = W_k^T q:  dq = W_k du
    gemm(rows.count, w, w, 1, {s.du.row(rows.first), w}, {projection(1), w, Op::transpose}, 0,
         s.dq.row(rows.first), w);
    // q = W_q x, y = x + ...:  dx += dy + W_q^T dq
    Real* dqueries = shape.query(dx, sequences.first);
    for (std::int64_t i = 0; i < rows.count; ++i) {
      add(dy + (rows.first + i) * w, w, dqueries + i * shape.query_stride());
    }
    gemm(rows.count, w, w, 1, {s.dq.row(rows.first), w}, {projection(0), w}, 1, dqueries,
         shape.query_stride());
  });
}

void CausalAttention::backward_parameters(const Batch& batch, const Real* x, const Activations& s,
                                          const Real* dy, const Workers& workers) {
  const Shape shape(batch, queries_, width());
  const std::int64_t w = shape.x;
  const std::int64_t rows = batch.size * shape.nq;
  constexpr std::int64_t products = 3;
  workers.for_each(products, [&](std::int64_t task) {
    const auto time = workers.measure(Phase::attention_backward);
    const auto transposed = [w](const Real* matrix) { return Operand{matrix, w, Op::transpose}; };
    switch (task) {
      case 0:  // q = W_q x:  dW_q = sum dq x^T, over all queries
        qkv.take_product(0, w, rows, transposed(s.dq.data()),
                         {shape.query(x, 0), shape.query_stride()}, workers);
        break;
      case 1:  // u = W_k^T q:  dW_k = sum q du^T
        qkv.take_product(w, w, rows, transposed(s.q.data()), {s.du.data(), w}, workers);
        break;
      default:  // y = x + W_v c:  dW_v = sum dy c^T
        qkv.take_product(2 * w, w, rows, transposed(dy), {s.c.data(), w}, workers);
    }
  });
}

}  // namespace icl::nn
