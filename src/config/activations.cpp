#include "icl/config/activations.hpp"

#include <algorithm>
#include <array>

namespace icl::config {
namespace {

bool in_each(const Capabilities& /*has*/) { return true; }
bool where_context(const Capabilities& has) { return has.context; }
bool where_matrices(const Capabilities& has) { return has.matrices; }
bool where_tokens(const Capabilities& has) { return has.mixes_paths; }

constexpr std::array activations{
    ActivationRow{"logit", "logits", "", "logit", "z, the target's label is +1 where z > 0",
                  in_each},
    ActivationRow{"attention", "attention", "position", "attention",
                  "weights of the target's attention, the target's own last", where_context},
    ActivationRow{"query", "query", "token", "query", "q of the target", where_matrices},
    ActivationRow{"attended", "attended token", "token", "attended token",
                  "sum of the tokens that the target attends to, before W_v", where_tokens},
    ActivationRow{"mlp_input", "mlp input", "token", "MLP input",
                  "h, what the output MLP reads: target and what it attends to", where_tokens},
    ActivationRow{"hidden_1", "mlp hidden 1", "hidden", "hidden layer 1",
                  "first hidden layer of the output MLP after its ReLU", in_each},
    ActivationRow{"hidden_2", "mlp hidden 2", "hidden", "hidden layer 2",
                  "second hidden layer of the output MLP after its ReLU", in_each},
};

}  // namespace

std::span<const ActivationRow> activation_rows() { return activations; }

std::vector<std::string_view> split_words(std::string_view text) {
  constexpr std::string_view blanks = " ,";
  std::vector<std::string_view> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    if (text.empty()) return words;
    words.push_back(text.substr(0, text.find_first_of(blanks)));
    text.remove_prefix(words.back().size());
  }
}

std::vector<const ActivationRow*> activations_of(const Config& config) {
  std::vector<const ActivationRow*> asked;
  if (!config.record.activations) return asked;
  const auto words = split_words(*config.record.activations);
  for (const ActivationRow& row : activations) {
    if (std::ranges::find(words, row.name) != words.end()) asked.push_back(&row);
  }
  return asked;
}

}  // namespace icl::config
