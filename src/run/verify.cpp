#include "icl/run/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "icl/run/earlier_files.hpp"
#include "icl/run/encode.hpp"
#include "icl/run/recorder.hpp"
#include "icl/run/replay.hpp"
#include "icl/store/compare.hpp"
#include "icl/store/file.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "icl/store/isolated.hpp"
#include "icl/train/trainer.hpp"

namespace icl::run {
namespace {

/// Whether the numbers of the items in /probe_set may be those of earlier programs, which wrote -1
/// for all items with noise, and rows of the table where an item has several exemplars. They only
/// name the sequences, which are compared.
bool may_number_otherwise(const RunRecord& run) {
  const bool nameless =
      std::ranges::all_of(run.probe_set.item, [](std::int32_t item) { return item == -1; });
  return (run.config.data.noise > 0 && nameless) || run.config.data.items;
}

/// Builds the record anew and compares each row as it comes, so that a difference is known at once.
class Verifier final : public RecordBuilder {
 public:
  Verifier(const RunRecord& recorded, RunRecord empty, const std::atomic<bool>& outer_stop)
      : RecordBuilder(std::move(empty)),
        recorded_(recorded),
        last_(recorded.step + (recorded.status == RunStatus::diverged ? 1 : 0)),
        outer_stop_(outer_stop) {}

  void evaluating(const train::StateView& run) override {
    if (recorded_.due == train::Due::open && run.progress().step == last_) stop = true;
  }

  void evaluated(const train::Evaluation& evaluation, const train::Progress& progress) override {
    RecordBuilder::evaluated(evaluation, progress);
    if (evaluation.step >= last_) stop = true;
    const std::size_t row = record_.metric_steps.size() - 1;
    if (row >= recorded_.metric_steps.size())
      return differ(evaluation.step, "/metrics: a row too many");
    for (std::size_t i = 0; i < record_.metrics.size(); ++i) {
      const double expected = recorded_.metrics[i][row];
      const double found = record_.metrics[i][row];
      if (std::bit_cast<std::uint64_t>(expected) != std::bit_cast<std::uint64_t>(found)) {
        differ(evaluation.step, fmt::format("/metrics/{}[{}]: {} expected, {} found",
                                            recorded_.columns[i].name, row, expected, found));
      }
    }
  }

  void stepped(const train::StateView& run) override {
    if (run.progress().step >= last_ || outer_stop_.load(std::memory_order_relaxed)) stop = true;
  }

  void snapshot(const train::Snapshot& snapshot) override {
    RecordBuilder::snapshot(snapshot);
    if (may_number_otherwise(recorded_)) record_.probe_set.item = recorded_.probe_set.item;
    if (snapshot.step >= last_) stop = true;
  }

  void ended(train::Outcome outcome, const train::StateView& run) override {
    RecordBuilder::ended(outcome, run);
    // A run that was cut here, and one that was killed later: both stand at the same step.
    const bool cut =
        recorded_.status == RunStatus::running || recorded_.status == RunStatus::interrupted;
    if (cut && record_.status == RunStatus::interrupted) record_.status = recorded_.status;
  }

  std::atomic<bool> stop{false};
  std::optional<std::string> difference;

 private:
  void differ(std::int64_t step, const std::string& what) {
    if (!difference) difference = fmt::format("step {}: {}", step, what);
    stop = true;
  }

  const RunRecord& recorded_;
  std::int64_t last_;  ///< a run that diverged did so in the step behind the last one it completed
  const std::atomic<bool>& outer_stop_;
};

}  // namespace

Verdict verify(const RunRecord& recorded, const Workers& workers,
               std::span<train::Observer* const> observers, const std::atomic<bool>& stop,
               const ItemPlaces& places) {
  train::Trainer trainer(recorded.config, workers, items_of(recorded, places));
  RunRecord empty = new_record(recorded.config, trainer.readable_parameters());
  empty.origin = recorded.origin;
  empty.items_hash = recorded.items_hash;
  trainer.restore(first_state(recorded, trainer), train::Due::open);
  Verifier verifier(recorded, std::move(empty), stop);
  std::vector<train::Observer*> all{&verifier};
  all.insert(all.end(), observers.begin(), observers.end());
  trainer.run(all, verifier.stop);
  if (verifier.difference) return {verifier.difference, false};
  if (stop) return {std::nullopt, true};
  return {store::first_difference(encode(recorded), encode(verifier.record()),
                                  {.except = {"/provenance"}}),
          false};
}

std::optional<std::string> difference_in_file(const std::filesystem::path& path,
                                              const RunRecord& recorded) {
  const std::vector<std::byte> file = store::read_file(path);
  const std::vector<std::byte> expected = encode(recorded, predict(recorded));
  // What the record does not hold has not been looked at by anyone yet.
  store::Isolated child(
      path.string(), store::allowance_for(file.size()), [&](const store::Isolated::Send& send) {
        const store::Hdf5Reader written(file, path.string());
        const auto difference = store::first_difference(
            expected, file, leeway_for_earlier_files(written.text("/config/toml")));
        if (difference) send(std::as_bytes(std::span(*difference)));
      });
  const auto message = child.next();
  if (!message) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(message->data()), message->size());
}

}  // namespace icl::run
