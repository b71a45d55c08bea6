#include "icl/run/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <variant>

#include "icl/config/spelling.hpp"
#include "icl/config/system.hpp"
#include "icl/core/error.hpp"
#include "icl/core/simd.hpp"
#include "icl/model/model.hpp"
#include "icl/run/consistency.hpp"
#include "icl/run/label_column.hpp"
#include "icl/run/stretches.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/file.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "icl/store/isolated.hpp"
#include "icl/train/optimizer.hpp"

namespace icl::run {
namespace {

/// Reads one run file into a record. What the configuration implies (which parameters there are, of
/// which shape) is taken from there, and the file must agree with it.
class Decoder {
 public:
  Decoder(std::span<const std::byte> bytes, const std::string& name)
      : file_(bytes, name), name_(name) {}

  RunRecord read() {
    RunRecord run = read_head();
    read_metrics(run);
    read_prediction(run);
    run.snapshot_steps = read_steps("/snapshots/step");
    for (const ParameterShape& p : run.parameters) {
      run.snapshots.push_back(
          read_values("/snapshots/" + p.name, p, std::optional(run.snapshot_steps.size())));
    }
    read_snapshot_moments(run);
    read_fixed_set(run);
    if (file_.exists("/state")) {
      run.state = read_state("/state", run);
      const auto due = file_.find_attribute<std::int64_t>("/state", "evaluation_due");
      run.due = due.value_or(0) != 0 ? train::Due::open : train::Due::recorded;
    }
    if (file_.exists("/origin")) {
      run.origin = Origin{file_.attribute<std::string>("/origin", "parent_xxh128"),
                          read_state("/origin", run)};
    }
    run.provenance = read_stretches(file_, "/provenance/stretches");
    return run;
  }

 private:
  [[nodiscard]] Error bad(const std::string& what) const {
    return {ExitCode::bad_input, fmt::format("'{}': {}", name_, what)};
  }

  RunRecord read_head() {
    const std::int64_t version = integer("/", "format_version");
    if (version != store::format_version) {
      throw bad(fmt::format("has format_version {}, but this program reads {}", version,
                            store::format_version));
    }
    const config::Config config = read_config();
    const auto model = model::describe_model(config);
    const auto parameters = model->parameters();
    const std::vector<const nn::Parameter*> readable(parameters.begin(), parameters.end());
    RunRecord run = new_record(config, readable);
    run.metrics.clear();
    run.snapshots.clear();
    const auto status = file_.attribute<std::string>("/metrics", "status");
    const auto known = status_from(status);
    if (!known) throw bad(fmt::format("unknown status \"{}\"", status));
    run.status = *known;
    run.stop_reason = file_.attribute<std::string>("/metrics", "stop_reason");
    run.numerics = integer("/", "numerics_version");
    run.mixed_kernel_sets = integer("/", "mixed_kernel_sets") != 0;
    run.step = count("/", "step");
    run.items_hash =
        file_.find_attribute<std::string>("/config", "items_xxh128").value_or(std::string());
    return run;
  }

  config::Config read_config() {
    try {
      return config::parse_stored(file_.text("/config/toml"), name_ + ":/config/toml");
    } catch (const Error& error) {
      throw Error(ExitCode::bad_input, error.what());
    }
  }

  [[nodiscard]] std::int64_t integer(const std::string& path, const std::string& name) const {
    return file_.attribute<std::int64_t>(path, name);
  }
  [[nodiscard]] std::int64_t count(const std::string& path, const std::string& name) const {
    const std::int64_t value = integer(path, name);
    if (value < 0) throw bad(fmt::format("{}: {} is negative", path, name));
    return value;
  }

  /// Steps rise, so that they can be searched.
  std::vector<std::int64_t> read_steps(const std::string& path) {
    constexpr std::uint64_t most_rows = 1ULL << 32U;
    auto steps = file_.read_at_most<std::int64_t>(path, most_rows);
    const bool rise =
        std::ranges::adjacent_find(steps, std::ranges::greater_equal{}) == steps.end();
    if (!rise || (!steps.empty() && steps.front() < 0)) throw bad(path + ": the steps do not rise");
    return steps;
  }

