#include "icl/task/urns.hpp"

#include <algorithm>
#include <cassert>

#include "icl/config/observers.hpp"
#include "icl/core/math.hpp"
#include "icl/core/random.hpp"
#include "icl/task/frequencies.hpp"
#include "icl/task/ideal_observer.hpp"
#include "icl/task/registry.hpp"
#include "icl/task/symbols.hpp"
#include "icl/theory/chain_observers.hpp"

namespace icl::task {
namespace {

constexpr std::int64_t urns_tile = 256;

std::size_t number_of(std::int64_t i) { return static_cast<std::size_t>(i); }

double urn_bytes(const config::Config& config, std::int64_t width) {
  const double tokens = bytes_of_symbols(config.data.D, width);
  if (config.data.K.is_infinite()) return tokens;
  return tokens + static_cast<double>(config.data.K.count()) *
                      (static_cast<double>(config.data.D) * sizeof(double) +
                       static_cast<double>(width) * sizeof(Real));
}

/// Counts of symbols; or a probability of each urn, before and after.
double urn_answer_bytes(const config::Config& config, config::ObserverName name) {
  if (name == config::ObserverName::inference) {
    return static_cast<double>(config.data.D) * sizeof(double);
  }
  if (name != config::ObserverName::retrieval || config.data.K.is_infinite()) return 0;
  return 2 * static_cast<double>(config.data.K.count()) * sizeof(double);
}

/// Who counts, and who knows the K urns: the order of the symbols tells neither of them anything.
class UrnObserver final : public IdealObserver {
 public:
  UrnObserver(config::ObserverName name, const std::vector<double>& urns, std::int64_t symbols,
              double alpha)
      : name_(name), urns_(urns), symbols_(number_of(symbols)), alpha_(alpha) {}

  void answer(const Batch& batch, std::int64_t b, std::span<double> out) const override {
    const theory::ChainSequence draws{{batch.items.row(b), number_of(batch.length)}, symbols_};
    if (name_ == config::ObserverName::inference) {
      theory::unigram(draws, alpha_, out);
    } else {
      theory::known_frequencies(draws, urns_, out);
    }
    for (double& p : out) p = math::log(p);
  }

 private:
  config::ObserverName name_;
  const std::vector<double>& urns_;
  std::size_t symbols_;
  double alpha_;
};

}  // namespace

const TaskDefinition tasks::urns{
    .make = [](const config::Config& config, std::optional<GivenItems>&& /*given*/,
               const TokenEncoder& encoder, const Workers& workers) -> std::unique_ptr<Task> {
      return std::make_unique<UrnsTask>(config, encoder, workers);
    },
    .room = [](const config::Config& /*config*/, BatchShape shape, std::int64_t capacity,
               Storage storage) { return UrnsTask::room(shape, capacity, storage); },
    .table_bytes = urn_bytes,
    .answer_bytes = urn_answer_bytes};

UrnsTask::UrnsTask(const config::Config& config, const TokenEncoder& encoder,
                   const Workers& workers)
    : LatentTask(config),
      symbols_(config.data.D),
      concentration_(config.data.concentration.value_or(1)),
      width_(encoder.token_width()),
      tokens_(tokens_of_symbols(encoder, symbols_)) {
  if (config.data.K.is_infinite()) return;
  const std::size_t S = number_of(symbols_);
  const std::int64_t count = config.data.K.count();
  urns_.resize(number_of(count) * S);
  rows_.context = Tensor({count, width_});
  workers.for_tiles(count, urns_tile, [&](Tile some) {
    std::vector<float> row(S);
    for (std::int64_t k = some.first; k < some.end(); ++k) {
      const auto urn = std::span(urns_).subspan(number_of(k) * S, S);
      const Stream stream = stream_of_latent(k);
      WordReader words(stream);
      draw_dirichlet(words, concentration_, urn);
      std::ranges::transform(urn, row.begin(), [](double p) { return static_cast<float>(p); });
      encoder.encode(row, 0, rows_.context.row(k));
    }
  });
}

Batch UrnsTask::room(const BatchShape& shape, std::int64_t capacity, Storage storage) {
  return room_for_symbols(shape, shape.dimension, tile, capacity, storage);
}

Batch UrnsTask::make_batch(std::int64_t capacity, Tokens /*tokens*/) const {
  return room({length(), symbols_, width_, false}, capacity);
}

std::unique_ptr<IdealObserver> UrnsTask::observer(config::ObserverName name) const {
  const bool retrieves = name == config::ObserverName::retrieval;
  if (!retrieves && name != config::ObserverName::inference) return nullptr;
  if (retrieves && !traits().training_items) return nullptr;
  return std::make_unique<UrnObserver>(name, urns_, symbols_, concentration_);
}

std::vector<Task::Table> UrnsTask::tables() const {
  if (!traits().training_items) return {};
  return {{"urns", &rows_}};
}

void UrnsTask::fill_one(const Rule& rule, std::uint64_t step, std::int64_t index, std::int64_t b,
                        Batch& batch) const {
  const std::size_t S = number_of(symbols_);
  const Stream stream = stream_of_sequence(rule, step, index);
  WordReader words(stream);
  std::int32_t number = -1;
  std::span<double> own(batch.fresh.latent.row(b / tile), S);
  std::span<const double> urn = own;
  if (rule.fresh) {
    const Stream of_urn = stream_of_fresh(rule, step, index);
    WordReader urn_words(of_urn);
    draw_dirichlet(urn_words, concentration_, own);
  } else {
    number = static_cast<std::int32_t>(words.below(static_cast<std::uint32_t>(urns_.size() / S)));
    urn = std::span(urns_).subspan(number_of(number) * S, S);
  }
  std::int32_t* symbols = batch.items.row(b);
  for (std::int64_t j = 0; j < length(); ++j) {
    symbols[j] = symbol_at(urn, words.unit());
    batch.fresh.drawn.row(b)[j] = number;
  }
  batch.answer[b] = symbol_at(urn, words.unit()) + 1;
  for (std::int64_t j = 0; j + 1 < length(); ++j) {
    batch.copy.row(b)[j] = symbols[j] == symbols[length() - 1] ? 1 : 0;
  }
}

}  // namespace icl::task
