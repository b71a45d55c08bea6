#include "icl/theory/chain_observers.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

namespace icl::theory {
namespace {

std::size_t at(std::int32_t symbol) { return static_cast<std::size_t>(symbol); }

/// p(s) = (counts_s + alpha) / (all of them + S alpha).
void smoothed(std::span<const double> counts, double alpha, std::span<double> out) {
  double all = 0;
  for (const double n : counts) all += n + alpha;
  for (std::size_t s = 0; s < out.size(); ++s) out[s] = (counts[s] + alpha) / all;
}

/// What is left of equally likely hypotheses after each more symbol.
class Hypotheses {
 public:
  explicit Hypotheses(std::size_t count)
      : weights_(count, 1 / static_cast<double>(count)), next_(count) {}

  /// Each is `likelihood(k)` times as likely as before. Unchanged where all would be impossible.
  template <class Likelihood>
  void see(const Likelihood& likelihood) {
    double sum = 0;
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      next_[k] = weights_[k] * likelihood(k);
      sum += next_[k];
    }
    if (!(sum > 0)) return;
    for (std::size_t k = 0; k < weights_.size(); ++k) weights_[k] = next_[k] / sum;
  }

  /// out [S] = sum over k of p_k row(k) [S].
  template <class Row>
  void mix(const Row& row, std::span<double> out) const {
    std::ranges::fill(out, 0.0);
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      const std::span<const double> p = row(k);
      for (std::size_t s = 0; s < out.size(); ++s) out[s] += weights_[k] * p[s];
    }
  }

 private:
  std::vector<double> weights_;
  std::vector<double> next_;
};

/// The answers that are asked for, those of the last places: none of an earlier one.
class Answers {
 public:
  Answers(const ChainSequence& sequence, std::span<double> all)
      : all_(all),
        count_(sequence.count),
        first_(sequence.symbols.size() - all.size() / sequence.count) {
    assert(all.size() % sequence.count == 0 && all.size() / count_ <= sequence.symbols.size());
  }
  [[nodiscard]] bool asks(std::size_t i) const { return i >= first_; }
  [[nodiscard]] std::span<double> of(std::size_t i) const {
    return all_.subspan((i - first_) * count_, count_);
  }

 private:
  std::span<double> all_;
  std::size_t count_;
  std::size_t first_;
};

}  // namespace

void unigram(const ChainSequence& sequence, double alpha, std::span<double> probabilities) {
  const std::size_t S = sequence.count;
  const Answers answers(sequence, probabilities);
  assert(alpha > 0);
  std::vector<double> counts(S);
  for (std::size_t i = 0; i < sequence.symbols.size(); ++i) {
    counts[at(sequence.symbols[i])] += 1;
    if (answers.asks(i)) smoothed(counts, alpha, answers.of(i));
  }
}

void bigram(const ChainSequence& sequence, double alpha, std::span<double> probabilities) {
  const std::size_t S = sequence.count;
  const Answers answers(sequence, probabilities);
  assert(alpha > 0);
  std::vector<double> counts(S * S);
  for (std::size_t i = 0; i < sequence.symbols.size(); ++i) {
    const std::size_t now = at(sequence.symbols[i]);
    if (i > 0) counts[at(sequence.symbols[i - 1]) * S + now] += 1;
    if (answers.asks(i)) smoothed(std::span(counts).subspan(now * S, S), alpha, answers.of(i));
  }
}

void known_chains(const ChainSequence& sequence, std::span<const double> chains,
                  std::span<const double> starts, std::span<double> probabilities) {
  const std::size_t S = sequence.count;
  const Answers answers(sequence, probabilities);
  assert(starts.size() >= S && chains.size() == starts.size() * S);
  Hypotheses hypotheses(starts.size() / S);
  for (std::size_t i = 0; i < sequence.symbols.size(); ++i) {
    const std::size_t now = at(sequence.symbols[i]);
    if (i == 0) {
      hypotheses.see([&](std::size_t k) { return starts[k * S + now]; });
    } else {
      const std::size_t before = at(sequence.symbols[i - 1]);
      hypotheses.see([&](std::size_t k) { return chains[(k * S + before) * S + now]; });
    }
    if (!answers.asks(i)) continue;
    hypotheses.mix([&](std::size_t k) { return chains.subspan((k * S + now) * S, S); },
                   answers.of(i));
  }
}

void known_frequencies(const ChainSequence& sequence, std::span<const double> frequencies,
                       std::span<double> probabilities) {
  const std::size_t S = sequence.count;
  const Answers answers(sequence, probabilities);
  assert(frequencies.size() >= S);
  Hypotheses hypotheses(frequencies.size() / S);
  for (std::size_t i = 0; i < sequence.symbols.size(); ++i) {
    const std::size_t now = at(sequence.symbols[i]);
    hypotheses.see([&](std::size_t k) { return frequencies[k * S + now]; });
    if (!answers.asks(i)) continue;
    hypotheses.mix([&](std::size_t k) { return frequencies.subspan(k * S, S); }, answers.of(i));
  }
}

void stationary(std::span<const double> chain, std::span<double> scratch,
                std::span<double> frequencies) {
  const std::size_t count = frequencies.size();
  assert(count > 0 && chain.size() == count * count && scratch.size() == chain.size());
  const std::span<double> p = scratch;
  std::ranges::copy(chain, p.begin());
  // Symbol n is cut out: what led through it leads on at once.
  for (std::size_t n = count - 1; n > 0; --n) {
    double leaving = 0;
    for (std::size_t j = 0; j < n; ++j) leaving += p[n * count + j];
    for (std::size_t i = 0; i < n; ++i) {
      p[i * count + n] /= leaving;
      for (std::size_t j = 0; j < n; ++j) p[i * count + j] += p[i * count + n] * p[n * count + j];
    }
  }
  double sum = 1;
  frequencies[0] = 1;
  for (std::size_t n = 1; n < count; ++n) {
    frequencies[n] = 0;
    for (std::size_t i = 0; i < n; ++i) frequencies[n] += frequencies[i] * p[i * count + n];
    sum += frequencies[n];
  }
  for (double& f : frequencies) f /= sum;
}

}  // namespace icl::theory
