#include "icl/task/chains.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

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

constexpr std::int64_t chains_tile = 16;

std::size_t count_of(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Numbers that a fresh chain takes: its matrix, its frequencies, and a copy of the matrix.
std::int64_t room_for_chain(std::int64_t symbols) { return (2 * symbols + 1) * symbols; }

double chain_bytes(const config::Config& config, std::int64_t width) {
  const auto symbols = static_cast<double>(config.data.D);
  const double tokens = bytes_of_symbols(config.data.D, width);
  if (config.data.K.is_infinite()) return tokens;
  return tokens + static_cast<double>(config.data.K.count()) *
                      (symbols * (symbols + 1) * sizeof(double) +
                       symbols * static_cast<double>(width) * sizeof(Real));
}

/// Counts of symbols or of transitions; or a probability of each chain, before and after.
double chain_answer_bytes(const config::Config& config, config::ObserverName name) {
  const auto symbols = static_cast<double>(config.data.D);
  const double chains =
      config.data.K.is_infinite() ? 0 : static_cast<double>(config.data.K.count());
  switch (name) {
    case config::ObserverName::unigram_inference:
      return symbols * sizeof(double);
    case config::ObserverName::bigram_inference:
      return symbols * symbols * sizeof(double);
    case config::ObserverName::unigram_retrieval:
    case config::ObserverName::bigram_retrieval:
      return 2 * chains * sizeof(double);
    default:
      return 0;
  }
}

/// One of the four algorithms, of the symbols of a sequence.
class ChainObserver final : public IdealObserver {
 public:
  ChainObserver(config::ObserverName name, const ChainsTask& task, std::int64_t symbols,
                double alpha)
      : name_(name), task_(task), symbols_(count_of(symbols)), alpha_(alpha) {}

  void answer(const Batch& batch, std::int64_t b, std::span<double> out) const override {
    const theory::ChainSequence sequence{{batch.items.row(b), count_of(batch.length)}, symbols_};
    switch (name_) {
      case config::ObserverName::unigram_inference:
        theory::unigram(sequence, alpha_, out);
        break;
      case config::ObserverName::bigram_inference:
        theory::bigram(sequence, alpha_, out);
        break;
      case config::ObserverName::unigram_retrieval:
        theory::known_frequencies(sequence, task_.frequencies(), out);
        break;
      case config::ObserverName::bigram_retrieval:
        theory::known_chains(sequence, task_.chains(), task_.frequencies(), out);
        break;
      default:
        assert(false);
    }
    for (double& p : out) p = math::log(p);
  }

 private:
  config::ObserverName name_;
  const ChainsTask& task_;
  std::size_t symbols_;
  double alpha_;
};

}  // namespace

const TaskDefinition tasks::chains{
    .make = [](const config::Config& config, std::optional<GivenItems>&& /*given*/,
               const TokenEncoder& encoder, const Workers& workers) -> std::unique_ptr<Task> {
      return std::make_unique<ChainsTask>(config, encoder, workers);
    },
    .room = [](const config::Config& /*config*/, BatchShape shape, std::int64_t capacity,
               Storage storage) { return ChainsTask::room(shape, capacity, storage); },
    .table_bytes = chain_bytes,
    .answer_bytes = chain_answer_bytes};

void draw_chain(const Stream& stream, double alpha, std::span<double> chain) {
  const auto symbols = static_cast<std::size_t>(std::sqrt(static_cast<double>(chain.size())));
  assert(symbols * symbols == chain.size());
  WordReader words(stream);
  for (std::size_t first = 0; first < chain.size(); first += symbols) {
    draw_dirichlet(words, alpha, chain.subspan(first, symbols));
  }
}

