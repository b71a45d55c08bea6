#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "support/reference.hpp"
#include "support/rounding.hpp"

/// How far the library may lie from the reference, as a matter of rounding alone.
///
/// The library's formulas are evaluated once more in numbers that carry the variance of their
/// rounding error: each operation adds u^2 of its result squared (u = unit_roundoff; a rounding is
/// no larger), and errors of operands propagate to first order. So a sum of n terms errs by about u
/// sqrt(n) of its size, not u n: roundings are taken as independent, as in Higham & Mary (2019),
/// SIAM J. Sci. Comput. 41, A2815. The worst case over all signs at once, L u |A| |B| |x| with L
/// roundings on the longest path, is 10^4 times larger here and would not be a test.
///
/// The tolerance is `deviations` standard deviations: normal errors exceed eight with probability
/// 1e-15, which leaves room for the correlations that the model neglects. In double the same bound
/// holds, and 1e-13 is asked for besides.
namespace icl::test::reference {

inline constexpr double deviations = 8;

struct Rounded {
  double value = 0;
  double variance = 0;

  Rounded() = default;
  Rounded(double exact) : value(exact) {}  // NOLINT(google-explicit-constructor)
  Rounded(double v, double operands) : value(v), variance(operands + square(unit_roundoff * v)) {}

  static double square(double x) { return x * x; }
  friend Rounded operator+(Rounded a, Rounded b) {
    return {a.value + b.value, a.variance + b.variance};
  }
  friend Rounded operator-(Rounded a, Rounded b) {
    return {a.value - b.value, a.variance + b.variance};
  }
  friend Rounded operator*(Rounded a, Rounded b) {
    return {a.value * b.value, a.variance * square(b.value) + b.variance * square(a.value)};
  }
  /// 1 / sqrt(x)
  friend Rounded inverse_root(Rounded x) {
    const double y = 1 / std::sqrt(x.value);
    const Rounded root(y, x.variance * square(y / (2 * x.value)));
    return {y, root.variance};  // two operations
  }
  [[nodiscard]] double tolerance() const { return deviations * std::sqrt(variance); }
};

using RoundedVector = std::vector<Rounded>;

inline RoundedVector product(std::span<const double> w, const RoundedVector& x) {
  RoundedVector y(w.size() / x.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t k = 0; k < x.size(); ++k) y[i] = y[i] + Rounded(w[i * x.size() + k]) * x[k];
  }
  return y;
}
/// W^T x
inline RoundedVector transposed_product(std::span<const double> w, const RoundedVector& x) {
  RoundedVector y(w.size() / x.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = y[i] + Rounded(w[k * y.size() + i]) * x[k];
  }
  return y;
}

/// TokenNorm::encode with the scalar label code, without its padding: [D + 1].
inline RoundedVector rounded_encode_scalar(std::span<const float> x, int label) {
  RoundedVector row(x.begin(), x.end());
  row.push_back(label);
  const Rounded per_entry(1 / static_cast<double>(row.size()), 0);
  Rounded mean;
  for (const Rounded& v : row) mean = mean + v;
  mean = mean * per_entry;
  Rounded squares;
  for (Rounded& v : row) {
    v = v - mean;
    squares = squares + v * v;
  }
  const Rounded scale = inverse_root(squares * per_entry + Rounded(1e-5, 0));
  for (Rounded& v : row) v = v * scale;
  return row;
}

/// TokenNorm::encode without its padding: [D + 1].
inline RoundedVector rounded_encode(std::span<const float> x, int label,
                                    nn::LabelCode code = nn::LabelCode::onehot) {
  if (code == nn::LabelCode::scalar) return rounded_encode_scalar(x, label);
  const auto width = static_cast<double>(x.size() + 2);
  const Rounded one = label == 0 ? 0 : 1;
  Rounded mean;
  for (const float v : x) mean = mean + Rounded(v);
  mean = (mean + one) * Rounded(1 / width, 0);
  RoundedVector row;
  for (const float v : x) row.push_back(Rounded(v) - mean);
  Rounded squares = mean * mean + (one - mean) * (one - mean);
  for (const Rounded& v : row) squares = squares + v * v;
  const Rounded scale = inverse_root(squares * Rounded(1 / width, 0) + Rounded(1e-5, 0));
  for (Rounded& v : row) v = v * scale;
  row.push_back(Rounded(label) * scale);
  return row;
}

/// TokenNorm::expand
inline RoundedVector rounded_expand(const RoundedVector& row,
                                    nn::LabelCode code = nn::LabelCode::onehot) {
  RoundedVector n = row;
  if (code == nn::LabelCode::scalar) return n;
  n.pop_back();
  Rounded sum;
  for (const Rounded& v : n) sum = sum + v;
  n.push_back((Rounded(0) - sum - row.back()) * Rounded(0.5));
  n.push_back((row.back() - sum) * Rounded(0.5));
  return n;
}

/// TokenNorm::reduce, without its padding
inline RoundedVector rounded_reduce(RoundedVector v, nn::LabelCode code = nn::LabelCode::onehot) {
  if (code == nn::LabelCode::scalar) return v;
  const Rounded minus = v[v.size() - 2];
  const Rounded plus = v.back();
  v.pop_back();
  for (Rounded& x : v) x = x - (minus + plus) * Rounded(0.5);
  v.back() = (plus - minus) * Rounded(0.5);
  return v;
}

