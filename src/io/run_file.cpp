#include "icl/io/run_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "icl/config/fields.hpp"
#include "icl/config/toml.hpp"
#include "icl/core/error.hpp"
#include "icl/io/envelope.hpp"
#include "icl/io/file.hpp"
#include "icl/io/hdf5.hpp"
#include "icl/task/seeds.hpp"
#include "icl/train/metrics.hpp"

namespace icl::io {
namespace {

constexpr std::string_view format_name = "icl run";
constexpr std::int64_t format_version = 1;
constexpr std::array<std::string_view, 4> status_names{"running", "done", "interrupted", "diverged"};

Error bad(const std::string& file, const std::string& what) {
  return {ExitCode::bad_input, fmt::format("{}: {}", file, what)};
}

Extents extents(std::size_t steps, const std::vector<std::int64_t>& shape) {
  Extents all{steps};
  for (const std::int64_t extent : shape) all.push_back(static_cast<std::uint64_t>(extent));
  return all;
}

void write_root(Hdf5Writer& file, const RunRecord& run) {
  file.attribute("/", "format", std::string(format_name));
  file.attribute("/", "format_version", format_version);
  file.attribute("/", "numerics_version", numerics_version);
  file.attribute("/", "status", std::string(to_string(run.status)));
  file.attribute("/", "stop_reason", run.stop_reason);
  file.attribute("/", "step", run.step);
  file.attribute("/", "NX_class", std::string("NXroot"));
  file.attribute("/", "default", std::string("metrics"));
}

void write_config(Hdf5Writer& file, const config::Config& config) {
  file.group("/config");
  file.text("/config/toml", config::to_toml(config));
  for (const config::Field& field : config::fields()) {
    const config::Value value = config::get(field, config);
    const std::string name(field.name);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      file.attribute("/config", name, *integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      file.attribute("/config", name, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      file.attribute("/config", name, *text);
    }
  }
  // The seeds in force where the configuration leaves them to train.seed.
  const task::Seeds seeds(config);
  if (!config.seed.init) file.attribute("/config", "seed.init", seeds.init);
  if (!config.seed.items) file.attribute("/config", "seed.items", seeds.items);
  if (!config.seed.data) file.attribute("/config", "seed.data", seeds.data);
  if (!config.seed.eval) file.attribute("/config", "seed.eval", seeds.eval);
}

void write_steps(Hdf5Writer& file, const std::string& path,
                 const std::vector<std::int64_t>& steps) {
  file.dataset(path, {steps.size()}, std::span(steps));
  file.scale(path, "step");
  file.attribute(path, "units", std::string("1"));
  file.attribute(path, "long_name", std::string("completed parameter updates"));
}

void write_metrics(Hdf5Writer& file, const RunRecord& run) {
  file.group("/metrics");
  file.attribute("/metrics", "NX_class", std::string("NXdata"));
  file.attribute("/metrics", "signal", std::string("icl_accuracy"));
  file.attribute("/metrics", "auxiliary_signals",
                 std::vector<std::string>{"iwl_accuracy", "train_accuracy"});
  file.attribute("/metrics", "axes", std::vector<std::string>{"step"});
  if (run.t_icl_step) file.attribute("/metrics", "t_icl_step", *run.t_icl_step);
  write_steps(file, "/metrics/step", run.metric_steps);
  for (std::size_t i = 0; i < run.metrics.size(); ++i) {
    const train::Metric& metric = train::metrics()[i];
    const std::string path = fmt::format("/metrics/{}", metric.name);
    file.dataset(path, {run.metrics[i].size()}, std::span(run.metrics[i]));
    file.attach_scale(path, 0, "/metrics/step");
    file.attribute(path, "units", std::string(metric.units));
    file.attribute(path, "long_name", std::string(metric.long_name));
  }
}

void write_snapshots(Hdf5Writer& file, const RunRecord& run) {
  file.group("/snapshots");
  write_steps(file, "/snapshots/step", run.snapshot_steps);
  std::map<std::string, std::int64_t> axes;
  for (const ParameterSeries& series : run.snapshots) {
    for (std::size_t i = 0; i < series.axes.size(); ++i) axes[series.axes[i]] = series.shape[i];
  }
  for (const auto& [name, length] : axes) {
    std::vector<std::int64_t> index(static_cast<std::size_t>(length));
    std::iota(index.begin(), index.end(), 0);
    file.dataset("/snapshots/" + name, {index.size()}, std::span(std::as_const(index)));
    file.scale("/snapshots/" + name, name);
  }
  for (const ParameterSeries& series : run.snapshots) {
    const std::string path = "/snapshots/" + series.name;
    file.dataset(path, extents(run.snapshot_steps.size(), series.shape), std::span(series.values));
    file.attach_scale(path, 0, "/snapshots/step");
    for (std::size_t i = 0; i < series.axes.size(); ++i) {
      file.attach_scale(path, i + 1, "/snapshots/" + series.axes[i]);
    }
    file.attribute(path, "torch_name", series.name);
    file.attribute(path, "units", std::string("1"));
    file.attribute(path, "long_name", fmt::format("parameter {} at each step", series.name));
  }
}

config::Config read_config(const Hdf5Reader& file, const std::string& name) {
  try {
    return config::parse(file.text("/config/toml"), name + ":/config/toml");
  } catch (const Error& error) {
    throw Error(ExitCode::bad_input, error.what());
  }
}

RunStatus read_status(const Hdf5Reader& file, const std::string& name) {
  const auto text = file.attribute<std::string>("/", "status");
  const auto* found = std::ranges::find(status_names, text);
  if (found == status_names.end()) throw bad(name, fmt::format("unknown status \"{}\"", text));
  return static_cast<RunStatus>(found - status_names.begin());
}

/// Steps must rise: so a reader may search them.
std::vector<std::int64_t> read_steps(const Hdf5Reader& file, const std::string& path,
                                     const std::string& name) {
  constexpr std::uint64_t most_rows = 1ULL << 32U;
  auto steps = file.read_at_most<std::int64_t>(path, most_rows);
  if (!std::ranges::is_sorted(steps, std::ranges::less_equal{}) ||
      (!steps.empty() && steps.front() < 0)) {
    throw bad(name, path + ": the steps do not rise");
  }
  return steps;
}

void read_metrics(const Hdf5Reader& file, const std::string& name, RunRecord& run) {
  run.metric_steps = read_steps(file, "/metrics/step", name);
  for (const train::Metric& metric : train::metrics()) {
    run.metrics.push_back(
        file.read<double>(fmt::format("/metrics/{}", metric.name), {run.metric_steps.size()}));
  }
  run.t_icl_step = file.find_attribute<std::int64_t>("/metrics", "t_icl_step");
}

void read_snapshots(const Hdf5Reader& file, const std::string& name, RunRecord& run) {
  run.snapshot_steps = read_steps(file, "/snapshots/step", name);
  for (const Child& child : file.children("/snapshots")) {
    const std::string path = "/snapshots/" + child.name;
    if (!file.find_attribute<std::string>(path, "torch_name")) continue;  // a dimension scale
    const Extents shape = file.shape(path);
    if (shape.empty() || shape.front() != run.snapshot_steps.size()) {
      throw bad(name, fmt::format("{}: its first axis is not /snapshots/step", path));
    }
    ParameterSeries series{child.name, {}, {}, file.read<Real>(path, shape)};
    for (const std::uint64_t extent : std::span(shape).subspan(1)) {
      series.shape.push_back(static_cast<std::int64_t>(extent));
    }
    run.snapshots.push_back(std::move(series));
  }
}

}  // namespace

std::string_view to_string(RunStatus status) {
  return status_names.at(static_cast<std::size_t>(status));
}

std::string config_hash(const config::Config& config) {
  config::Config numbers = config;
  numbers.record.publish_seconds.reset();
  const std::string text = config::to_toml(numbers);
  return hash_hex(std::as_bytes(std::span(text)));
}

std::vector<std::byte> encode(const RunRecord& run) {
  Hdf5Writer file;
  write_root(file, run);
  write_config(file, run.config);
  write_metrics(file, run);
  write_snapshots(file, run);
  file.group("/provenance");
  for (const auto& [name, value] : run.provenance) file.attribute("/provenance", name, value);
  std::vector<std::byte> image = std::move(file).finish();
  Envelope envelope;
  envelope.status = to_string(run.status);
  envelope.step = run.step;
  envelope.t_icl_step = run.t_icl_step;
  envelope.config_xxh128 = config_hash(run.config);
  seal(image, std::move(envelope));
  return image;
}

RunRecord decode(std::span<const std::byte> bytes, const std::string& name) {
  const Envelope envelope = unseal(bytes, name, FileKind::run);
  const Hdf5Reader file(bytes, name);
  if (file.attribute<std::string>("/", "format") != format_name ||
      file.attribute<std::int64_t>("/", "format_version") != format_version) {
    throw bad(name, fmt::format("not in format \"{}\" version {}", format_name, format_version));
  }
  RunRecord run;
  run.config = read_config(file, name);
  run.status = read_status(file, name);
  run.stop_reason = file.attribute<std::string>("/", "stop_reason");
  run.step = file.attribute<std::int64_t>("/", "step");
  read_metrics(file, name, run);
  read_snapshots(file, name, run);
  for (const std::string& attribute : file.attributes("/provenance")) {
    set(run.provenance, attribute, file.attribute_value("/provenance", attribute));
  }
  if (envelope.step != run.step || envelope.t_icl_step != run.t_icl_step) {
    throw bad(name, "its first 512 bytes and its HDF5 content disagree");
  }
  return run;
}

RunRecord read_run(const std::filesystem::path& path) {
  return decode(read_file(path), path.string());
}

}  // namespace icl::io
