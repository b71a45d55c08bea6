#include "icl/nn/target_attention.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "icl/core/simd.hpp"
#include "icl/nn/elementwise.hpp"
#include "icl/nn/fit.hpp"
#include "icl/nn/tokens.hpp"

namespace icl::nn {
namespace {

/// Whether the target attends to anything: otherwise c = 0.
bool attends(Attending attending, const Real* a, std::int64_t n) {
  return attending == Attending::learned || std::any_of(a, a + n, [](Real x) { return x != 0; });
}

}  // namespace

TargetAttention::Activations::Activations(std::int64_t batch, std::int64_t length,
                                          const TokenNorm& norm, Storage storage)
    : n({batch, norm.width()}, storage),
      t({batch, norm.width()}, storage),
      q({batch, norm.width()}, storage),
      u({batch, norm.width()}, storage),
      attention({batch, length}, storage),
      m({batch, norm.width()}, storage),
      c({batch, norm.width()}, storage),
      reduced({batch, norm.reduced_width()}, storage),
      sums({batch, norm.reduced_width()}, storage),
      dc({batch, norm.width()}, storage),
      du({batch, norm.width()}, storage),
      dq({batch, norm.width()}, storage),
      dt({batch, norm.width()}, storage),
      ds({batch, length}, storage),
      dgain({batch, norm.width()}, storage),
      dbias({batch, norm.width()}, storage) {}

TargetAttention::TargetAttention(const std::string& name, std::int64_t width, Storage storage)
    : qkv{name + ".weight",
          {"qkv", "token"},
          Group::attention,
          Tensor({3 * width, width}, storage),
          {}} {}

void TargetAttention::initialise(std::int64_t seed, std::uint32_t ordinal) {
  initialise_uniform(qkv, 1.0 / std::sqrt(static_cast<double>(width())), seed, ordinal);
}

void TargetAttention::add_keys_to_queries(Real amount, std::int64_t columns) {
  for (std::int64_t i = 0; i < width(); ++i) {
    Real* query = qkv.value.row(i);
    const Real* key = qkv.value.row(width() + i);
    for (std::int64_t d = 0; d < columns; ++d) query[d] = std::fma(amount, key[d], query[d]);
  }
}

void TargetAttention::require_fits(const Batch& batch, const Activations& s,
                                   ConstMatrixView h) const {
  require_fit(qkv.name, "h or its gradient", h, batch.size, width());
  require_fit(qkv.name, "activations t", s.t, batch.size, width());
  require_room(qkv.name, "activations attention", s.attention, batch.size, batch.length);
}

void TargetAttention::forward(const Batch& batch, const TokenNorm& norm, Activations& s,
                              MatrixView h, Attending attending, const Workers& workers) const {
  require_fits(batch, s, h);
  const std::int64_t x = width();
  workers.for_tiles(batch.size, tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::attention_forward);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      norm.expand(Tokens(batch, b).target(), s.n.row(b));
      norm.affine(s.n.row(b), s.t.row(b));
    }
    // q = W_q t,  u = W_k^T q
    gemm(rows.count, x, x, 1, {s.t.row(rows.first), x}, {projection(0), x, Op::transpose}, 0,
         s.q.row(rows.first), x);
    gemm(rows.count, x, x, 1, {s.q.row(rows.first), x}, {projection(1), x}, 0, s.u.row(rows.first),
         x);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      const Tokens tokens(batch, b);
      Real* a = s.attention.row(b);
      // a_j = softmax_j((g u) . n_j),  m = sum_j a_j n_j,  c = g m + b
      multiply(norm.gain.value.data(), s.u.row(b), x, s.c.row(b));
      norm.reduce(s.c.row(b), s.reduced.row(b));
      if (attending == Attending::learned) {
        tokens.scores(s.reduced.row(b), a);
        softmax(a, batch.length);
      } else {
        fixed_weights(attending, batch, b, true, a);
      }
      tokens.weighted_sum(a, s.sums.row(b));
      norm.expand(s.sums.row(b), s.m.row(b));
      norm.affine(s.m.row(b), s.c.row(b));
      if (!attends(attending, a, batch.length)) std::fill_n(s.c.row(b), x, Real{0});
      std::copy_n(s.t.row(b), x, h.row(b));
    }
    // h = t + W_v c
    gemm(rows.count, x, x, 1, {s.c.row(rows.first), x}, {projection(2), x, Op::transpose}, 1,
         h.row(rows.first), x);
  });
}

void TargetAttention::backward(const Batch& batch, TokenNorm& norm, Activations& s,
                               ConstMatrixView dh, Attending attending, const Workers& workers) {
  require_fits(batch, s, dh);
  backward_inputs(batch, norm, s, dh.data, attending, workers);
  backward_parameters(batch.size, norm, s, dh.data, workers);
}