  void read_metrics(RunRecord& run) {
    run.metric_steps = read_steps("/metrics/step");
    for (const train::Metric& metric : run.columns) {
      run.metrics.push_back(
          file_.read<double>(fmt::format("/metrics/{}", metric.name), {run.metric_steps.size()}));
    }
    run.t_icl_step = file_.find_attribute<std::int64_t>("/metrics", "t_icl_step");
    run.t_icl_refined = file_.find_attribute<std::int64_t>("/metrics", "t_icl_step_refined");
  }

  void read_prediction(RunRecord& run) {
    if (!file_.exists("/theory")) return;
    const auto number = [&](const char* name) { return file_.attribute<double>("/theory", name); };
    RunPrediction& prediction = run.prediction.emplace();
    prediction.n = number("n");
    if (auto reason = file_.find_attribute<std::string>("/theory", "says_nothing_because")) {
      prediction.reason = *std::move(reason);
      return;
    }
    prediction.start = {number("w0"), number("beta0")};
    theory::Prediction& theory = prediction.theory.emplace();
    theory.tau_star = number("tau_star");
    theory.initial_steps = number("t_icl_step_from_initial");
    theory.measured_steps = file_.find_attribute<double>("/theory", "t_icl_step_from_measured");
  }

  std::vector<Real> read_values(const std::string& path, const ParameterShape& parameter,
                                std::optional<std::size_t> steps) {
    store::Extents shape;
    if (steps) shape.push_back(*steps);
    for (const std::int64_t n : parameter.shape) shape.push_back(static_cast<std::uint64_t>(n));
    auto values = file_.read<Real>(path, shape);
    if (!simd::all_finite(std::span<const Real>(values))) throw bad(path + " is not finite");
    return values;
  }

  void read_snapshot_moments(RunRecord& run) {
    const std::size_t steps = run.snapshot_steps.size();
    if (!run.config.record.optimizer || steps == 0) return;
    run.snapshot_moments.resize(steps);
    const auto names = train::moment_names(run.config.train.optimizer);
    const std::string first = "/snapshots/" + std::string(names.front());
    const auto updates = file_.read<std::int64_t>(first + "/updates", {std::uint64_t{steps}});
    for (const std::string_view name : names) {
      for (train::Moments& moments : run.snapshot_moments) moments.tensors.push_back({name, {}});
      for (const ParameterShape& p : run.parameters) {
        const auto all = read_values(fmt::format("/snapshots/{}/{}", name, p.name), p, steps);
        const std::size_t size = all.size() / steps;
        for (std::size_t s = 0; s < steps; ++s) {
          const auto of_step = std::span(all).subspan(s * size, size);
          run.snapshot_moments[s].tensors.back().values.emplace_back(of_step.begin(),
                                                                     of_step.end());
        }
      }
    }
    for (std::size_t s = 0; s < steps; ++s) {
      if (updates[s] < 0) throw bad(first + "/updates is negative");
      run.snapshot_moments[s].updates = updates[s];
    }
  }

  void read_fixed_set(RunRecord& run) {
    const auto shapes = probe::activation_shapes(run.config);
    if (shapes.empty() || run.snapshot_steps.empty()) return;
    const bool context = config::row_of(run.config.model.system).has.context;
    const probe::FixedCounts counts = probe::fixed_counts(run.config);
    probe::FixedSequences& set = run.probe_set;
    set.count = counts.novel + counts.training;
    set.length = context ? run.config.data.N : 1;
    set.dimension = run.config.data.D;
    const auto b = static_cast<std::uint64_t>(set.count);
    const auto n = static_cast<std::uint64_t>(set.length);
    set.x = file_.read<Real>("/probe_set/x", {b, n, static_cast<std::uint64_t>(set.dimension)});
    const LabelColumn labels(run.config);
    set.label = labels.read(file_, "/probe_set/label", {b, n});
    set.answer = labels.read(file_, "/probe_set/answer", {b});
    set.novel = file_.read<std::int8_t>("/probe_set/novel", {b});
    set.item = file_.read<std::int32_t>("/probe_set/item", {b, n});
    if (context) set.copy = file_.read<std::int8_t>("/probe_set/copy", {b, n - 1});
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      store::Extents shape{run.snapshot_steps.size(), b};
      if (!shapes[i].axis.empty()) {
        shape.push_back(static_cast<std::uint64_t>(shapes[i].extent));
      }
      run.activations[i] =
          file_.read<Real>("/activations/" + std::string(shapes[i].row->name), shape);
    }
  }

