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
  const double tokens = SymbolTask::token_bytes(config.data.D, width);
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
  ChainObserver(config::ObserverName name, const ChainsTask& task, std::size_t symbols,
                double alpha)
      : name_(name), task_(task), symbols_(symbols), alpha_(alpha) {}

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
    .room =
        [](const config::Config& /*config*/, BatchShape shape, std::int64_t capacity,
           Storage storage) {
          return SymbolTask::room(shape, room_for_chain(shape.dimension), capacity, storage);
        },
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
    : SymbolTask(config, encoder, room_for_chain(config.data.D)),
      chains_(count_of(latents()) * symbols() * symbols()),
      frequencies_(count_of(latents()) * symbols()),
      rows_{Tensor({latents() * config.data.D, width()}), {}} {
  const std::size_t S = symbols();
  workers.for_tiles(latents(), chains_tile, [&](Tile some) {
    std::vector<double> scratch(S * S);
    for (std::int64_t k = some.first; k < some.end(); ++k) {
      const auto chain = std::span(chains_).subspan(count_of(k) * S * S, S * S);
      draw_chain(stream_of_latent(k), concentration(), chain);
      theory::stationary(chain, scratch, std::span(frequencies_).subspan(count_of(k) * S, S));
      const std::int64_t first = k * static_cast<std::int64_t>(S);
      for (std::size_t s = 0; s < S; ++s) {
        show(chain.subspan(s * S, S), encoder,
             rows_.context.row(first + static_cast<std::int64_t>(s)));
      }
    }
  });
}

std::unique_ptr<IdealObserver> ChainsTask::observer(config::ObserverName name) const {
  const bool retrieves = name == config::ObserverName::unigram_retrieval ||
                         name == config::ObserverName::bigram_retrieval;
  if (config::row_of(name).task != config::TaskKind::chains) return nullptr;
  if (retrieves && !traits().training_items) return nullptr;
  return std::make_unique<ChainObserver>(name, *this, symbols(), concentration());
}

std::vector<Task::Table> ChainsTask::tables() const {
  if (!traits().training_items) return {};
  return {{"chains", &rows_}};
}

std::int32_t ChainsTask::draw(std::int32_t k, const Stream& fresh, std::span<double> scratch,
                              WordReader& words, std::span<std::int32_t> symbols) const {
  const std::size_t S = this->symbols();
  std::span<const double> chain = scratch.first(S * S);
  std::span<const double> frequencies = scratch.subspan(S * S, S);
  if (k < 0) {
    draw_chain(fresh, concentration(), scratch.first(S * S));
    theory::stationary(chain, scratch.last(S * S), scratch.subspan(S * S, S));
  } else {
    chain = std::span(chains_).subspan(count_of(k) * S * S, S * S);
    frequencies = std::span(frequencies_).subspan(count_of(k) * S, S);
  }
  std::int32_t now = symbol_at(frequencies, words.unit());
  for (std::int32_t& symbol : symbols) {
    symbol = now;
    now = symbol_at(chain.subspan(count_of(now) * S, S), words.unit());
  }
  return now;
}

}  // namespace icl::task
