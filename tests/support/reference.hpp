#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "icl/nn/attending.hpp"
#include "icl/nn/token_norm.hpp"
#include "support/sample.hpp"

/// S1 and S3 written down naively, in double: full tokens, LayerNorm over all entries, explicit
/// keys and values, no algebra. What the library must agree with.
namespace icl::test::reference {

using Vector = std::vector<double>;

template <class T>
Vector widen(std::span<const T> x) {
  return {x.begin(), x.end()};
}
inline Vector widen(const Tensor& x) { return widen(x.values()); }

/// [x ; onehot(label)], label 0 has no hot entry; or [x ; label].
inline Vector token(std::span<const float> x, int label,
                    nn::LabelCode code = nn::LabelCode::onehot) {
  Vector t(x.begin(), x.end());
  if (code == nn::LabelCode::scalar) {
    t.push_back(label);
    return t;
  }
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

/// The target's item of sequence b.
inline Vector target_item(const Sample& sample, std::int64_t b) {
  return widen(sample.item(sample.batch.items.row(b)[sample.batch.length - 1]));
}

/// The weights of the N tokens of sequence b, the target's own last, where they do not depend on
/// scores: all zero where there is nothing to attend to.
inline Vector unlearned_weights(nn::Attending attending, const Sample& sample, std::int64_t b,
                                bool self) {
  const std::int64_t length = sample.batch.length;
  const std::int32_t* row = sample.batch.items.row(b);
  Vector a(static_cast<std::size_t>(length));
  double count = 0;
  for (std::int64_t j = 0; j < length; ++j) {
    const bool target = j + 1 == length;
    const bool attended = attending == nn::Attending::uniform ? !target || self
                          : attending == nn::Attending::copy  ? !target && row[j] == row[length - 1]
                                                              : false;
    count += a[static_cast<std::size_t>(j)] = attended ? 1 : 0;
  }
  for (double& x : a) x = count > 0 ? x / count : 0;
  return a;
}

struct Attention {
  Vector gain, bias, qkv;
  nn::LabelCode code = nn::LabelCode::onehot;

  /// W_q, W_k, W_v for which = 0, 1, 2.
  [[nodiscard]] std::span<const double> projection(std::size_t which) const {
    const std::size_t size = qkv.size() / 3;
    return std::span(qkv).subspan(which * size, size);
  }

  /// LayerNorm(token j of sequence b).
  [[nodiscard]] Vector normed(const Sample& sample, std::int64_t b, std::int64_t j) const {
    const std::int64_t k = sample.batch.items.row(b)[j];
    const bool target = j + 1 == sample.batch.length;
    Vector t = normalise(token(sample.item(k), target ? 0 : sample.labels[k], code));
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = gain[i] * t[i] + bias[i];
    return t;
  }

  /// h [X] = t_N + sum_j a_j v_j of sequence b, a_j = softmax_j(q_N . k_j) unless `attending` says
  /// otherwise.
  [[nodiscard]] Vector forward(const Sample& sample, std::int64_t b,
                               nn::Attending attending = nn::Attending::learned) const {
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
    const Vector a = attending == nn::Attending::learned
                         ? softmax(scores)
                         : unlearned_weights(attending, sample, b, true);
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
  [[nodiscard]] Vector outputs(const Vector& h) const {
    return affine(w3, b3, hidden2(hidden1(h)));
  }
  [[nodiscard]] double forward(const Vector& h) const { return outputs(h)[0]; }
};

/// The attention of the minimal model.
struct LabelAttention {
  double w = 0, beta = 0;
  bool self = false;

  /// The N weights: the target's own, the last, is zero unless it counts itself.
  [[nodiscard]] Vector weights(const Sample& sample, std::int64_t b,
                               nn::Attending attending) const {
    if (attending != nn::Attending::learned) {
      return unlearned_weights(attending, sample, b, self);
    }
    const std::int64_t context = sample.batch.length - 1;
    const std::int32_t* row = sample.batch.items.row(b);
    if (context == 0 && !self) return {0};
    const Vector target = target_item(sample, b);
    Vector scores;
    for (std::int64_t j = 0; j < context + (self ? 1 : 0); ++j) {
      scores.push_back(beta * dot(target, widen(sample.item(row[j]))));
    }
    Vector a = softmax(scores);
    if (!self) a.push_back(0);
    return a;
  }

  /// w sum_j a_j l_j of sequence b.
  [[nodiscard]] double forward(const Sample& sample, std::int64_t b,
                               nn::Attending attending) const {
    const Vector a = weights(sample, b, attending);
    double m = 0;
    for (std::int64_t j = 0; j + 1 < sample.batch.length; ++j) {
      m += a[static_cast<std::size_t>(j)] * sample.labels[sample.batch.items.row(b)[j]];
    }
    return w * m;
  }
};

}  // namespace icl::test::reference
