#include "icl/run/export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "icl/config/system.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "icl/run/config_group.hpp"
#include "icl/run/label_column.hpp"
#include "icl/run/replay.hpp"
#include "icl/run/run_record.hpp"
#include "icl/run/weights.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/hdf5_writer.hpp"
#include "icl/task/plain_encoder.hpp"
#include "icl/task/registry.hpp"
#include "icl/train/observer.hpp"

namespace icl::run {
namespace {

void write_items(store::Hdf5Writer& file, const std::string& path, const TokenTable& table,
                 const config::Config& config, const std::string& title) {
  const config::TaskRow& task = config::row_of(config::task_of(config));
  const std::int64_t dimension = config.data.D;
  const std::int64_t count = table.context.extent(0);
  std::vector<Real> x;
  std::vector<Label> label;
  x.reserve(static_cast<std::size_t>(count * dimension));
  for (std::int64_t k = 0; k < count; ++k) {
    const Real* row = table.context.row(k);
    x.insert(x.end(), row, row + dimension);
    label.push_back(static_cast<Label>(row[dimension]));
  }
  const auto n = static_cast<std::uint64_t>(count);
  store::GroupWriter group(file, path);
  group.axis("item", count);
  group.axis("dimension", dimension);
  group.dataset("x", {"item", "dimension"}, {n, static_cast<std::uint64_t>(dimension)},
                std::span<const Real>(x), {"1", std::string(task.one), std::string(task.row)});
  if (task.labels) {
    const LabelColumn labels(config);
    labels.write(group, "label", {"item"}, {n}, label,
                 {"1", "label", fmt::format("label of each item, {}", labels.values())});
  }
  group.plot("x", {"item", "dimension"}, fmt::format("{} of {}", task.table, title));
}

/// The sequences of several steps, as arrays with a first axis `step`.
class SequenceSet {
 public:
  SequenceSet(const config::Config& config, std::int64_t sequences, std::int64_t length)
      : sequences_(sequences),
        length_(length),
        dimension_(config.data.D),
        labels_(config),
        task_(config::row_of(config::task_of(config))),
        numbers_(config::asked_of(config).loss == config::LossKind::squared),
        shifted_(config::starts(config) > 1) {}

  void add(const Batch& batch) {
    fresh_ = fresh_ || batch.table == &batch.fresh.tokens;
    for (std::int64_t b = 0; b < sequences_; ++b) {
      if (b >= batch.size) {  // the last batch of a published epoch is smaller
        add_nothing();
        continue;
      }
      for (std::int64_t j = 0; j < length_; ++j) {
        const std::int32_t item = batch.items.row(b)[j];
        const Real* row =
            j + 1 < length_ ? batch.table->context.row(item) : batch.table->target.row(item);
        items_.push_back(item);
        if (!task_.labels) drawn_.push_back(batch.fresh.drawn.row(b)[j]);
        if (numbers_) y_.push_back(j + 1 < length_ ? row[dimension_] : batch.value.row(b)[0]);
        x_.insert(x_.end(), row, row + dimension_);
        if (task_.labels) label_.push_back(static_cast<Label>(row[dimension_]));
        if (j + 1 < length_) copy_.push_back(static_cast<std::int8_t>(batch.copy.row(b)[j]));
      }
      if (!numbers_) answer_.push_back(batch.answer[b]);
      if (shifted_) shift_.push_back(batch.shift[b]);
    }
  }

  /// A sequence that is not there: items -1, zeros.
  void add_nothing() {
    const auto length = static_cast<std::size_t>(length_);
    items_.insert(items_.end(), length, -1);
    x_.insert(x_.end(), length * static_cast<std::size_t>(dimension_), Real{0});
    label_.insert(label_.end(), length, 0);
    copy_.insert(copy_.end(), length - 1, 0);
    answer_.push_back(0);
    if (shifted_) shift_.push_back(0);
  }

  void write(store::Hdf5Writer& file, const std::string& path,
             const std::vector<std::int64_t>& steps, const std::string& title) const {
    const std::uint64_t s = steps.size();
    const auto b = static_cast<std::uint64_t>(sequences_);
    const auto n = static_cast<std::uint64_t>(length_);
    store::GroupWriter group(file, path);
    group.axis("step", steps);
    group.axis("sequence", sequences_);
    group.axis("position", length_);
    group.axis("dimension", dimension_);
    group.dataset("x", {"step", "sequence", "position", "dimension"},
                  {s, b, n, static_cast<std::uint64_t>(dimension_)}, std::span<const Real>(x_),
                  {"1", "item",
                   task_.symbols ? "symbols of each sequence as one-hot numbers"
                                 : "items of each sequence; the last one is the target"});
    if (numbers_) {
      group.dataset("y", {"step", "sequence", "position"}, {s, b, n}, std::span<const Real>(y_),
                    {"1", "y", "y of each x; that of the last one is asked for"});
    } else {
      write_labels(group, {s, b, n});
    }
    if (!task_.labels) {
      group.dataset(std::string(task_.one), {"step", "sequence", "position"}, {s, b, n},
                    std::span<const std::int32_t>(drawn_),
                    {"1", fmt::format("{} number", task_.one),
                     fmt::format("number of the sequence's {} in /{}; -1 of a fresh one", task_.one,
                                 task_.table)});
    }
    group.plot("x", {"step", "sequence", "position", "dimension"}, "sequences of " + title);
  }

