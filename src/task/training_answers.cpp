#include "icl/task/training_answers.hpp"

#include "icl/config/loss.hpp"
#include "icl/config/task.hpp"

namespace icl::task {

TrainingAnswers::TrainingAnswers(const config::Config& config, std::int64_t capacity,
                                 Storage storage)
    : every_(config::loss_at(config) == config::LossAt::every),
      symbols_(config::row_of(config::task_of(config)).symbols),
      numbers_(config::asked_of(config).loss == config::LossKind::squared),
      dimension_(config.data.D) {
  if (!every_) return;
  const std::int64_t length = config.data.N;
  if (numbers_) {
    values_ = Tensor({capacity * length, 1}, storage);
  } else {
    labels_ = BasicTensor<Label>({capacity, length}, storage);
  }
}

Answers TrainingAnswers::of(const Batch& batch) {
  if (!every_) return batch;
  for (std::int64_t b = 0; b < batch.size; ++b) write(batch, b);
  return {batch.size * batch.length, labels_.values(), values_};
}

void TrainingAnswers::write(const Batch& batch, std::int64_t b) {
  const std::int64_t last = batch.length - 1;
  const std::int32_t* items = batch.items.row(b);
  const auto beside = [&](std::int64_t j) {
    return batch.table->context.row(items[j])[dimension_];
  };
  if (numbers_) {
    Real* values = values_.row(b * batch.length);
    for (std::int64_t j = 0; j < last; ++j) values[j] = beside(j);
    values[last] = batch.value.row(b)[0];
    return;
  }
  Label* labels = labels_.row(b);
  for (std::int64_t j = 0; j < last; ++j) {
    labels[j] = symbols_ ? items[j + 1] + 1 : static_cast<Label>(beside(j));
  }
  labels[last] = batch.answer[b];
}

}  // namespace icl::task
