#include "icl/run/numerics.hpp"

#include <algorithm>
#include <array>

namespace icl::run {
namespace {

bool merges_queries_and_keys(const config::Config& c) {
  if (c.model.system != config::System::blocks) return false;
  const config::BlocksShape s = config::blocks_shape(c);
  const bool all_attend = s.n_layers > 1 || config::loss_at(c) == config::LossAt::every;
  return all_attend && s.merges_queries_and_keys;
}

constexpr std::array table{
    NumericsChange{2, [](const config::Config&) { return true; },
                   "the order of sums, biases and normalisation"},
    NumericsChange{3, [](const config::Config& c) { return c.data.zipf > 0; },
                   "the weights of data.zipf are computed without the C library"},
    NumericsChange{4, [](const config::Config& c) { return c.eval.refine; },
                   "eval.refine finds the first step above the threshold, not a crossing"},
    NumericsChange{5, [](const config::Config& c) { return c.compat.item_seeds; },
                   "compat.item_seeds shares the items and no longer the labels"},
    NumericsChange{6,
                   [](const config::Config& c) {
                     const config::TaskKind task = config::task_of(c);  // of those there were
                     return c.record.observers && (task == config::TaskKind::labels ||
                                                   task == config::TaskKind::regression);
                   },
                   "the ideal observers are computed without the C library's exp and log"},
    NumericsChange{7, merges_queries_and_keys,
                   "one head's products with W_q and W_k are one product with W_q^T W_k"},
};

}  // namespace

std::span<const NumericsChange> numerics_changes() { return table; }

std::int64_t numerics_version(const config::Config& config) {
  std::int64_t version = 0;
  for (const NumericsChange& change : table) {
    if (change.touches(config)) version = std::max(version, change.version);
  }
  return version;
}

std::string changes_since(std::int64_t version, const config::Config& config) {
  std::string all;
  for (const NumericsChange& change : table) {
    if (change.version <= version || !change.touches(config)) continue;
    all += (all.empty() ? "" : "; ") + std::string(change.what);
  }
  return all;
}

}  // namespace icl::run