/// softmax: d a_j / a_j = sum_i (delta_ij - a_i) d s_i, and about ten roundings of its own.
inline RoundedVector rounded_softmax(const RoundedVector& scores) {
  Vector values;
  for (const Rounded& s : scores) values.push_back(s.value);
  const Vector a = softmax(values);
  RoundedVector result;
  for (std::size_t j = 0; j < a.size(); ++j) {
    double relative = 10 * Rounded::square(unit_roundoff);
    for (std::size_t i = 0; i < a.size(); ++i) {
      relative += Rounded::square((i == j ? 1 : 0) - a[i]) * scores[i].variance;
    }
    result.push_back({a[j], relative * a[j] * a[j]});
  }
  return result;
}

/// Weights that are one over a number of tokens, rounded once.
inline RoundedVector rounded_weights(const Vector& a) {
  RoundedVector result;
  for (const double x : a) result.push_back({x, 0.0});
  return result;
}

/// h of sequence b as TargetAttention computes it.
inline RoundedVector rounded_attention(const Attention& w, const Sample& sample, std::int64_t b,
                                       nn::Attending attending = nn::Attending::learned) {
  const auto affine = [&](RoundedVector n) {
    for (std::size_t i = 0; i < n.size(); ++i)
      n[i] = Rounded(w.gain[i]) * n[i] + Rounded(w.bias[i]);
    return n;
  };
  const std::int64_t length = sample.batch.length;
  std::vector<RoundedVector> rows;
  for (std::int64_t j = 0; j < length; ++j) {
    const std::int64_t k = sample.batch.items.row(b)[j];
    rows.push_back(rounded_encode(sample.item(k), j + 1 == length ? 0 : sample.labels[k], w.code));
  }
  const RoundedVector t = affine(rounded_expand(rows.back(), w.code));
  RoundedVector u = transposed_product(w.projection(1), product(w.projection(0), t));
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = Rounded(w.gain[i]) * u[i];
  const RoundedVector v = rounded_reduce(u, w.code);
  RoundedVector scores;
  for (const RoundedVector& r : rows) {
    Rounded s;
    for (std::size_t i = 0; i < r.size(); ++i) s = s + v[i] * r[i];
    scores.push_back(s);
  }
  const RoundedVector a = attending == nn::Attending::learned
                              ? rounded_softmax(scores)
                              : rounded_weights(unlearned_weights(attending, sample, b, true));
  RoundedVector sum(rows[0].size());
  for (std::size_t j = 0; j < a.size(); ++j) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = sum[i] + a[j] * rows[j][i];
  }
  const bool attends = std::ranges::any_of(a, [](const Rounded& x) { return x.value != 0; });
  if (!attends) return t;
  RoundedVector h = product(w.projection(2), affine(rounded_expand(sum, w.code)));
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = h[i] + t[i];
  return h;
}

/// The weights of sequence b as LabelAttention computes them.
inline RoundedVector rounded_weights(const LabelAttention& w, const Sample& sample, std::int64_t b,
                                     nn::Attending attending) {
  if (attending != nn::Attending::learned) {
    return rounded_weights(w.weights(sample, b, attending));
  }
  const std::int64_t context = sample.batch.length - 1;
  const std::int32_t* row = sample.batch.items.row(b);
  if (context == 0 && !w.self) return {0};
  RoundedVector scores;
  for (std::int64_t j = 0; j < context + (w.self ? 1 : 0); ++j) {
    Rounded product;
    for (std::int64_t i = 0; i < sample.items.extent(1); ++i) {
      product = product +
                Rounded(sample.items.row(row[context])[i]) * Rounded(sample.items.row(row[j])[i]);
    }
    scores.push_back(Rounded(w.beta) * product);
  }
  RoundedVector a = rounded_softmax(scores);
  if (!w.self) a.emplace_back();
  return a;
}

/// z + w m of sequence b as LabelAttention computes it.
inline Rounded rounded_attention(const LabelAttention& w, const Sample& sample, std::int64_t b,
                                 nn::Attending attending, Rounded z) {
  const RoundedVector a = rounded_weights(w, sample, b, attending);
  Rounded m;
  for (std::int64_t j = 0; j + 1 < sample.batch.length; ++j) {
    const double label = sample.labels[sample.batch.items.row(b)[j]];
    m = m + a[static_cast<std::size_t>(j)] * Rounded(label);
  }
  return z + Rounded(w.w) * m;
}

/// All outputs of an MLP. A ReLU does not enlarge errors.
inline RoundedVector rounded_outputs(const Mlp& w, const RoundedVector& h) {
  const auto affine = [](const Vector& weight, const Vector& bias, const RoundedVector& x) {
    RoundedVector y = product(weight, x);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = y[i] + Rounded(bias[i]);
    return y;
  };
  const auto relu = [](RoundedVector x) {
    for (Rounded& v : x) v.value = std::max(v.value, 0.0);
    return x;
  };
  const RoundedVector h1 = relu(affine(w.w1, w.b1, h));
  return affine(w.w3, w.b3, relu(affine(w.w2, w.b2, h1)));
}

/// The logit of Mlp.
inline Rounded rounded_mlp(const Mlp& w, const RoundedVector& h) {
  return rounded_outputs(w, h)[0];
}

/// In double 1e-13 of the result's size is asked for as well.
inline double tolerance(const Rounded& x, double size) {
  constexpr bool is_double = sizeof(Real) == sizeof(double);
  return is_double ? std::min(1e-13 * std::max(1.0, size), x.tolerance()) : x.tolerance();
}

}  // namespace icl::test::reference