  train::State read_state(const std::string& path, const RunRecord& run) {
    train::State state;
    for (const train::ProgressField& field : train::progress_fields) {
      read_field(path, field, state.progress);
    }
    state.parameters = read_all(path, run);
    state.moments = read_moments(path, run);
    if (const std::string at = path + "/before"; file_.exists(at)) {
      state.before = train::Earlier{count(at, "step"), read_all(at, run), read_moments(at, run)};
    }
    return state;
  }

  void read_field(const std::string& path, const train::ProgressField& field,
                  train::Progress& progress) {
    const std::string name(field.name);
    std::visit(
        [&]<class T>(T train::Progress::*member) {
          T& value = progress.*member;
          if constexpr (std::is_same_v<T, std::int64_t>) {
            value = count(path, name);
          } else if constexpr (std::is_same_v<T, double>) {
            value = file_.attribute<double>(path, name);
            if (!std::isfinite(value)) throw bad(fmt::format("{}: {} is not finite", path, name));
          } else {
            value = file_.find_attribute<typename T::value_type>(path, name);
          }
        },
        field.member);
  }

  train::Values read_all(const std::string& path, const RunRecord& run) {
    train::Values values;
    for (const ParameterShape& parameter : run.parameters) {
      values.push_back(read_values(path + "/" + parameter.name, parameter, std::nullopt));
    }
    return values;
  }

  train::Moments read_moments(const std::string& path, const RunRecord& run) {
    const auto names = train::moment_names(run.config.train.optimizer);
    if (names.empty() || !file_.exists(fmt::format("{}/{}", path, names.front()))) return {};
    train::Moments moments{count(fmt::format("{}/{}", path, names.front()), "updates"), {}};
    moments.tensors.reserve(names.size());
    for (const std::string_view name : names) {
      moments.tensors.push_back({name, read_all(fmt::format("{}/{}", path, name), run)});
    }
    return moments;
  }

  store::Hdf5Reader file_;
  std::string name_;
};

}  // namespace

RunRecord decode_content(std::span<const std::byte> file, const std::string& name) {
  RunRecord run = Decoder(file, name).read();
  if (const auto finding = contradiction(run)) {
    throw Error(ExitCode::bad_input, fmt::format("'{}': {}", name, *finding));
  }
  return run;
}

RunRecord decode(std::span<const std::byte> file, const std::string& name) {
  const store::Envelope envelope = store::unseal(file, name, store::FileKind::run);
  RunRecord run = decode_content(file, name);
  if (envelope.status != to_string(run.status) || envelope.step != run.step ||
      envelope.t_icl_step != run.t_icl_step || envelope.config_xxh128 != run_hash(run)) {
    throw Error(ExitCode::bad_input,
                fmt::format("'{}': its last 512 bytes and its HDF5 content disagree", name));
  }
  return run;
}

RunFile read_run(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = store::read_file(path);
  // A hash that is right says nothing about who made the file.
  store::try_in_child(path.string(), store::allowance_for(bytes.size()),
                      [&] { (void)decode(bytes, path.string()); });
  RunRecord record = decode(bytes, path.string());
  return {std::move(record),
          store::unseal(bytes, path.string(), store::FileKind::run).image_xxh128};
}

}  // namespace icl::run