 private:
  void write_labels(store::GroupWriter& group, const std::array<std::uint64_t, 3>& extents) const {
    const auto [s, b, n] = extents;
    if (task_.labels) {
      labels_.write(group, "label", {"step", "sequence", "position"}, {s, b, n}, label_,
                    {"1", "label",
                     fmt::format("label in each token, {}; 0 for the target", labels_.values())});
    }
    if (length_ > 1) {
      group.axis("context", length_ - 1);
      group.dataset("copy", {"step", "sequence", "context"}, {s, b, n - 1},
                    std::span<const std::int8_t>(copy_),
                    {"1", "copy", "1 where a context token is a copy of the target"});
    }
    labels_.write(
        group, "answer", {"step", "sequence"}, {s, b}, answer_,
        {"1", "answer",
         task_.labels
             ? fmt::format("the target's label, {}; 0 where there is no sequence", labels_.values())
             : fmt::format("the symbol that comes next, {}, one more than its number in item",
                           labels_.values())});
    if (shifted_) {
      group.dataset("shift", {"step", "sequence"}, {s, b}, std::span<const std::int32_t>(shift_),
                    {"1", "shift", "places before that of the first token (blocks.shift)"});
    }
    if (!fresh_) {
      group.dataset(
          "item", {"step", "sequence", "position"}, {s, b, n},
          std::span<const std::int32_t>(items_),
          {"1", "item number",
           task_.symbols ? "each symbol, from 0 on"
                         : "number of each item in its table; -1 (and zeros elsewhere) where the "
                           "last batch of an epoch of 60,000 sequences has no sequence"});
    }
  }

  std::int64_t sequences_, length_, dimension_;
  LabelColumn labels_;
  const config::TaskRow& task_;
  bool numbers_;        ///< y in place of labels
  bool fresh_ = false;  ///< tokens lie in a batch, and not in a table of items
  bool shifted_;
  std::vector<std::int32_t> items_, drawn_, shift_;
  std::vector<Real> x_, y_;
  std::vector<Label> label_, answer_;
  std::vector<std::int8_t> copy_;
};

/// What a run's task draws: items, batches, sequences.
void write_drawn(store::Hdf5Writer& file, const RunRecord& run, const ExportRequest& request,
                 const Workers& workers, const ItemPlaces& places) {
  const config::Config& config = run.config;
  const std::string title = title_of(config);
  const task::PlainEncoder encoder(config);
  const auto drawn = task::make_task(config, items_of(run, places), encoder, workers);
  const task::Task& task = *drawn;
  if (request.items) {
    for (const task::Task::Table& table : task.tables()) {
      write_items(file, fmt::format("/{}", table.name), *table.rows, config, title);
    }
  }
  const auto write = [&](const std::string& path, const std::vector<std::int64_t>& steps,
                         std::int64_t sequences, const auto& draw) {
    if (steps.empty()) return;
    SequenceSet set(config, sequences, task.length());
    Batch batch = task.make_batch(sequences);
    for (const std::int64_t step : steps) {
      draw(static_cast<std::uint64_t>(step), batch);
      set.add(batch);
    }
    set.write(file, path, steps, title);
  };
  write("/batches", request.batches, config.train.batch_size, [&](std::uint64_t step, Batch& b) {
    task.training_batch(step, config.train.batch_size, b, workers);
  });
  const std::int64_t sequences = config.eval.sequences;
  const std::vector<task::SetOfRun> sets = task::sets_of(config);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (!task.has(i)) continue;
    write(fmt::format("/{}_evaluation", sets[i].name), request.evaluations, sequences,
          [&](std::uint64_t step, Batch& b) {
            task.evaluation_batch(i, step, 0, sequences, b, workers);
          });
  }
  const std::int64_t probed = task.probe_sequences();
  write("/probe", request.probes, probed, [&](std::uint64_t step, Batch& b) {
    task.probe_batch(step, 0, probed, task::CopyLabel::its_own, b, workers);
  });
}

/// The groups that there are to look at, in the order in which a reader would want them.
std::vector<std::string> groups_of(const config::Config& config, const ExportRequest& request) {
  std::vector<std::string> groups;
  if (request.items) groups.emplace_back(config::row_of(config::task_of(config)).table);
  if (!request.batches.empty()) groups.emplace_back("batches");
  for (const task::SetOfRun& set : task::sets_of(config)) {
    if (request.evaluations.empty() || !set.is_drawn) continue;
    groups.push_back(fmt::format("{}_evaluation", set.name));
  }
  if (!request.probes.empty()) groups.emplace_back("probe");
  return groups;
}

}  // namespace

std::vector<std::byte> export_data(const RunRecord& run, const ExportRequest& request,
                                   const Workers& workers, const ItemPlaces& places,
                                   std::span<train::Observer* const> observers) {
  store::Hdf5Writer file;
  file.root_text("format", "icl data");
  file.attribute("/", "format_version", store::format_version);
  file.root_text("run_xxh128", run_hash(run));
  file.root_text("NX_class", "NXroot");
  write_config(file, config::to_toml(run.config), run.config);
  const std::vector<std::string> shown = groups_of(run.config, request);
  if (!shown.empty()) {
    write_drawn(file, run, request, workers, places);
    file.root_text("default", shown.front());
  }
  if (!request.weights.empty()) {
    const Weights weights =
        weights_at(run, request.weights, Wanted::parameters, workers, places, observers);
    store::GroupWriter group(file, "/weights");
    write_parameters(group, run.parameters, &weights.steps, weights.values);
  }
  std::vector<std::byte> image = std::move(file).finish();
  store::Envelope envelope;
  envelope.kind = store::FileKind::data;
  envelope.status = "done";
  envelope.config_xxh128 = run_hash(run);
  store::seal(image, std::move(envelope));
  return image;
}

}  // namespace icl::run
