#include "icl/run/footprint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "icl/core/blas_room.hpp"
#include "icl/core/error.hpp"
#include "icl/core/simd.hpp"
#include "icl/train/evaluator.hpp"
#include "icl/train/initial_beta.hpp"
#include "sizes.hpp"

namespace icl::run {
namespace {

/// Code and data of the program and its libraries.
constexpr double program_bytes = 15e6;
/// What OpenBLAS packs matrices into, for each thread that calls it.
constexpr double blas_bytes = 4e6;

constexpr const char* of_parameters = "model.hidden, model.layers, data.D";
constexpr const char* of_items = "data.K, data.D, data.items";
constexpr const char* of_snapshots =
    "record.snapshots, record.snapshot_every, record.snapshot_steps, model.hidden";
constexpr const char* of_planned =
    "record.snapshots, record.snapshot_every, record.snapshot_steps, record.optimizer, "
    "record.activations, model.hidden";

/// The keys that say how large a training batch is.
const char* of_batch(const config::Config& config) {
  return config::loss_at(config) == config::LossAt::every
             ? "train.batch_size, train.loss_at, data.N, blocks.n_heads, blocks.d_model, data.D"
             : "train.batch_size, data.N, model.hidden, data.D";
}

/// A model, its items and what trains it.
Footprint trainer_parts(const config::Config& config, const Sizes& sizes, int threads) {
  Footprint parts{
      {"program", program_bytes + threads * blas_bytes, "--threads",
       address_space_of_threads(threads)},
      {"items", sizes.items(sizes.token_width()), of_items},
      {"parameters", sizes.parameters(), of_parameters},
      {"training batch", sizes.training_pass(), of_batch(config)},
      {"evaluation", sizes.pass(std::min(train::Evaluator::chunk, config.eval.sequences), false),
       "data.N, model.hidden, data.D"},
      {"observers", sizes.observers(threads),
       "record.observers, data.K, data.N, data.D, --threads"},
      {"initial beta", config.init.beta0 ? sizes.pass(train::InitialBeta::chunk, false) : 0,
       "init.beta0, data.N, model.hidden, data.D"},
      {"probes", sizes.probes(), "probe.sequences, probe.record, data.N, model.hidden"},
      {"optimiser", sizes.optimiser(), "train.optimizer, train.clip_norm, model.hidden"},
      {"fixed set", sizes.fixed_set(),
       "record.probe_set, record.activations, data.N, model.hidden"},
      {"refining", sizes.kept_for_refining(), "eval.refine, model.hidden"},
  };
  return parts;
}

void add_publication(Footprint& parts, const Sizes& sizes, double images) {
  parts.push_back({"snapshots and metrics", sizes.record(), of_snapshots});
  parts.push_back({"state", sizes.state(), of_parameters});
  parts.push_back({"file as published", images * (sizes.record() + sizes.state()), of_snapshots});
}

Footprint without_empty(Footprint parts) {
  std::erase_if(parts, [](const MemoryPart& part) { return part.bytes <= 0; });
  return parts;
}

}  // namespace

double bytes_of_snapshot(const config::Config& config) { return Sizes(config).snapshot(); }

double bytes_of(const Footprint& parts) {
  double sum = 0;
  for (const MemoryPart& part : parts) sum += part.bytes;
  return sum;
}

std::string largest_parts(Footprint sorted, bool with_reserved) {
  for (MemoryPart& part : sorted) part.bytes += with_reserved ? part.reserved : 0;
  const double all = bytes_of(sorted);
  std::ranges::stable_sort(sorted, std::greater{}, &MemoryPart::bytes);
  constexpr double least_share = 0.1;
  constexpr std::size_t most = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i) {
    if (i > 0 && sorted[i].bytes < least_share * all) break;
    text += fmt::format("{}{} {} ({})", i > 0 ? "; " : "", sorted[i].what,
                        bytes_text(sorted[i].bytes), sorted[i].keys);
  }
  return text;
}

Footprint footprint_of_training(const config::Config& config, int threads) {
  const Sizes sizes(config);
  Footprint parts = trainer_parts(config, sizes, threads);
  add_publication(parts, sizes, image_and_copy);
  return without_empty(std::move(parts));
}

Footprint footprint_of_verifying(const config::Config& config, int threads) {
  const Sizes sizes(config);
  Footprint parts = trainer_parts(config, sizes, threads);
  parts.push_back({"recorded run", sizes.record() + sizes.state(), of_snapshots});
  add_publication(parts, sizes, image_and_copy + 1);  // the other file, to compare it with
  return without_empty(std::move(parts));
}

Footprint footprint_of_replaying(const config::Config& config, int threads) {
  const Sizes sizes(config);
  Footprint parts = trainer_parts(config, sizes, threads);
  parts.push_back({"recorded run", sizes.record() + sizes.state(), of_snapshots});
  return without_empty(std::move(parts));
}

