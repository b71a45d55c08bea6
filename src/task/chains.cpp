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
#include "icl/theory/chain_observers.hpp"

namespace icl::task {
namespace {

constexpr std::int64_t chains_tile = 16;

std::size_t count_of(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Numbers that a fresh chain takes: its matrix, its frequencies, and a copy of the matrix.
std::int64_t room_for_chain(std::int64_t symbols) { return (2 * symbols + 1) * symbols; }

/// ln g of g ~ Gamma(alpha), alpha > 0: g = v u^(1/alpha) with v ~ Gamma(alpha + 1), by the ratio
/// of uniforms (Cheng & Feast 1979, GKM1).
double log_gamma_variate(WordReader& words, double alpha) {
  const auto unit = [&] { return 1 - words.unit(); };  // in (0, 1]
  const double b = (alpha + 1 - 1 / (6 * (alpha + 1))) / alpha;
  const double m = 2 / alpha;
  const double log_power = math::log(unit()) / alpha;
  for (;;) {
    const double u = unit();
    const double v = b * unit() / u;
    const bool accepted =
        m * u - (m + 2) + v + 1 / v <= 0 || m * math::log(u) - math::log(v) + v - 1 <= 0;
    if (accepted) return math::log(alpha * v) + log_power;
  }
}

/// The number that a share `u` of [0, 1) falls on.
std::int32_t pick(std::span<const double> probabilities, double u) {
  double sum = 0;
  for (std::size_t s = 0; s + 1 < probabilities.size(); ++s) {
    sum += probabilities[s];
    if (u < sum) return static_cast<std::int32_t>(s);
  }
  return static_cast<std::int32_t>(probabilities.size() - 1);
}

double chain_bytes(const config::Config& config, std::int64_t width) {
  const auto symbols = static_cast<double>(config.data.D);
  return static_cast<double>(config.data.K.count()) *
         (symbols * (symbols + 1) * sizeof(double) +
          symbols * static_cast<double>(width) * sizeof(Real));
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
    .table_bytes = chain_bytes};

void draw_chain(const Stream& stream, double alpha, std::span<double> chain) {
  const auto symbols = static_cast<std::size_t>(std::sqrt(static_cast<double>(chain.size())));
  assert(symbols * symbols == chain.size());
  WordReader words(stream);
  for (std::size_t first = 0; first < chain.size(); first += symbols) {
    const auto row = chain.subspan(first, symbols);
    for (double& p : row) p = log_gamma_variate(words, alpha);
    const double greatest = *std::ranges::max_element(row);
    double sum = 0;
    for (double& p : row) sum += p = math::exp(p - greatest);
    constexpr double least = 1e-30;
    for (double& p : row) p = std::max(p / sum, least);
  }
}

ChainsTask::ChainsTask(const config::Config& config, const TokenEncoder& encoder,
                       const Workers& workers)
    : LatentTask(config),
      symbols_(config.data.D),
      concentration_(config.data.concentration.value_or(1)),
      width_(encoder.token_width()),
      tokens_{Tensor({symbols_, width_}), Tensor({symbols_, width_})} {
  std::vector<float> x(count_of(symbols_));
  for (std::int64_t s = 0; s < symbols_; ++s) {
    x[count_of(s)] = 1;
    encoder.encode(x, 0, tokens_.context.row(s));
    encoder.encode(x, 0, tokens_.target.row(s));
    x[count_of(s)] = 0;
  }
  if (config.data.K.is_infinite()) return;
  const std::size_t S = x.size();
  const std::int64_t count = config.data.K.count();
  chains_.resize(count_of(count) * S * S);
  frequencies_.resize(count_of(count) * S);
  rows_.context = Tensor({count * symbols_, width_});
  workers.for_tiles(count, chains_tile, [&](Tile some) {
    std::vector<double> scratch(S * S);
    std::vector<float> row(S);
    for (std::int64_t k = some.first; k < some.end(); ++k) {
      const auto chain = std::span(chains_).subspan(count_of(k) * S * S, S * S);
      draw_chain(Stream(static_cast<std::uint64_t>(seeds().items), Purpose::chain, 0,
                        static_cast<std::uint64_t>(k)),
                 concentration_, chain);
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
  Batch batch = room_for({shape.length, shape.dimension, shape.width, false}, capacity, storage);
  batch.fresh.drawn = BasicTensor<std::int32_t>({capacity, shape.length}, storage);
  batch.fresh.chain =
      BasicTensor<double>({(capacity + tile - 1) / tile, room_for_chain(shape.dimension)}, storage);
  return batch;
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
  const auto seed =
      static_cast<std::uint64_t>(derive_seed(rule.seed, static_cast<std::uint32_t>(rule.set)));
  const auto at_step = static_cast<std::uint64_t>(index);
  const Stream stream(seed, Purpose::chain_symbols, step, at_step);
  WordReader words(stream);
  std::int32_t number = -1;
  std::span<const double> chain;
  std::span<const double> frequencies;
  if (rule.fresh) {
    const std::span own(batch.fresh.chain.row(b / tile), count_of(room_for_chain(symbols_)));
    draw_chain(Stream(seed, Purpose::chain, step, at_step), concentration_, own.first(S * S));
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
  std::int32_t now = pick(frequencies, words.unit());
  for (std::int64_t j = 0; j < length(); ++j) {
    symbols[j] = now;
    batch.fresh.drawn.row(b)[j] = number;
    now = pick(chain.subspan(count_of(now) * S, S), words.unit());
  }
  batch.answer[b] = now + 1;
  for (std::int64_t j = 0; j + 1 < length(); ++j) {
    batch.copy.row(b)[j] = symbols[j] == symbols[length() - 1] ? 1 : 0;
  }
}

}  // namespace icl::task
