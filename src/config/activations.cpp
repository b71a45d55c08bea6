#include "icl/config/activations.hpp"

#include <algorithm>
#include <array>

namespace icl::config {
namespace {

constexpr std::array activations{
    ActivationRow{
        "logit", "logits", "", "logit",
        "z: of two signs the target's label is +1 where z > 0, of L labels that of the greatest",
        nullptr},
    ActivationRow{"attention", "attention", "position", "attention",
                  "weights of the target's attention, the target's own last",
                  &Capabilities::context},
    ActivationRow{"query", "query", "token", "query", "q of the target", &Capabilities::matrices},
    ActivationRow{"attended", "attended token", "token", "attended token",
                  "sum of the tokens that the target attends to, before W_v",
                  &Capabilities::gathers},
    ActivationRow{"mlp_input", "mlp input", "token", "MLP input",
                  "h, what the output MLP reads: target and what it attends to",
                  &Capabilities::mixes_paths},
    ActivationRow{"hidden_1", "mlp hidden 1", "hidden", "hidden layer 1",
                  "first hidden layer of the output MLP after its ReLU", nullptr},
    ActivationRow{"hidden_2", "mlp hidden 2", "hidden", "hidden layer 2",
                  "second hidden layer of the output MLP after its ReLU", nullptr},
};

}  // namespace

std::span<const ActivationRow> activation_rows() { return activations; }

std::vector<const ActivationRow*> activations_of(const Config& config) {
  std::vector<const ActivationRow*> asked;
  if (!config.record.activations) return asked;
  const auto& names = **config.record.activations;
  for (const ActivationRow& row : activations) {
    if (std::ranges::find(names, row.name) != names.end()) asked.push_back(&row);
  }
  return asked;
}

}  // namespace icl::config
