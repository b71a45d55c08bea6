#pragma once

#include <cstdint>
#include <span>

#include "icl/config/config.hpp"
#include "icl/core/batch.hpp"
#include "icl/core/random.hpp"
#include "icl/task/frequencies.hpp"
#include "icl/task/latent_task.hpp"

/// \file
/// What tasks share whose tokens are one of S symbols.

namespace icl::task {

/// p [S] from Dirichlet(alpha): g_s / sum of g, g_s ~ Gamma(alpha), of which none is below 1e-30,
/// so that every symbol comes some day. alpha from 0.01.
void draw_dirichlet(WordReader&, double alpha, std::span<double> p);

/// The symbol that a share `u` of [0, 1) falls on.
[[nodiscard]] std::int32_t symbol_at(std::span<const double> p, double u);

/// A task whose sequences are N of S = data.D symbols, drawn from a latent, and whose answer is the
/// symbol that comes next. Tokens are the symbols as one-hot vectors, with label 0.
class SymbolTask : public LatentTask {
 public:
  /// Room for batches, with scratch space for latents of so many numbers.
  [[nodiscard]] static Batch room(const BatchShape&, std::int64_t latent, std::int64_t capacity,
                                  Storage = {});
  /// The bytes that the tokens take, in rows of `width` numbers.
  [[nodiscard]] static double token_bytes(std::int64_t symbols, std::int64_t width);

  using Task::make_batch;
  [[nodiscard]] Batch make_batch(std::int64_t capacity, Tokens) const final;

 protected:
  /// Whose latents take so many numbers to draw. The encoder must outlive it.
  SymbolTask(const config::Config&, const TokenEncoder&, std::int64_t latent);

  [[nodiscard]] std::size_t symbols() const { return static_cast<std::size_t>(symbols_); }  ///< S
  [[nodiscard]] double concentration() const { return concentration_; }  ///< alpha
  /// Whether there are latents of the run, and how many.
  [[nodiscard]] std::int64_t latents() const { return latents_; }
  /// Probabilities [S] as a row of a table for people to look at.
  static void show(std::span<const double> p, const TokenEncoder&, Real* row);
  [[nodiscard]] std::int64_t width() const { return width_; }  ///< of an encoded token

 private:
  /// The symbols of a sequence [N], and what it returns: the one that comes next. Of latent k of
  /// the run; or, with k = -1, of one that it draws from `fresh` into `scratch`.
  virtual std::int32_t draw(std::int32_t k, const Stream& fresh, std::span<double> scratch,
                            WordReader& words, std::span<std::int32_t> symbols) const = 0;

  [[nodiscard]] const TokenTable& tokens(const Batch& /*batch*/) const final { return tokens_; }
  void fill_one(const Rule&, std::uint64_t step, std::int64_t index, std::int64_t b,
                Batch&) const final;

  std::int64_t symbols_, latent_, width_;
  std::int64_t latents_;  ///< K; 0 at K = infinity
  double concentration_;
  TokenTable tokens_;  ///< of each symbol
};

}  // namespace icl::task
