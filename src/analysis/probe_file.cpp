#include "icl/analysis/probe_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/group_writer.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "probe_columns.hpp"

namespace icl::analysis {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

template <class AtSteps>
std::vector<std::int64_t> steps_of(const AtSteps& all) {
  std::vector<std::int64_t> steps;
  steps.reserve(all.size());
  for (const auto& one : all) steps.push_back(one.step);
  return steps;
}

void describe(store::GroupWriter& group, const char* dataset, const char* formula,
              const char* source) {
  group.dataset_attribute(dataset, "formula", std::string(formula));
  group.dataset_attribute(dataset, "source", std::string(source));
}

void write_settings(store::Hdf5Writer& file, const std::string& group, ProbeRequest request) {
  for (const Setting& setting : settings) {
    if (setting.group != group) continue;
    file.attribute(group, setting.name, *setting.of(request));
  }
}

void write_curvature(store::Hdf5Writer& file, const ProbeRecord& record) {
  store::GroupWriter group(file, "/curvature");
  write_settings(file, "/curvature", record.request);
  group.attribute("tolerance", record.request.curvature->tolerance);
  const std::size_t s = record.curvature.size();
  const std::size_t c = record.circuits.size();
  const auto e = at(record.request.curvature->eigenvalues);
  group.axis("step", steps_of(record.curvature));
  group.axis("circuit", static_cast<std::int64_t>(c));
  group.axis("eigenvalue", record.request.curvature->eigenvalues);
  std::vector<std::string> names;
  std::vector<std::int64_t> sizes;
  for (const curvature::Circuit& circuit : record.circuits) {
    names.push_back(circuit.name);
    sizes.push_back(circuit.size());
  }
  group.attribute("circuits", names);
  group.dataset("parameters", {"circuit"}, {c}, std::span<const std::int64_t>(sizes),
                {"1", "parameters", "numbers of each circuit, without what is never trained"});
  Vector loss;
  for (const auto& one : record.curvature) loss.push_back(one.curvature.loss);
  group.dataset("loss", {"step"}, {s}, std::span<const double>(loss),
                {"nat", "loss", "mean over the fixed sequences, without weight decay"});
  describe(group, "loss", "mean of softplus(-y z)", "Nguyen & Reddy (2024)");
  auto curvature = record.curvature;  // the columns give places in it, to write and to read
  for (const List& list : lists) {
    Vector values;
    for (auto& one : curvature) {
      for (CircuitCurvature& of : one.curvature.circuits) {
        Vector row = list.of(of);
        row.resize(e, nan);
        values.insert(values.end(), row.begin(), row.end());
      }
    }
    group.dataset(list.name, {"step", "circuit", "eigenvalue"}, {s, c, e},
                  std::span<const double>(values), {"nat", list.long_name});
    describe(group, list.name, list.formula, list.source);
  }
  for (const Scalar& scalar : scalars) {
    Vector values;
    for (auto& one : curvature) {
      for (CircuitCurvature& of : one.curvature.circuits) values.push_back(scalar.of(of));
    }
    group.dataset(scalar.name, {"step", "circuit"}, {s, c}, std::span<const double>(values),
                  {scalar.units, scalar.long_name});
    describe(group, scalar.name, scalar.formula, scalar.source);
  }
  group.plot("hessian_trace", {"step", "circuit"}, "curvature of " + record.title);
}

void write_coefficient(store::Hdf5Writer& file, const ProbeRecord& record) {
  store::GroupWriter group(file, "/llc");
  write_settings(file, "/llc", record.request);
  const CoefficientRequest& request = *record.request.coefficient;
  group.attribute("inverse_temperature", request.inverse_temperature);
  group.attribute("source", std::string(coefficient_source));
  group.axis("step", steps_of(record.coefficient));
  group.axis("epsilon", request.steps);
  group.axis("gamma", request.localisations);
  group.axis("chain", request.chains);
  group.axis("draw", request.burn_in + request.draws);
  Vector baseline;
  Vector value;
  Vector error;
  Vector of_chains;
  Vector losses;
  const auto runs = settings_of(record.request);
  for (const ProbeRecord::Chains& one : record.coefficient) {
    baseline.push_back(one.baseline);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const auto found = learning_coefficient(one.losses[i], one.baseline, runs[i]);
      value.push_back(found.value);
      error.push_back(found.error);
      of_chains.insert(of_chains.end(), found.chains.begin(), found.chains.end());
      for (const Vector& chain : one.losses[i]) {
        losses.insert(losses.end(), chain.begin(), chain.end());
      }
    }
  }
  const std::uint64_t s = record.coefficient.size();
  const std::uint64_t e = request.steps.size();
  const std::uint64_t g = request.localisations.size();
  const std::uint64_t c = at(request.chains);
  const auto write = [&](const char* name, const std::vector<std::string>& axes,
                         const store::Extents& shape, const Vector& values,
                         const store::Caption& caption, const char* formula) {
    group.dataset(name, axes, shape, std::span<const double>(values), caption);
    describe(group, name, formula, coefficient_source);
  };
  write("llc", {"step", "epsilon", "gamma"}, {s, e, g}, value,
        {"1", "local learning coefficient", "mean over chains"},
        "n beta (mean of L(w) over the draws - L(w*))");
  write("llc_error", {"step", "epsilon", "gamma"}, {s, e, g}, error,
        {"1", "standard error over chains"}, "standard deviation over chains / sqrt(chains)");
  write("llc_chain", {"step", "epsilon", "gamma", "chain"}, {s, e, g, c}, of_chains,
        {"1", "local learning coefficient of each chain"},
        "n beta (mean of L(w) over the draws - L(w*))");
  write(
      "chain_loss", {"step", "epsilon", "gamma", "chain", "draw"},
      {s, e, g, c, at(request.burn_in + request.draws)}, losses,
      {"nat", "loss along the chains", "on the batch of each draw; the first burn_in are not used"},
      "w <- w - epsilon/2 (n beta dL/dw + gamma (w - w*)) + sqrt(epsilon) xi");
  write("baseline", {"step"}, {s}, baseline,
        {"nat", "L(w*)", "over all of the fixed sequences, each batch as often as in the draws"},
        "mean of softplus(-y z)");
  group.plot("llc", {"step", "epsilon", "gamma"}, "local learning coefficient of " + record.title);
}

