#include "icl/task/symbols.hpp"

#include <algorithm>
#include <vector>

#include "icl/core/math.hpp"

namespace icl::task {
namespace {

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

/// The S symbols, as context and as target.
TokenTable tokens_of_symbols(const TokenEncoder& encoder, std::int64_t symbols) {
  TokenTable tokens{Tensor({symbols, encoder.token_width()}),
                    Tensor({symbols, encoder.token_width()})};
  std::vector<float> x(static_cast<std::size_t>(symbols));
  for (std::int64_t s = 0; s < symbols; ++s) {
    float& entry = x[static_cast<std::size_t>(s)];
    entry = 1;
    encoder.encode(x, 0, tokens.context.row(s));
    encoder.encode(x, 0, tokens.target.row(s));
    entry = 0;
  }
  return tokens;
}

}  // namespace

void draw_dirichlet(WordReader& words, double alpha, std::span<double> p) {
  for (double& one : p) one = log_gamma_variate(words, alpha);
  const double greatest = *std::ranges::max_element(p);
  double sum = 0;
  for (double& one : p) sum += one = math::exp(one - greatest);
  constexpr double least = 1e-30;
  for (double& one : p) one = std::max(one / sum, least);
}

std::int32_t symbol_at(std::span<const double> p, double u) {
  double sum = 0;
  for (std::size_t s = 0; s + 1 < p.size(); ++s) {
    sum += p[s];
    if (u < sum) return static_cast<std::int32_t>(s);
  }
  return static_cast<std::int32_t>(p.size() - 1);
}

SymbolTask::SymbolTask(const config::Config& config, const TokenEncoder& encoder,
                       std::int64_t latent)
    : LatentTask(config),
      symbols_(config.data.D),
      latent_(latent),
      width_(encoder.token_width()),
      latents_(config.data.K.is_infinite() ? 0 : config.data.K.count()),
      concentration_(config.data.concentration.value_or(1)),
      tokens_(tokens_of_symbols(encoder, symbols_)) {}

Batch SymbolTask::room(const BatchShape& shape, std::int64_t latent, std::int64_t capacity,
                       Storage storage) {
  Batch batch = room_for({shape.length, shape.dimension, shape.width, false}, capacity, storage);
  batch.fresh.drawn = BasicTensor<std::int32_t>({capacity, shape.length}, storage);
  batch.fresh.latent = BasicTensor<double>({(capacity + tile - 1) / tile, latent}, storage);
  return batch;
}

double SymbolTask::token_bytes(std::int64_t symbols, std::int64_t width) {
  constexpr double tables = 2;
  return tables * static_cast<double>(symbols) * static_cast<double>(width) * sizeof(Real);
}

Batch SymbolTask::make_batch(std::int64_t capacity, Tokens /*tokens*/) const {
  return room({length(), symbols_, width_, false}, latent_, capacity);
}

void SymbolTask::show(std::span<const double> p, const TokenEncoder& encoder, Real* row) {
  std::vector<float> numbers(p.size());
  std::ranges::transform(p, numbers.begin(), [](double x) { return static_cast<float>(x); });
  encoder.encode(numbers, 0, row);
}

void SymbolTask::fill_one(const Rule& rule, std::uint64_t step, std::int64_t index, std::int64_t b,
                          Batch& batch) const {
  const Stream stream = stream_of_sequence(rule, step, index);
  WordReader words(stream);
  const std::int32_t k =
      rule.fresh ? -1
                 : static_cast<std::int32_t>(words.below(static_cast<std::uint32_t>(latents_)));
  const std::span scratch(batch.fresh.latent.row(b / tile), static_cast<std::size_t>(latent_));
  const std::span symbols(batch.items.row(b), static_cast<std::size_t>(length()));
  batch.answer[b] = draw(k, stream_of_fresh(rule, step, index), scratch, words, symbols) + 1;
  std::fill_n(batch.fresh.drawn.row(b), length(), k);
  for (std::int64_t j = 0; j + 1 < length(); ++j) {
    batch.copy.row(b)[j] = batch.items.row(b)[j] == symbols.back() ? 1 : 0;
  }
}

}  // namespace icl::task