void TargetAttention::backward_inputs(const Batch& batch, const TokenNorm& norm, Activations& s,
                                      const Real* dh, Attending attending,
                                      const Workers& workers) const {
  const std::int64_t x = width();
  const Real* g = norm.gain.value.data();
  workers.for_tiles(batch.size, tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::attention_backward);
    // h = t + W_v c:  dc = W_v^T dh
    gemm(rows.count, x, x, 1, {dh + rows.first * x, x}, {projection(2), x}, 0, s.dc.row(rows.first),
         x);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      const Tokens tokens(batch, b);
      const Real* a = s.attention.row(b);
      Real* ds = s.ds.row(b);
      Real* du = s.du.row(b);
      // where nothing is attended to, c = 0
      if (!attends(attending, a, batch.length)) std::fill_n(s.dc.row(b), x, Real{0});
      // c = g m + b, m = sum_j a_j n_j:  da_j = (g dc) . n_j
      multiply(g, s.dc.row(b), x, du);
      norm.reduce(du, s.reduced.row(b));
      tokens.scores(s.reduced.row(b), ds);
      // a = softmax(s):  ds_j = a_j (da_j - sum_i a_i da_i)
      const Real mean = simd::dot(a, ds, batch.length);
      for (std::int64_t j = 0; j < batch.length; ++j) ds[j] = a[j] * (ds[j] - mean);
      if (attending != Attending::learned) std::fill_n(ds, batch.length, Real{0});
      // s_j = v . n_j, v = g u:  dv = sum_j ds_j n_j,  du = g dv
      tokens.weighted_sum(ds, s.sums.row(b));
      norm.expand(s.sums.row(b), du);
      multiply(s.dc.row(b), s.m.row(b), x, s.dgain.row(b));
      add_product(du, s.u.row(b), x, s.dgain.row(b));
      std::copy_n(s.dc.row(b), x, s.dbias.row(b));
      std::copy_n(dh + b * x, x, s.dt.row(b));
      multiply(g, du, x, du);
    }
    // u = W_k^T q:  dq = W_k du
    gemm(rows.count, x, x, 1, {s.du.row(rows.first), x}, {projection(1), x, Op::transpose}, 0,
         s.dq.row(rows.first), x);
    // q = W_q t, h = t + ...:  dt = dh + W_q^T dq
    gemm(rows.count, x, x, 1, {s.dq.row(rows.first), x}, {projection(0), x}, 1,
         s.dt.row(rows.first), x);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      // t = g n + b:  dg += dt n,  db += dt
      add_product(s.dt.row(b), s.n.row(b), x, s.dgain.row(b));
      add(s.dt.row(b), x, s.dbias.row(b));
    }
  });
}

void TargetAttention::backward_parameters(std::int64_t batch, TokenNorm& norm, const Activations& s,
                                          const Real* dh, const Workers& workers) {
  const std::int64_t x = width();
  constexpr std::int64_t products = 3;
  workers.for_each(products + 1, [&](std::int64_t task) {
    const auto time = workers.measure(Phase::attention_backward);
    const auto transposed = [x](const Real* rows) { return Operand{rows, x, Op::transpose}; };
    switch (task) {
      case 0:  // q = W_q t:  dW_q = sum_b dq t^T
        qkv.take_product(0, x, batch, transposed(s.dq.data()), {s.t.data(), x}, workers);
        break;
      case 1:  // u = W_k^T q:  dW_k = sum_b q du^T
        qkv.take_product(x, x, batch, transposed(s.q.data()), {s.du.data(), x}, workers);
        break;
      case 2:  // h = t + W_v c:  dW_v = sum_b dh c^T
        qkv.take_product(2 * x, x, batch, transposed(dh), {s.c.data(), x}, workers);
        break;
      default:
        norm.gain.take_column_sums(s.dgain, batch);
        norm.bias.take_column_sums(s.dbias, batch);
    }
  });
}

double identity_alignment(const Tensor& qkv, const Tensor& gain, std::int64_t D) {
  const std::int64_t x = qkv.extent(1);
  double trace = 0;
  double squares = 0;
  std::vector<double> row(static_cast<std::size_t>(D));
  for (std::int64_t i = 0; i < D; ++i) {
    // A_ij = g_i g_j sum_k W_k[k, i] W_q[k, j]
    std::ranges::fill(row, 0.0);
    for (std::int64_t k = 0; k < x; ++k) {
      const double key = qkv.row(x + k)[i];
      const Real* query = qkv.row(k);
      for (std::int64_t j = 0; j < D; ++j) {
        row[static_cast<std::size_t>(j)] += key * static_cast<double>(query[j]);
      }
    }
    for (std::int64_t j = 0; j < D; ++j) {
      const double a = row[static_cast<std::size_t>(j)] * gain[i] * gain[j];
      squares += a * a;
      if (i == j) trace += a;
    }
  }
  return trace / std::sqrt(static_cast<double>(D) * squares);
}

}  // namespace icl::nn