[[noreturn]] void refuse(const std::string& name, const std::string& finding) {
  throw Error(ExitCode::bad_input, fmt::format("'{}': {}", name, finding));
}

void read_settings(const store::Hdf5Reader& file, const std::string& group, const std::string& name,
                   ProbeRequest& request) {
  constexpr std::int64_t most = 1 << 30;
  for (const Setting& setting : settings) {
    if (setting.group != group) continue;
    const auto value = file.attribute<std::int64_t>(group, setting.name);
    if (value < 0 || value > most) {
      refuse(name, fmt::format("attribute {} of {} is {}", setting.name, group, value));
    }
    *setting.of(request) = value;
  }
}

std::vector<std::int64_t> read_steps(const store::Hdf5Reader& file, const std::string& group,
                                     const std::string& name) {
  constexpr std::uint64_t most = 1 << 20;
  auto steps = file.read_at_most<std::int64_t>(group + "/step", most);
  if (!std::ranges::is_sorted(steps)) refuse(name, group + "/step does not rise");
  return steps;
}

void read_curvature(const store::Hdf5Reader& file, const std::string& name, ProbeRecord& record) {
  record.request.curvature.emplace();
  read_settings(file, "/curvature", name, record.request);
  record.request.curvature->tolerance = file.attribute<double>("/curvature", "tolerance");
  const auto steps = read_steps(file, "/curvature", name);
  const auto names = file.attribute<std::vector<std::string>>("/curvature", "circuits");
  const std::uint64_t s = steps.size();
  const std::uint64_t c = names.size();
  const std::uint64_t e = at(record.request.curvature->eigenvalues);
  const auto sizes = file.read<std::int64_t>("/curvature/parameters", {c});
  for (std::size_t i = 0; i < names.size(); ++i) {
    record.circuits.push_back({names[i], {{0, sizes[i]}}});
  }
  const auto loss = file.read<double>("/curvature/loss", {s});
  record.curvature.resize(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    record.curvature[i].step = steps[i];
    record.curvature[i].curvature.loss = loss[i];
    record.curvature[i].curvature.circuits.resize(names.size());
  }
  for (const List& list : lists) {
    const auto values = file.read<double>(std::string("/curvature/") + list.name, {s, c, e});
    auto next = values.begin();
    for (auto& one : record.curvature) {
      for (CircuitCurvature& of : one.curvature.circuits) {
        list.of(of).assign(next, next + static_cast<std::ptrdiff_t>(e));
        next += static_cast<std::ptrdiff_t>(e);
      }
    }
  }
  for (const Scalar& scalar : scalars) {
    const auto values = file.read<double>(std::string("/curvature/") + scalar.name, {s, c});
    auto next = values.begin();
    for (auto& one : record.curvature) {
      for (CircuitCurvature& of : one.curvature.circuits) scalar.of(of) = *next++;
    }
  }
}

