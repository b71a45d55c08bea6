#pragma once

#include <optional>
#include <span>
#include <vector>

#include "icl/core/batch.hpp"
#include "icl/nn/attending.hpp"
#include "support/reference.hpp"
#include "support/rounding_error.hpp"

/// Causal attention written down naively, in double, with explicit queries, keys and values; and
/// once more as the library computes it, with its rounding errors.
namespace icl::test::reference {

using Rows = std::vector<Vector>;
using RoundedRows = std::vector<RoundedVector>;

/// W_q, W_k, W_v of qkv for which = 0, 1, 2.
inline std::span<const double> projection(const Vector& qkv, std::size_t which) {
  const std::size_t size = qkv.size() / 3;
  return std::span(qkv).subspan(which * size, size);
}

/// The weights of the target where they are not learned.
inline std::optional<Vector> given_weights(nn::Attending attending, const Batch& batch,
                                           std::int64_t b) {
  using enum nn::Attending;
  if (attending == learned) return std::nullopt;
  const auto n = static_cast<std::size_t>(batch.length);
  if (attending == uniform) return Vector(n, 1 / static_cast<double>(n));
  Vector a(n, 0.0);
  if (attending == none) return a;
  double copies = 0;
  for (std::size_t j = 0; j + 1 < n; ++j) copies += a[j] = batch.copy.row(b)[j];
  if (copies > 0) {
    for (double& x : a) x /= copies;
  }
  return a;
}

/// y_i = x_i + sum_{j<=i} a_j v_j with a = softmax_{j<=i}(q_i . k_j), or as given.
inline Vector attended(const Vector& qkv, const Rows& x, std::size_t i,
                       const std::optional<Vector>& given = std::nullopt) {
  const Vector query = product(projection(qkv, 0), x[i]);
  Vector scores;
  for (std::size_t j = 0; j <= i; ++j) {
    scores.push_back(dot(query, product(projection(qkv, 1), x[j])));
  }
  const Vector a = given ? *given : softmax(scores);
  Vector y = x[i];
  for (std::size_t j = 0; j <= i; ++j) {
    const Vector value = product(projection(qkv, 2), x[j]);
    for (std::size_t k = 0; k < y.size(); ++k) y[k] += a[j] * value[k];
  }
  return y;
}

/// The same as CausalAttention computes it: y = x + W_v c, c = sum_j a_j x_j, scores u . x_j.
inline RoundedVector rounded_attended(const Vector& qkv, const RoundedRows& x, std::size_t i,
                                      const std::optional<Vector>& given = std::nullopt) {
  const RoundedVector u = transposed_product(projection(qkv, 1), product(projection(qkv, 0), x[i]));
  RoundedVector a;
  for (std::size_t j = 0; j <= i; ++j) {
    Rounded s;
    for (std::size_t k = 0; k < u.size(); ++k) s = s + u[k] * x[j][k];
    a.push_back(s);
  }
  a = rounded_softmax(a);
  for (std::size_t j = 0; given && j <= i; ++j) a[j] = Rounded((*given)[j], 0);
  RoundedVector c(u.size());
  for (std::size_t j = 0; j <= i; ++j) {
    for (std::size_t k = 0; k < c.size(); ++k) c[k] = c[k] + a[j] * x[j][k];
  }
  RoundedVector y = product(projection(qkv, 2), c);
  for (std::size_t k = 0; k < y.size(); ++k) y[k] = y[k] + x[i][k];
  return y;
}

}  // namespace icl::test::reference
