#include "icl/train/state.hpp"

#include "icl/nn/parameter.hpp"

namespace icl::train {

Score training_score(const Progress& progress) {
  const auto count = static_cast<double>(progress.train_answers);
  return {progress.train_loss / count, static_cast<double>(progress.train_correct) / count};
}

Values copy_values(std::span<const nn::Parameter* const> parameters) {
  Values values;
  values.reserve(parameters.size());
  for (const nn::Parameter* p : parameters) {
    values.emplace_back(p->value.values().begin(), p->value.values().end());
  }
  return values;
}

}  // namespace icl::train
