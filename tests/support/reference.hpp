#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

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

}  // namespace icl::test::reference
