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
  const double tokens = SymbolTask::token_bytes(config.data.D, width);
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
  UrnObserver(config::ObserverName name, const std::vector<double>& urns, std::size_t symbols,
              double alpha)
      : name_(name), urns_(urns), symbols_(symbols), alpha_(alpha) {}

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
    .room =
        [](const config::Config& /*config*/, BatchShape shape, std::int64_t capacity,
           Storage storage) { return SymbolTask::room(shape, shape.dimension, capacity, storage); },
    .table_bytes = urn_bytes,
    .answer_bytes = urn_answer_bytes};

UrnsTask::UrnsTask(const config::Config& config, const TokenEncoder& encoder,
                   const Workers& workers)
    : SymbolTask(config, encoder, config.data.D),
      urns_(number_of(latents()) * symbols()),
      rows_{Tensor({latents(), width()}), {}} {
  workers.for_tiles(latents(), urns_tile, [&](Tile some) {
    for (std::int64_t k = some.first; k < some.end(); ++k) {
      const auto urn = std::span(urns_).subspan(number_of(k) * symbols(), symbols());
      const Stream stream = stream_of_latent(k);
      WordReader words(stream);
      draw_dirichlet(words, concentration(), urn);
      show(urn, encoder, rows_.context.row(k));
    }
  });
}

std::unique_ptr<IdealObserver> UrnsTask::observer(config::ObserverName name) const {
  const bool retrieves = name == config::ObserverName::retrieval;
  if (!retrieves && name != config::ObserverName::inference) return nullptr;
  if (retrieves && !traits().training_items) return nullptr;
  return std::make_unique<UrnObserver>(name, urns_, symbols(), concentration());
}

std::vector<Task::Table> UrnsTask::tables() const {
  if (!traits().training_items) return {};
  return {{"urns", &rows_}};
}

std::int32_t UrnsTask::draw(std::int32_t k, const Stream& fresh, std::span<double> scratch,
                            WordReader& words, std::span<std::int32_t> symbols) const {
  std::span<const double> urn = scratch;
  if (k < 0) {
    WordReader of_urn(fresh);
    draw_dirichlet(of_urn, concentration(), scratch);
  } else {
    urn = std::span(urns_).subspan(number_of(k) * scratch.size(), scratch.size());
  }
  for (std::int32_t& symbol : symbols) symbol = symbol_at(urn, words.unit());
  return symbol_at(urn, words.unit());
}

}  // namespace icl::task