ChainsTask::ChainsTask(const config::Config& config, const TokenEncoder& encoder,
                       const Workers& workers)
    : LatentTask(config),
      symbols_(config.data.D),
      concentration_(config.data.concentration.value_or(1)),
      width_(encoder.token_width()),
      tokens_(tokens_of_symbols(encoder, symbols_)) {
  if (config.data.K.is_infinite()) return;
  const std::size_t S = count_of(symbols_);
  const std::int64_t count = config.data.K.count();
  chains_.resize(count_of(count) * S * S);
  frequencies_.resize(count_of(count) * S);
  rows_.context = Tensor({count * symbols_, width_});
  workers.for_tiles(count, chains_tile, [&](Tile some) {
    std::vector<double> scratch(S * S);
    std::vector<float> row(S);
    for (std::int64_t k = some.first; k < some.end(); ++k) {
      const auto chain = std::span(chains_).subspan(count_of(k) * S * S, S * S);
      draw_chain(stream_of_latent(k), concentration_, chain);
      theory::stationary(chain, scratch, std::span(frequencies_).subspan(count_of(k) * S, S));
      for (std::size_t s = 0; s < S; ++s) {
        std::ranges::transform(chain.subspan(s * S, S), row.begin(),
                               [](double p) { return static_cast<float>(p); });
        encoder.encode(row, 0, rows_.context.row(k * symbols_ + static_cast<std::int64_t>(s)));
      }
    }
  });
}

Batch ChainsTask::room(const BatchShape& shape, std::int64_t capacity, Storage storage) {
  return room_for_symbols(shape, room_for_chain(shape.dimension), tile, capacity, storage);
}

Batch ChainsTask::make_batch(std::int64_t capacity, Tokens /*tokens*/) const {
  return room({length(), symbols_, width_, false}, capacity);
}

std::unique_ptr<IdealObserver> ChainsTask::observer(config::ObserverName name) const {
  const bool retrieves = name == config::ObserverName::unigram_retrieval ||
                         name == config::ObserverName::bigram_retrieval;
  if (config::row_of(name).task != config::TaskKind::chains) return nullptr;
  if (retrieves && !traits().training_items) return nullptr;
  return std::make_unique<ChainObserver>(name, *this, symbols_, concentration_);
}

std::vector<Task::Table> ChainsTask::tables() const {
  if (!traits().training_items) return {};
  return {{"chains", &rows_}};
}

void ChainsTask::fill_one(const Rule& rule, std::uint64_t step, std::int64_t index, std::int64_t b,
                          Batch& batch) const {
  const std::size_t S = count_of(symbols_);
  const Stream stream = stream_of_sequence(rule, step, index);
  WordReader words(stream);
  std::int32_t number = -1;
  std::span<const double> chain;
  std::span<const double> frequencies;
  if (rule.fresh) {
    const std::span own(batch.fresh.latent.row(b / tile), count_of(room_for_chain(symbols_)));
    draw_chain(stream_of_fresh(rule, step, index), concentration_, own.first(S * S));
    theory::stationary(own.first(S * S), own.last(S * S), own.subspan(S * S, S));
    chain = own.first(S * S);
    frequencies = own.subspan(S * S, S);
  } else {
    number =
        static_cast<std::int32_t>(words.below(static_cast<std::uint32_t>(frequencies_.size() / S)));
    chain = std::span(chains_).subspan(count_of(number) * S * S, S * S);
    frequencies = std::span(frequencies_).subspan(count_of(number) * S, S);
  }
  std::int32_t* symbols = batch.items.row(b);
  std::int32_t now = symbol_at(frequencies, words.unit());
  for (std::int64_t j = 0; j < length(); ++j) {
    symbols[j] = now;
    batch.fresh.drawn.row(b)[j] = number;
    now = symbol_at(chain.subspan(count_of(now) * S, S), words.unit());
  }
  batch.answer[b] = now + 1;
  for (std::int64_t j = 0; j + 1 < length(); ++j) {
    batch.copy.row(b)[j] = symbols[j] == symbols[length() - 1] ? 1 : 0;
  }
}

}  // namespace icl::task
