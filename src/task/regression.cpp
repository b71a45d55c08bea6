#include "icl/task/regression.hpp"

#include <cassert>

#include "icl/config/observers.hpp"
#include "icl/core/random.hpp"
#include "icl/task/frequencies.hpp"
#include "icl/task/registry.hpp"

namespace icl::task {
namespace {

constexpr std::int64_t task_tile = 256;

/// Normal variates of a sequence: w, and x and xi of each pair.
std::int64_t normals_of(std::int64_t length, std::int64_t dimension) {
  return dimension + length * (dimension + 1);
}

std::size_t size_of(std::int64_t i) { return static_cast<std::size_t>(i); }

double regression_bytes(const config::Config& config, std::int64_t width) {
  if (config.data.K.is_infinite()) return 0;
  const double observed = config::observers_of(config).empty() ? 0 : sizeof(double);
  return static_cast<double>(config.data.K.count()) *
         (static_cast<double>(config.data.D) * (sizeof(float) + observed) +
          static_cast<double>(width) * sizeof(Real));
}

/// The pairs and an answer to each; and a mean and covariance of w, or two numbers of each task.
double regression_answer_bytes(const config::Config& config, config::ObserverName name) {
  const auto d = static_cast<double>(config.data.D);
  const double pairs = static_cast<double>(config.data.N) * (d + 2);
  if (name == config::ObserverName::ridge) return (pairs + d * (d + 2)) * sizeof(double);
  if (name != config::ObserverName::dmmse || config.data.K.is_infinite()) return 0;
  return (pairs + 2 * static_cast<double>(config.data.K.count())) * sizeof(double);
}

}  // namespace

const TaskDefinition tasks::regression{
    .make = [](const config::Config& config, std::optional<GivenItems>&& /*given*/,
               const TokenEncoder& encoder, const Workers& workers) -> std::unique_ptr<Task> {
      return std::make_unique<RegressionTask>(config, encoder, workers);
    },
    .room =
        [](const config::Config& /*config*/, BatchShape shape, std::int64_t capacity,
           Storage storage) {
          shape.own_tokens = true;
          return RegressionTask::room(shape, capacity, storage);
        },
    .table_bytes = regression_bytes,
    .answer_bytes = regression_answer_bytes};

RegressionTask::RegressionTask(const config::Config& config, const TokenEncoder& encoder,
                               const Workers& workers)
    : LatentTask(config), encoder_(encoder), dimension_(config.data.D), noise_(config.data.noise) {
  if (config.data.K.is_infinite()) return;
  const std::int64_t count = config.data.K.count();
  weights_ = BasicTensor<float>({count, dimension_});
  tasks_.context = Tensor({count, encoder_.token_width()});
  workers.for_tiles(count, task_tile, [&](Tile some) {
    for (std::int64_t m = some.first; m < some.end(); ++m) {
      const std::span w(weights_.row(m), size_of(dimension_));
      Stream(static_cast<std::uint64_t>(seeds().items), Purpose::regression_task, 0,
             static_cast<std::uint64_t>(m))
          .normals(w);
      encoder_.encode(w, 0, tasks_.context.row(m));
    }
  });
}

Batch RegressionTask::room(const BatchShape& shape, std::int64_t capacity, Storage storage) {
  Batch batch = room_for(shape, capacity, storage);
  batch.value = Tensor({capacity, 1}, storage);
  batch.fresh.item = BasicTensor<float>(
      {(capacity + tile - 1) / tile, normals_of(shape.length, shape.dimension)}, storage);
  return batch;
}

Batch RegressionTask::make_batch(std::int64_t capacity, Tokens /*tokens*/) const {
  return room({length(), dimension_, encoder_.token_width(), true}, capacity);
}

std::vector<Task::Table> RegressionTask::tables() const {
  if (!traits().training_items) return {};
  return {{"tasks", &tasks_}};
}

void RegressionTask::fill_one(const Rule& rule, std::uint64_t step, std::int64_t index,
                              std::int64_t b, Batch& batch) const {
  const std::int64_t context = length() - 1;
  const auto at_step = static_cast<std::uint64_t>(index);
  const std::span numbers(batch.fresh.item.row(b / tile),
                          size_of(normals_of(length(), dimension_)));
  Stream(static_cast<std::uint64_t>(seed_of(rule)), Purpose::regression_numbers, step, at_step)
      .normals(numbers);
  const float* w = numbers.data();
  std::int32_t task = -1;
  if (!rule.fresh) {
    const Stream stream(static_cast<std::uint64_t>(rule.seed), rule.set, step, at_step);
    task = static_cast<std::int32_t>(
        WordReader(stream).below(static_cast<std::uint32_t>(weights_.extent(0))));
    w = weights_.row(task);
  }
  for (std::int64_t j = 0; j < length(); ++j) {
    const auto pair = numbers.subspan(size_of(dimension_ + j * (dimension_ + 1)));
    const auto x = pair.first(size_of(dimension_));
    double sum = noise_ * static_cast<double>(pair[x.size()]);
    for (std::size_t d = 0; d < x.size(); ++d) sum += static_cast<double>(w[d]) * x[d];
    const auto y = static_cast<float>(sum);  // as x is, in the double build too
    const bool is_target = j == context;
    const std::int64_t row = is_target ? b : b * context + j;
    TokenTable& tokens = batch.fresh.tokens;
    Real* token = is_target ? tokens.target.row(row) : tokens.context.row(row);
    encoder_.encode(x, 0, token);  // [x ; 0]
    if (is_target) {
      batch.value.row(b)[0] = y;
    } else {
      token[dimension_] = y;
      batch.copy.row(b)[j] = 0;
    }
    batch.items.row(b)[j] = static_cast<std::int32_t>(row);
    batch.fresh.drawn.row(b)[j] = task;
  }
}

}  // namespace icl::task
