#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "icl/config/choice.hpp"
#include "icl/nn/parameter.hpp"

namespace icl::nn {

using config::LabelCode;

/// LayerNorm of a token [x ; onehot(label)] of X = D + 2 entries: t = g n + b (elementwise), with
/// n = (token - mean) / sqrt(variance + 1e-5), biased variance (torch.nn.LayerNorm(D + 2)).
///
/// n has no trained parameter, so it is computed once an item. Since the entries of n add up to
/// zero, D + 1 numbers hold it: the *reduced* row
///     r = [n_0 .. n_{D-1}, n_{D+1} - n_D],
/// one cache line of 64 floats times four at D = 63. The two maps between the forms are linear, n =
/// E r:
///     n_D = (-s - d) / 2,  n_{D+1} = (-s + d) / 2,  s = sum_{i<D} r_i,  d = r_D,
/// so v . n = (E^T v) . r, and sums of tokens may be taken over reduced rows. With the scalar label
/// code X = D + 1, and the reduced row is n itself.
class TokenNorm {
 public:
  static constexpr double epsilon = 1e-5;

  /// Parameters `name`.weight (gain, 1 at first) and `name`.bias (0 at first), [X].
  TokenNorm(const std::string& name, std::int64_t item_dimension,
            LabelCode code = LabelCode::onehot, Storage storage = {});

  [[nodiscard]] std::int64_t width() const { return gain.value.extent(0); }  ///< X
  [[nodiscard]] std::int64_t reduced_width() const;  ///< D + 1, padded to a multiple of simd::lanes

  /// The reduced row [W] of item x [D] with label -1 +1, or 0 for the target.
  void encode(std::span<const float> x, int label, Real* row) const;

  /// n [X] = E r.
  void expand(const Real* row, Real* n) const;
  /// r [W] = E^T v, for v [X]; the padding is zero.
  void reduce(const Real* v, Real* row) const;
  /// t [X] = g n + b.
  void affine(const Real* n, Real* t) const;

  Parameter gain;
  Parameter bias;

 private:
  void encode_scalar(std::span<const float> x, int label, Real* row) const;

  LabelCode code_;
};

}  // namespace icl::nn
