#include "icl/analysis/landscape_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "icl/core/error.hpp"
#include "icl/store/envelope.hpp"
#include "icl/store/group_writer.hpp"

namespace icl::analysis {
namespace {

void check(const Grid& grid, const char* name) {
  if (grid.count >= 1 && std::isfinite(grid.first) && std::isfinite(grid.last)) return;
  throw Error(ExitCode::usage,
              fmt::format("--{} {} {} {}: expected two finite ends and a count of at least 1", name,
                          grid.first, grid.last, grid.count));
}

std::vector<double> values(const Grid& grid) {
  std::vector<double> all;
  all.reserve(static_cast<std::size_t>(grid.count));
  const auto gaps = static_cast<double>(std::max<std::int64_t>(grid.count - 1, 1));
  for (std::int64_t i = 0; i < grid.count; ++i) {
    const double share = static_cast<double>(i) / gaps;
    all.push_back((1 - share) * grid.first + share * grid.last);
  }
  return all;
}

/// c2 = 1 - < sigma(-phi)^2 > / < sigma(-phi) >.
double c2_of(const std::vector<double>& margins) {
  double first = 0;
  double second = 0;
  for (const double phi : margins) {
    const double wrong = 1 / (1 + std::exp(phi));
    first += wrong;
    second += wrong * wrong;
  }
  return 1 - second / first;
}

}  // namespace

void check_grids(const LandscapeRequest& request, std::int64_t margins) {
  constexpr std::int64_t most_points = 10'000'000;
  constexpr std::int64_t most_terms = 100'000'000;
  check(request.w, "w");
  check(request.beta, "beta");
  if (request.beta.count > most_points / request.w.count) {
    throw Error(ExitCode::usage, fmt::format("a landscape has at most {} points", most_points));
  }
  const std::int64_t points = request.w.count * request.beta.count;
  if (margins > most_terms / points) {
    throw Error(ExitCode::usage,
                fmt::format("{} points, each over {} margins, are more than {} in all", points,
                            margins, most_terms));
  }
}

std::vector<std::byte> landscape_file(const LandscapeRequest& request, const Workers& workers) {
  check_grids(request, static_cast<std::int64_t>(request.margins.size()));
  const std::vector<double> w = values(request.w);
  const std::vector<double> beta = values(request.beta);
  const theory::Landscape landscape(request.N, request.self, request.margins);
  std::vector<double> loss(w.size() * beta.size());
  std::vector<double> dw(loss.size());
  std::vector<double> dbeta(loss.size());
  std::vector<double> accuracy(loss.size());
  workers.for_each(static_cast<std::int64_t>(loss.size()), [&](std::int64_t task) {
    const auto i = static_cast<std::size_t>(task);
    const theory::LandscapePoint point = landscape.at(w[i / beta.size()], beta[i % beta.size()]);
    loss[i] = point.loss;
    dw[i] = point.dw;
    dbeta[i] = point.dbeta;
    accuracy[i] = point.accuracy;
  });
  const double c2 = c2_of(request.margins);
  std::vector<double> nullcline;
  nullcline.reserve(beta.size());
  for (const double b : beta) nullcline.push_back(std::exp(b) / c2);

  store::Hdf5Writer file;
  file.root_text("format", "icl landscape");
  file.attribute("/", "format_version", store::format_version);
  file.root_text("NX_class", "NXroot");
  file.root_text("default", "landscape");
  store::GroupWriter group(file, "/landscape");
  group.attribute("N", request.N);
  group.attribute("attend_self", std::int64_t{request.self == theory::SelfAttention::yes});
  if (request.source) {
    group.attribute("run_xxh128", request.source->run_hash);
    group.attribute("run_step", request.source->step);
  }
  group.attribute("c2", c2);
  group.axis("w", w);
  group.axis("beta", beta);
  const auto write = [&](const char* name, const std::vector<double>& array, const char* units,
                         const char* long_name, const char* description) {
    group.dataset(name, {"w", "beta"}, {w.size(), beta.size()}, std::span(array),
                  {units, long_name, description});
  };
  write("loss", loss, "nat", "loss", "averaged logistic loss L(w, beta)");
  write("dloss_dw", dw, "nat", "dL/dw", "");
  write("dloss_dbeta", dbeta, "nat", "dL/dbeta", "");
  write("accuracy", accuracy, "1", "accuracy", "share of sequences with a positive margin");
  group.dataset("nullcline", {"beta"}, {beta.size()}, std::span<const double>(nullcline),
                {"1", "w-nullcline", "w at which dw/dt = 0 in the expanded flow: e^beta / c2"});
  group.axis("sample", static_cast<std::int64_t>(request.margins.size()));
  group.dataset(
      "margin", {"sample"}, {request.margins.size()}, std::span<const double>(request.margins),
      {"nat", "margin", "margins phi+ of the memoriser, over which the landscape is averaged"});
  group.plot("loss", {"w", "beta"},
             fmt::format("landscape of the minimal model, N = {}", request.N));
  std::vector<std::byte> image = std::move(file).finish();
  store::Envelope envelope;
  envelope.kind = store::FileKind::data;
  envelope.status = "done";
  envelope.config_xxh128 = store::hash_hex(image);
  store::seal(image, std::move(envelope));
  return image;
}

}  // namespace icl::analysis
