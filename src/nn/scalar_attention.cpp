#include "icl/nn/scalar_attention.hpp"

#include <algorithm>
#include <cmath>

#include "icl/core/simd.hpp"
#include "icl/nn/fit.hpp"
#include "icl/nn/tokens.hpp"

namespace icl::nn {

ScalarAttention::Activations::Activations(std::int64_t batch, std::int64_t length,
                                          std::int64_t width, std::int64_t row_width,
                                          Storage storage)
    : products({batch, length}, storage),
      attention({batch, length}, storage),
      sums({batch, row_width}, storage),
      c({batch, width}, storage),
      dc({batch, width}, storage),
      da({batch, length}, storage),
      dbeta({batch}, storage) {}

ScalarAttention::ScalarAttention(std::int64_t item_dimension, LabelCode code, Storage storage)
    : beta{"beta", {"output"}, Group::attention, Tensor({1}, storage), {}},
      value{"value.weight",
            {"value", "token"},
            Group::attention,
            Tensor({item_dimension + (code == LabelCode::onehot ? 2 : 1),
                    item_dimension + (code == LabelCode::onehot ? 2 : 1)},
                   storage),
            {}},
      dimension_(item_dimension),
      code_(code) {}

std::int64_t ScalarAttention::row_width() const { return simd::padded(dimension_ + 1); }

void ScalarAttention::expand(const Real* sums, Real context, Real* c) const {
  std::copy_n(sums, dimension_, c);
  const Real s = sums[dimension_];
  if (code_ == LabelCode::scalar) {
    c[dimension_] = s;
  } else {
    c[dimension_] = (context - s) / 2;
    c[dimension_ + 1] = (context + s) / 2;
  }
}

Real ScalarAttention::reduce(const Real* dc, Real* v) const {
  std::copy_n(dc, dimension_, v);
  std::fill(v + dimension_ + 1, v + row_width(), Real{0});
  if (code_ == LabelCode::scalar) {
    v[dimension_] = dc[dimension_];
    return 0;
  }
  v[dimension_] = (dc[dimension_ + 1] - dc[dimension_]) / 2;
  return (dc[dimension_] + dc[dimension_ + 1]) / 2;
}

void ScalarAttention::require_fits(const Batch& batch, const Activations& s,
                                   ConstMatrixView h) const {
  require_fit(value.name, "h or its gradient", h, batch.size, width());
  require_fit(value.name, "activations c", s.c, batch.size, width());
  require_room(value.name, "activations attention", s.attention, batch.size, batch.length);
}

void ScalarAttention::forward(const Batch& batch, Activations& s, MatrixView h, Attending attending,
                              const Workers& workers) const {
  require_fits(batch, s, h);
  const std::int64_t n = batch.length;
  const std::int64_t x = width();
  workers.for_tiles(batch.size, tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::attention_forward);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      const Tokens tokens(batch, b);
      Real* a = s.attention.row(b);
      // The target's row holds 0 where the others hold their labels.
      tokens.scores(tokens.target(), s.products.row(b));
      if (attending == Attending::learned) {
        for (std::int64_t j = 0; j < n; ++j) a[j] = beta.value[0] * s.products.row(b)[j];
        softmax(a, n);
      } else {
        fixed_weights(attending, batch, b, true, a);
      }
      // c = sum_j a_j t_j
      tokens.weighted_sum(a, s.sums.row(b));
      expand(s.sums.row(b), simd::sum(a, n - 1), s.c.row(b));
      std::copy_n(tokens.target(), dimension_, h.row(b));
      std::fill(h.row(b) + dimension_, h.row(b) + x, Real{0});
    }
    // h = t_N + W_v c
    gemm(rows.count, x, x, 1, {s.c.row(rows.first), x}, {value.value.data(), x, Op::transpose}, 1,
         h.row(rows.first), x);
  });
}

void ScalarAttention::backward(const Batch& batch, Activations& s, ConstMatrixView dh,
                               Attending attending, const Workers& workers) {
  require_fits(batch, s, dh);
  const std::int64_t n = batch.length;
  const std::int64_t x = width();
  workers.for_tiles(batch.size, tile, [&](Tile rows) {
    const auto time = workers.measure(Phase::attention_backward);
    std::fill_n(s.dbeta.data() + rows.first, rows.count, Real{0});
    if (attending != Attending::learned) return;
    // h = t_N + W_v c:  dc = W_v^T dh
    gemm(rows.count, x, x, 1, {dh.row(rows.first), x}, {value.value.data(), x}, 0,
         s.dc.row(rows.first), x);
    for (std::int64_t b = rows.first; b < rows.end(); ++b) {
      const Real* a = s.attention.row(b);
      const Real* products = s.products.row(b);
      Real* da = s.da.row(b);
      // c = sum_j a_j t_j:  da_j = dc . t_j
      const Real of_context = reduce(s.dc.row(b), s.sums.row(b));
      Tokens(batch, b).scores(s.sums.row(b), da);
      for (std::int64_t j = 0; j + 1 < n; ++j) da[j] += of_context;
      // a = softmax(beta p):  dbeta = sum_j a_j (da_j - sum_i a_i da_i) p_j
      const Real mean = simd::dot(a, da, n);
      for (std::int64_t j = 0; j < n; ++j) da[j] = a[j] * (da[j] - mean);
      s.dbeta[b] = simd::dot(da, products, n);
    }
  });
  workers.for_each(2, [&](std::int64_t task) {
    const auto time = workers.measure(Phase::attention_backward);
    if (task == 0) {  // h = t_N + W_v c:  dW_v = sum_b dh c^T
      value.take_product(0, x, batch.size, {dh.data, x, Op::transpose}, {s.c.data(), x}, workers);
    } else {
      const Real dbeta = simd::sum(s.dbeta.data(), batch.size);
      beta.take(&dbeta, 0, 1);
    }
  });
}

}  // namespace icl::nn
