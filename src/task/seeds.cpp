#include "icl/task/seeds.hpp"

#include "icl/core/random.hpp"

namespace icl::task {
namespace {

/// Part of the numerics: never renumber.
enum class Which : std::uint32_t { init, items, data, eval, probe };

std::int64_t seed_or_derived(const std::optional<std::int64_t>& given, std::int64_t seed,
                             Which which) {
  return given ? *given : derive_seed(seed, static_cast<std::uint32_t>(which));
}

}  // namespace

Seeds::Seeds(const config::Config& c)
    : init(seed_or_derived(c.seed.init, c.train.seed, Which::init)),
      items(seed_or_derived(c.seed.items, c.compat.item_seeds ? 0 : c.train.seed, Which::items)),
      labels(c.seed.labels.value_or(
          c.compat.item_seeds ? seed_or_derived({}, c.train.seed, Which::items) : items)),
      novel(c.seed.novel.value_or(items)),
      data(seed_or_derived(c.seed.data, c.train.seed, Which::data)),
      eval(seed_or_derived(c.seed.eval, c.train.seed, Which::eval)),
      probe(seed_or_derived(c.seed.probe, c.train.seed, Which::probe)) {}

}  // namespace icl::task
