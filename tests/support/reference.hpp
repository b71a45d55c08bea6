#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "icl/core/real.hpp"
#include "support/sample.hpp"

/// S1 written down naively, in double: full tokens, LayerNorm over all D + 2 entries, explicit keys
/// and values, no algebra. What the library must agree with.
namespace icl::test::reference {

using Vector = std::vector<double>;

template <class T>
Vector widen(std::span<const T> x) {
  return {x.begin(), x.end()};
}
inline Vector widen(const Tensor& x) { return widen(x.values()); }

/// [x ; onehot(label)]; label 0 has no hot entry.
inline Vector token(std::span<const float> x, int label) {
  Vector t(x.begin(), x.end());
  t.push_back(label == -1 ? 1 : 0);
  t.push_back(label == +1 ? 1 : 0);
  return t;
}

struct Moments {
  double mean;
  double scale;  ///< 1 / sqrt(variance + epsilon)
};
inline Moments moments(const Vector& x) {
  double mean = 0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  double variance = 0;
  for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
  return {mean, 1 / std::sqrt(variance + 1e-5)};
}

/// (x - mean) / sqrt(variance + 1e-5)
inline Vector normalise(Vector x) {
  const auto [mean, scale] = moments(x);
  for (double& v : x) v = (v - mean) * scale;
  return x;
}

/// y_i = sum_k w_ik x_k, w [y, x] row-major.
inline Vector product(std::span<const double> w, const Vector& x) {
  Vector y(w.size() / x.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t k = 0; k < x.size(); ++k) y[i] += w[i * x.size() + k] * x[k];
  }
  return y;
}

inline double dot(const Vector& a, const Vector& b) { return product(a, b)[0]; }

inline Vector softmax(Vector s) {
  const double largest = *std::ranges::max_element(s);
  double sum = 0;
  for (double& v : s) sum += v = std::exp(v - largest);
  for (double& v : s) v /= sum;
  return s;
}

struct Attention {
  Vector gain, bias, qkv;

  /// W_q, W_k, W_v for which = 0, 1, 2.
  [[nodiscard]] std::span<const double> projection(std::size_t which) const {
    const std::size_t size = qkv.size() / 3;
    return std::span(qkv).subspan(which * size, size);
  }

  /// LayerNorm(token j of sequence b).
  [[nodiscard]] Vector normed(const Sample& sample, std::int64_t b, std::int64_t j) const {
    const std::int64_t k = sample.batch.items.row(b)[j];
    const bool target = j + 1 == sample.batch.length;
    Vector t = normalise(token(sample.item(k), target ? 0 : sample.labels[k]));
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = gain[i] * t[i] + bias[i];
    return t;
  }

  /// h [X] = t_N + sum_j softmax_j(q_N . k_j) v_j of sequence b.
  [[nodiscard]] Vector forward(const Sample& sample, std::int64_t b) const {
    const std::int64_t length = sample.batch.length;
    const Vector target = normed(sample, b, length - 1);
    const Vector query = product(projection(0), target);
    Vector scores;
    std::vector<Vector> values;
    for (std::int64_t j = 0; j < length; ++j) {
      const Vector t = normed(sample, b, j);
      scores.push_back(dot(query, product(projection(1), t)));
      values.push_back(product(projection(2), t));
    }
    const Vector a = softmax(scores);
    Vector h = target;
    for (std::size_t j = 0; j < a.size(); ++j) {
      for (std::size_t i = 0; i < h.size(); ++i) h[i] += a[j] * values[j][i];
    }
    return h;
  }
};

struct Mlp {
  Vector w1, b1, w2, b2, w3, b3;

  static Vector affine(const Vector& w, const Vector& b, const Vector& x) {
    Vector y = product(w, x);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += b[i];
    return y;
  }
  static Vector relu(Vector x) {
    for (double& v : x) v = v < 0 ? 0 : v;
    return x;
  }
  [[nodiscard]] Vector hidden1(const Vector& h) const { return relu(affine(w1, b1, h)); }
  [[nodiscard]] Vector hidden2(const Vector& h1) const { return relu(affine(w2, b2, h1)); }
  [[nodiscard]] double forward(const Vector& h) const {
    return affine(w3, b3, hidden2(hidden1(h)))[0];
  }
};

/// Bounds on the rounding error of the library, of first order in u = half an ulp of 1.
///
/// A product of matrices and sums computed one after the other in any order errs by at most
/// L u (|A| |B| ... |x|): L is the number of roundings on the longest path from an input to the
/// result, a sum of n terms counting n, and |.| means that every factor is replaced by its
/// magnitude (Higham 2002, section 3.5). So each function below evaluates the library's formulas on
/// magnitudes, in the reduced form of TokenNorm, and counts roundings as it goes. The softmax turns
/// an absolute error d of the scores into a relative error of at most e^(2 d) - 1.
struct ErrorBound {
  static constexpr double u = std::numeric_limits<Real>::epsilon() / 2;

  static Vector magnitudes(std::span<const double> x) {
    Vector y(x.begin(), x.end());
    for (double& v : y) v = std::abs(v);
    return y;
  }