void read_coefficient(const store::Hdf5Reader& file, const std::string& name, ProbeRecord& record) {
  constexpr std::uint64_t most_settings = 1 << 20;
  CoefficientRequest& request = record.request.coefficient.emplace();
  read_settings(file, "/llc", name, record.request);
  request.inverse_temperature = file.attribute<double>("/llc", "inverse_temperature");
  request.steps = file.read_at_most<double>("/llc/epsilon", most_settings);
  request.localisations = file.read_at_most<double>("/llc/gamma", most_settings);
  const auto steps = read_steps(file, "/llc", name);
  const std::uint64_t s = steps.size();
  const auto baseline = file.read<double>("/llc/baseline", {s});
  const std::uint64_t length = at(request.burn_in + request.draws);
  const auto losses = file.read<double>(
      "/llc/chain_loss",
      {s, request.steps.size(), request.localisations.size(), at(request.chains), length});
  auto next = losses.begin();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto& one = record.coefficient.emplace_back();
    one.step = steps[i];
    one.baseline = baseline[i];
    one.losses.resize(request.steps.size() * request.localisations.size());
    for (auto& chains : one.losses) {
      for (std::int64_t c = 0; c < request.chains; ++c) {
        chains.emplace_back(next, next + static_cast<std::ptrdiff_t>(length));
        next += static_cast<std::ptrdiff_t>(length);
      }
    }
  }
}

}  // namespace

std::vector<std::byte> encode(const ProbeRecord& record) {
  store::Hdf5Writer file;
  file.root_text("format", "icl probe");
  file.attribute("/", "format_version", store::format_version);
  file.attribute("/", "run_xxh128", record.run_hash);
  file.attribute("/", "run_title", record.title);
  file.attribute(
      "/", "sequences",
      std::string("training sequences of the steps 2^32 - 1, 2^32 - 2, ..., one batch each"));
  file.attribute("/", "kernels", blas_info().kernel_set);
  write_settings(file, "/", record.request);
  file.root_text("NX_class", "NXroot");
  file.root_text("default", record.request.curvature ? "curvature" : "llc");
  if (record.request.curvature) write_curvature(file, record);
  if (record.request.coefficient) write_coefficient(file, record);
  std::vector<std::byte> image = std::move(file).finish();
  store::Envelope envelope;
  envelope.kind = store::FileKind::data;
  envelope.status = "done";
  envelope.config_xxh128 = record.run_hash;
  store::seal(image, std::move(envelope));
  return image;
}

ProbeRecord decode_probe(std::span<const std::byte> bytes, const std::string& name) {
  const store::Envelope envelope = store::unseal(bytes, name, store::FileKind::data);
  const store::Hdf5Reader file(bytes, name);
  ProbeRecord record;
  if (file.varying_text("/", "format") != "icl probe") refuse(name, "is no file of icl probe");
  const bool has_curvature = file.exists("/curvature");
  const bool has_coefficient = file.exists("/llc");
  const auto hash = file.find_attribute<std::string>("/", "run_xxh128");
  if (hash != envelope.config_xxh128) {
    refuse(name, "its last 512 bytes and its HDF5 content disagree");
  }
  record.run_hash = *hash;
  record.title = file.attribute<std::string>("/", "run_title");
  if (file.attribute<std::string>("/", "kernels") != blas_info().kernel_set) {
    throw Error(
        ExitCode::cannot_create,
        fmt::format("'{}' was measured with the BLAS kernels of {}; here those of {} would "
                    "give other bits",
                    name, file.attribute<std::string>("/", "kernels"), blas_info().kernel_set));
  }
  read_settings(file, "/", name, record.request);
  if (has_curvature) read_curvature(file, name, record);
  if (has_coefficient) read_coefficient(file, name, record);
  return record;
}

}  // namespace icl::analysis
