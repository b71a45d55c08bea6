#include "icl/bench/gemm_peak.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "icl/bench/spread.hpp"
#include "icl/core/clock.hpp"
#include "icl/core/error.hpp"
#include "icl/core/gemm.hpp"

namespace icl::bench {
namespace {

struct Shape {
  std::int64_t m, n, k;
};
constexpr std::array shapes{Shape{2048, 512, 512}, Shape{1024, 1024, 1024},
                            Shape{2048, 2048, 2048}};
constexpr std::int64_t largest = std::int64_t{2048} * 2048;

using Product = void (*)(const Shape&, const Real* a, const Real* b, Real* c);

void openblas(const Shape& s, const Real* a, const Real* b, Real* c) {
  gemm(s.m, s.n, s.k, 1, {a, s.k}, {b, s.n}, 0, c, s.n);
}

/// dnnl_sgemm of oneDNN's C interface; row-major, 0 is success.
using Sgemm = int (*)(char, char, std::int64_t, std::int64_t, std::int64_t, float, const float*,
                      std::int64_t, const float*, std::int64_t, float, float*, std::int64_t);

Sgemm find_onednn() {
  for (const char* name : {"libdnnl.so.2", "libdnnl.so.3"}) {
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
      if (void* found = dlsym(library, "dnnl_sgemm")) return reinterpret_cast<Sgemm>(found);
    }
  }
  return nullptr;
}

Sgemm onednn_sgemm() {
  static const Sgemm found = find_onednn();
  return found;
}

void onednn([[maybe_unused]] const Shape& s, [[maybe_unused]] const Real* a,
            [[maybe_unused]] const Real* b, [[maybe_unused]] Real* c) {
#ifndef ICL_REAL_DOUBLE
  onednn_sgemm()('N', 'N', s.m, s.n, s.k, 1.0F, a, s.k, b, s.n, 0.0F, c, s.n);
#endif
}

struct Library {
  const char* name;
  Product product;
};

std::vector<Library> libraries() {
  std::vector<Library> found{{"OpenBLAS", openblas}};
  if (sizeof(Real) == sizeof(float) && onednn_sgemm() != nullptr)
    found.push_back({"oneDNN", onednn});
  return found;
}

}  // namespace

double GemmRate::median() const { return spread(gflops).median; }

GemmPeak::GemmPeak(const Workers& workers)
    : workers_(workers.unmeasured()),
      a_({largest}),
      b_({largest}),
      c_({workers.threads(), largest}) {
  // Values whose products stay normal numbers: denormals would be slow.
  std::ranges::fill(a_.values(), Real{0.5});
  std::ranges::fill(b_.values(), Real{0.25});
  for (const Library& library : libraries()) {
    for (const Shape& s : shapes) rates_.push_back({library.name, s.m, s.n, s.k, {}});
  }
}

void GemmPeak::measure() {
  auto rate = rates_.begin();
  for (const Library& library : libraries()) {
    for (const Shape& s : shapes) {
      const double flop =
          2 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
      const auto begin = Clock::now();
      workers_.for_each(workers_.threads(), [&](std::int64_t worker) {
        keep_others_to_one_thread();  // oneDNN
        library.product(s, a_.data(), b_.data(), c_.row(worker));
      });
      if (c_[0] == Real{0}) {
        throw Error(ExitCode::internal, fmt::format("{} did not multiply", library.name));
      }
      c_[0] = 0;
      const double elapsed = seconds(Clock::now() - begin);
      rate->gflops.push_back(1e-9 * flop * workers_.threads() / elapsed);
      ++rate;
    }
  }
}

double GemmPeak::peak(const std::string& library) const {
  double highest = 0;
  for (const GemmRate& rate : rates_) {
    if (rate.library == library) highest = std::max(highest, rate.median());
  }
  return highest;
}

}  // namespace icl::bench