  /// Magnitudes [D + 1] of a reduced row. Roundings: D + 2 for the mean and one each for
  /// subtracting it and scaling; half of X + 4 for the squares under the root, and four for root,
  /// quotient, epsilon.
  static Vector reduced_row(const Vector& token) {
    const auto scale = moments(token).scale;
    double mean = 0;
    for (const double v : token) mean += std::abs(v) / static_cast<double>(token.size());
    Vector r;
    for (std::size_t i = 0; i + 2 < token.size(); ++i)
      r.push_back((std::abs(token[i]) + mean) * scale);
    r.push_back((token[token.size() - 2] + token[token.size() - 1]) * scale);
    return r;
  }
  static double encode_roundings(double width) { return 1.5 * width + 8; }

  /// |E| r, D + 2 roundings.
  static Vector expand(Vector r) {
    double sum = 0;
    for (const double v : r) sum += v / 2;
    r.back() = sum;
    r.push_back(sum);
    return r;
  }
  /// |E^T| v, 3 roundings.
  static Vector reduce(Vector v) {
    const double mean = (v[v.size() - 2] + v[v.size() - 1]) / 2;
    v.pop_back();
    for (double& x : v) x += mean;
    v.back() = mean;
    return v;
  }

  /// Of h, for sequence b.
  static Vector attention(const Attention& w, const Sample& sample, std::int64_t b) {
    const std::int64_t length = sample.batch.length;
    const auto width = static_cast<double>(w.gain.size());
    const Vector gain = magnitudes(w.gain);
    const Vector bias = magnitudes(w.bias);
    const auto affine = [&](Vector n) {
      for (std::size_t i = 0; i < n.size(); ++i) n[i] = gain[i] * n[i] + bias[i];
      return n;
    };
    std::vector<Vector> rows;
    for (std::int64_t j = 0; j < length; ++j) {
      const std::int64_t k = sample.batch.items.row(b)[j];
      rows.push_back(reduced_row(token(sample.item(k), j + 1 == length ? 0 : sample.labels[k])));
    }
    const Vector t = affine(expand(rows.back()));
    const Vector q = product(magnitudes(w.projection(0)), t);
    Vector u_key(t.size());
    const Vector w_k = magnitudes(w.projection(1));
    for (std::size_t i = 0; i < t.size(); ++i) {
      for (std::size_t k = 0; k < t.size(); ++k) u_key[k] += w_k[i * t.size() + k] * q[i];
    }
    for (std::size_t i = 0; i < t.size(); ++i) u_key[i] *= gain[i];
    const Vector v = reduce(u_key);
    double largest_score = 0;
    for (const Vector& r : rows) largest_score = std::max(largest_score, dot(v, r));
    // Target encoded, expanded, gain and bias, W_q, W_k, gain, reduced; token encoded; dot;
    // shifted.
    const double score_roundings =
        2 * encode_roundings(width) + width + 1 + width + width + 1 + 3 + width + 2;
    const double score_error = score_roundings * u * largest_score;
    // exp under 2 ulp = 4 u, sum, quotient, product.
    const double softmax_error =
        std::expm1(2 * score_error) + (4 + static_cast<double>(length) + 3) * u;

    // Attention weights add up to one: no sum over tokens exceeds the largest token.
    Vector sum(rows[0].size());
    for (const Vector& r : rows) {
      for (std::size_t i = 0; i < r.size(); ++i) sum[i] = std::max(sum[i], r[i]);
    }
    const Vector c = affine(expand(sum));
    Vector h = product(magnitudes(w.projection(2)), c);
    // Token encoded, summed over tokens, expanded, gain and bias, W_v, plus t.
    const double roundings =
        encode_roundings(width) + static_cast<double>(length) + width + 1 + width + 1;
    for (std::size_t i = 0; i < h.size(); ++i) {
      h[i] = (h[i] + t[i]) * (softmax_error + roundings * u);
    }
    return h;
  }

  /// Of w x + b, where x errs by at most `error`.
  static Vector layer(const Vector& w, const Vector& b, Vector x, const Vector& error) {
    const Vector w_magnitude = magnitudes(w);
    Vector bound = product(w_magnitude, error);
    for (std::size_t k = 0; k < x.size(); ++k) x[k] = std::abs(x[k]) + error[k];
    const Vector size = product(w_magnitude, x);
    for (std::size_t i = 0; i < b.size(); ++i) {
      bound[i] += (static_cast<double>(x.size()) + 1) * u * (size[i] + std::abs(b[i]));
    }
    return bound;
  }

  /// Of the logit, where h errs by at most `error`: ReLU does not enlarge errors.
  static double mlp(const Mlp& w, const Vector& h, const Vector& error) {
    const Vector h1 = w.hidden1(h);
    const Vector error1 = layer(w.w1, w.b1, h, error);
    const Vector error2 = layer(w.w2, w.b2, h1, error1);
    return layer(w.w3, w.b3, w.hidden2(h1), error2)[0];
  }
};

/// What the library may differ from the reference by: in double 1e-13 of the result's size, in
/// float the bound that the error analysis gives.
inline double tolerance(double size, double float_bound) {
  constexpr bool is_double = sizeof(Real) == sizeof(double);
  return is_double ? 1e-13 * std::max(1.0, size) : float_bound;
}

}  // namespace icl::test::reference
