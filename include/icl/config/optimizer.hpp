#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace icl::config {

/// What keys, replays and predictions ask of an optimiser; never for it by name.
struct OptimizerTraits {
  bool remembers = false;         ///< something from step to step: weights alone are no whole state
  bool follows_gradient = false;  ///< its update is -rate times the gradient
};

/// The rules of updates, a row each: the word of train.optimizer, what the key's description says
/// of it, and its traits. From a row follow the enumerator, its word, and the declaration of
/// train::optimizer_rules::NAME, which src/train/optimizer/NAME.cpp defines: without that file the
/// program does not link.
// clang-format off: a row each
#define ICL_OPTIMIZERS(ROW)                                                                       \
  ROW(sgd, "Plain SGD", .follows_gradient = true)                                                 \
  ROW(adam, "Adam (Kingma & Ba 2015) with L2 as in torch.optim", .remembers = true)               \
  ROW(adamw, "AdamW (Loshchilov & Hutter 2019), whose decay is w <- w - rate*lambda*w beside it", \
      .remembers = true)
// clang-format on

#define ICL_ROW(name, ...) name,
enum class Optimizer : std::uint8_t { ICL_OPTIMIZERS(ICL_ROW) };
#undef ICL_ROW

#define ICL_ROW(name, ...) #name,
constexpr auto words(Optimizer /*type*/) {
  return std::to_array<std::string_view>({ICL_OPTIMIZERS(ICL_ROW)});
}
#undef ICL_ROW

#define ICL_ROW(name, doc, ...) OptimizerTraits{__VA_ARGS__},
[[nodiscard]] constexpr OptimizerTraits traits_of(Optimizer optimizer) {
  constexpr std::array all{ICL_OPTIMIZERS(ICL_ROW)};
  return all.at(static_cast<std::size_t>(optimizer));
}
#undef ICL_ROW

}  // namespace icl::config