Footprint footprint_of_branching(const config::Config& config, int threads) {
  const Sizes sizes(config);
  Footprint parts = footprint_of_training(config, threads);
  constexpr double states = 2 + image_and_copy;  // where it begins: at hand, recorded, published
  parts.push_back({"parent", sizes.record() + states * sizes.state(), of_snapshots});
  return without_empty(std::move(parts));
}

Footprint footprint_of_lengthening(const config::Config& recorded, const config::Config& longer,
                                   std::int64_t step, int threads) {
  const Sizes sizes(recorded);
  Footprint parts = trainer_parts(recorded, sizes, threads);
  parts.push_back({"recorded run", sizes.record() + sizes.snapshot(), of_snapshots});
  // What the longer run would have recorded up to there, beside what this one has.
  parts.push_back({"planned snapshots", Sizes(longer).snapshots_to(step), of_planned});
  constexpr double states = 3;  // recorded or where a branch began, restored, and the result
  parts.push_back({"state", states * sizes.state(), of_parameters});
  return without_empty(std::move(parts));
}

Footprint footprint_of_exporting(const config::Config& config, const ExportRequest& request,
                                 int threads) {
  const Sizes sizes(config);
  const std::int64_t width = simd::padded(config.data.D + 1);
  const auto set = [&](const std::vector<std::int64_t>& steps, std::int64_t sequences,
                       double kinds) {
    if (steps.empty()) return 0.0;
    const double tokens = static_cast<double>(sequences) * static_cast<double>(config.data.N);
    constexpr double numbers_of_a_token = 4 + 4 + 1;  // its item, its label, chain or y, and copy
    const double stored =
        tokens * (static_cast<double>(config.data.D) * sizeof(float) + numbers_of_a_token);
    // A set is written before the next one is drawn; in the image, and its copy, all of them lie.
    return sizes.batch(sequences, width, false) +
           (1 + image_and_copy * kinds) * static_cast<double>(steps.size()) * stored;
  };
  const bool draws = request.items || !request.batches.empty() || !request.evaluations.empty() ||
                     !request.probes.empty();
  const double items = draws ? sizes.items(width) : 0;
  const auto evaluations = static_cast<double>(task::sets_of(config).size());
  // Weights are trained again for the parameters alone.
  config::Config plain = config;
  plain.record.activations.reset();
  Footprint parts = threads > 0 ? trainer_parts(plain, Sizes(plain), threads)
                                : Footprint{{"program", program_bytes, ""}};
  const auto steps = static_cast<double>(request.weights.size());
  parts.insert(parts.end(),
               {
                   {"recorded run", sizes.record() + sizes.state(), of_snapshots},
                   {"items", items * (request.items ? 1 + image_and_copy / 2 : 1), of_items},
                   {"batches", set(request.batches, config.train.batch_size, 1),
                    "--batch, train.batch_size, data.N, data.D"},
                   {"evaluations", set(request.evaluations, config.eval.sequences, evaluations),
                    "--evaluation, eval.sequences, data.N, data.D"},
                   {"probe sequences", set(request.probes, config.probe.sequences, 1),
                    "--probe, probe.sequences, data.N, data.D"},
                   {"weights", (1 + image_and_copy) * steps * sizes.parameters(),
                    "--weights, model.hidden, model.layers, data.D"},
               });
  return without_empty(std::move(parts));
}

std::optional<Shortage> shortage_of(const Footprint& parts,
                                    const std::vector<MemoryBound>& bounds) {
  const double used = bytes_of(parts);
  double mapped = used;
  for (const MemoryPart& part : parts) mapped += part.reserved;
  // The limits of a process are those of its address space.
  const auto needed_of = [&](const MemoryBound& bound) { return bound.is_shared ? used : mapped; };
  const auto narrow = std::ranges::find_if(
      bounds, [&](const MemoryBound& bound) { return bound.left < needed_of(bound); });
  if (narrow == bounds.end()) return std::nullopt;
  return Shortage{*narrow, needed_of(*narrow)};
}

void require_memory(const Footprint& parts, const std::string& who,
                    const std::vector<MemoryBound>& bounds) {
  const auto shortage = shortage_of(parts, bounds);
  if (!shortage) return;
  const MemoryBound& narrow = shortage->bound;
  throw Error(
      ExitCode::resources,
      fmt::format("{} takes up to {} of {}, but {} has {} left of {}. Most of it: {}; "
                  "less of these, or --ignore-memory-limit to try nevertheless",
                  who, bytes_text(shortage->needed), narrow.is_shared ? "memory" : "address space",
                  narrow.owner, bytes_text(narrow.left), bytes_text(narrow.limit),
                  largest_parts(parts, !narrow.is_shared)));
}

}  // namespace icl::run
