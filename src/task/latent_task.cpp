#include "icl/task/latent_task.hpp"

#include <cassert>

namespace icl::task {
namespace {

std::uint64_t unsigned_of(std::int64_t i) { return static_cast<std::uint64_t>(i); }

}  // namespace

LatentTask::LatentTask(const config::Config& config)
    : traits_(traits_of(config)),
      length_(config.data.N),
      probe_sequences_(config.probe.sequences),
      seeds_(config) {}

Stream LatentTask::stream_of_latent(std::int64_t k) const {
  return {unsigned_of(seeds_.items), Purpose::latent, 0, unsigned_of(k)};
}

Stream LatentTask::stream_of_fresh(const Rule& rule, std::uint64_t step, std::int64_t index) {
  return {unsigned_of(seed_of(rule)), Purpose::latent, step, unsigned_of(index)};
}

Stream LatentTask::stream_of_sequence(const Rule& rule, std::uint64_t step, std::int64_t index) {
  return {unsigned_of(seed_of(rule)), Purpose::latent_sequence, step, unsigned_of(index)};
}

void LatentTask::training_batch(std::uint64_t step, std::int64_t size, Batch& batch,
                                const Workers& workers) const {
  fill({seeds_.data, Purpose::training_sequence, !traits_.training_items}, step, 0, size, batch,
       workers);
}

void LatentTask::evaluation_batch(std::size_t set, std::uint64_t step, std::int64_t first,
                                  std::int64_t size, Batch& batch, const Workers& workers) const {
  assert(has(set));
  const EvaluationSet& of = evaluation_sets.at(set);
  fill({seeds_.eval, of.sequences, of.items == Items::novel || !traits_.training_items}, step,
       first, size, batch, workers);
}

void LatentTask::probe_batch(std::uint64_t step, std::int64_t first, std::int64_t size,
                             [[maybe_unused]] CopyLabel label, Batch& batch,
                             const Workers& workers) const {
  assert(label == CopyLabel::its_own);
  fill({seeds_.eval, Purpose::probe_sequence, !traits_.training_items}, step, first, size, batch,
       workers);
}

void LatentTask::fill(const Rule& rule, std::uint64_t step, std::int64_t first, std::int64_t size,
                      Batch& batch, const Workers& workers) const {
  assert(size <= batch.items.extent(0) && batch.length == length_);
  batch.size = size;
  batch.table = &tokens(batch);
  workers.for_tiles(size, tile, [&](Tile some) {
    const auto time = workers.measure(Phase::sampling);
    for (std::int64_t b = some.first; b < some.end(); ++b) {
      fill_one(rule, step, first + b, b, batch);
    }
  });
}

}  // namespace icl::task
