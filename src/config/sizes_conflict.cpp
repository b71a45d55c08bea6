#include "conflicts.hpp"

#include <fmt/format.h>

#include <string_view>

#include "icl/config/steps.hpp"
#include "icl/config/system.hpp"

namespace icl::config {

std::optional<Conflict> in_sizes(const Config& c) {
  const Diversity K = c.data.K;
  const std::int64_t N = c.data.N;
  const bool context = row_of(c.model.system).has.context;
  if (!context && K.is_infinite()) {
    return Conflict{"data.K = inf leaves the system \"memoriser\" nothing to memorise",
                    {"data.K", "model.system"}};
  }
  if (context && row_of(task_of(c)).labels && !K.is_infinite() && K.count() < N) {
    return Conflict{fmt::format("data.K = {} must be at least data.N = {}, because IWL evaluation "
                                "draws N distinct items",
                                K.count(), N),
                    {"data.K", "data.N"}};
  }
  if (c.init.beta0 && N < 3) {
    return Conflict{
        "init.beta0 is about a copy beside other tokens of the context: data.N must be "
        "at least 3",
        {"init.beta0", "data.N"}};
  }
  // Each token of a fresh batch, and each of an evaluation's tokens, has a number of 31 and 32
  // bits.
  const bool fresh = (K.is_infinite() && !row_of(task_of(c)).symbols) || c.data.noise > 0 ||
                     c.data.novel || c.eval.set || row_of(task_of(c)).draws_tokens;
  if (fresh && N > (std::int64_t{1} << 31) / c.train.batch_size) {
    return Conflict{fmt::format("data.N = {} times train.batch_size = {} must be at most 2^31 "
                                "where every token is drawn anew",
                                N, c.train.batch_size),
                    {"data.N", "train.batch_size", "data.K", "data.noise"}};
  }
  struct Row {
    std::string_view key;
    std::int64_t sequences;
  };
  for (const Row& row :
       {Row{"eval.sequences", c.eval.sequences}, Row{"probe.sequences", c.probe.sequences}}) {
    if (!fresh || N * row.sequences <= std::int64_t{1} << 32) continue;
    return Conflict{fmt::format("data.N = {} times {} = {} must be at most 2^32 where every token "
                                "is drawn anew",
                                N, row.key, row.sequences),
                    {"data.N", row.key, "data.K", "data.noise"}};
  }
  return std::nullopt;
}

std::optional<Conflict> in_steps(const Config& c) {
  constexpr std::int64_t max_steps = (std::int64_t{1} << 32) - 1;
  if (c.train.epochs > max_steps / c.train.steps_per_epoch) {
    return Conflict{fmt::format("train.epochs = {} times train.steps_per_epoch = {} must be less "
                                "than 2^32 steps",
                                c.train.epochs, c.train.steps_per_epoch),
                    {"train.epochs", "train.steps_per_epoch"}};
  }
  if (c.train.warmup > last_step(c)) {
    return Conflict{
        fmt::format("train.warmup = {} is longer than the run of train.epochs = {} times "
                    "train.steps_per_epoch = {} steps",
                    c.train.warmup, c.train.epochs, c.train.steps_per_epoch),
        {"train.warmup", "train.epochs", "train.steps_per_epoch"}};
  }
  constexpr std::int64_t published_epoch = 60000;
  const std::int64_t steps = (published_epoch + c.train.batch_size - 1) / c.train.batch_size;
  struct Row {
    std::string_view key;
    bool set;
  };
  for (const Row& row : {Row{"compat.s4_epoch", c.compat.s4_epoch},
                         Row{"compat.short_last_batch", c.compat.short_last_batch}}) {
    if (!row.set || c.train.steps_per_epoch == steps) continue;
    return Conflict{
        fmt::format("{}: an epoch of {} sequences in batches of train.batch_size = {} "
                    "has train.steps_per_epoch = {}, not {}",
                    row.key, published_epoch, c.train.batch_size, steps, c.train.steps_per_epoch),
        {row.key, "train.steps_per_epoch", "train.batch_size"}};
  }
  return std::nullopt;
}

}  // namespace icl::config
