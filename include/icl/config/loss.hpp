#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "icl/core/enumeration.hpp"

namespace icl::config {

struct Config;

/// What is made of a model's outputs and of the answer.
enum class LossKind : std::uint8_t {
  logistic,       ///< ln(1 + e^(-y z)) of one logit z and a label y = -1 or +1
  cross_entropy,  ///< -ln p_y of L logits and a label y = 1 to L, p = softmax(z)
  squared,        ///< the mean of (z_p - v_p)^2 over P outputs z and the numbers v asked for
};

/// How a loss is spoken of.
struct LossRow {
  LossKind kind;
  std::string_view title;  ///< "mean TITLE of the training batches"
  std::string_view unit;
  bool judges;  ///< whether an answer is right or wrong: otherwise there is no accuracy
  std::string_view formula;  ///< of a sequence, of the outputs z
  std::string_view margin;   ///< nn::Loss::margin(), which grows as the answer gets likelier
};
inline constexpr std::array losses{
    LossRow{LossKind::logistic, "logistic loss", "nat", true, "softplus(-y z)", "y z"},
    LossRow{LossKind::cross_entropy, "cross-entropy loss", "nat", true, "-ln p_y, p = softmax(z)",
            "ln(p_y / (1 - p_y)), p = softmax(z)"},
    LossRow{LossKind::squared, "squared error", "1", false, "mean over outputs p of (z_p - v_p)^2",
            ""},
};
[[nodiscard]] constexpr const LossRow& row_of(LossKind kind) {
  return losses.at(static_cast<std::size_t>(kind));
}
static_assert(losses.size() == enumerator_count<LossKind>());
static_assert(row_of(LossKind::logistic).kind == LossKind::logistic &&
              row_of(LossKind::cross_entropy).kind == LossKind::cross_entropy &&
              row_of(LossKind::squared).kind == LossKind::squared);

/// What a run asks for: it follows from its data, so that no key names it.
struct Asked {
  LossKind loss = LossKind::logistic;
  std::int64_t outputs = 1;  ///< C: 1 of the logistic loss, L of cross entropy, P of squared error
  bool operator==(const Asked&) const = default;
};
[[nodiscard]] Asked asked_of(const Config&);

}  // namespace icl::config
