#include "icl/core/isa.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "icl/core/enumeration.hpp"
#include "icl/core/error.hpp"

namespace icl {
namespace {

/// In the order of Isa.
constexpr auto isa_names = std::to_array<std::string_view>({"avx2", "avx512"});
static_assert(isa_names.size() == enumerator_count<Isa>());

Isa choose_isa() {
  const Isa widest = cpu_has(Isa::avx512) ? Isa::avx512 : Isa::avx2;
  const char* const wanted = std::getenv("ICL_ISA");  // NOLINT(concurrency-mt-unsafe)
  if (wanted == nullptr || *wanted == '\0') return widest;
  const auto* const found = std::ranges::find(isa_names, wanted);
  const std::string says = "ICL_ISA=" + std::string(wanted) + ": ";
  if (found == isa_names.end()) {
    throw Error(ExitCode::usage, says +
                                     "the instruction sets are avx2 and avx512 (leave ICL_ISA "
                                     "unset for the widest that the CPU has)");
  }
  const auto isa = static_cast<Isa>(found - isa_names.begin());
  if (!cpu_has(isa)) {
    throw Error(ExitCode::usage, says + "this CPU does not have it; unset ICL_ISA");
  }
  return isa;
}

}  // namespace

Isa isa() {
  static const Isa chosen = choose_isa();
  return chosen;
}

std::string_view isa_name(Isa isa) { return isa_names.at(static_cast<std::size_t>(isa)); }

bool cpu_has(Isa isa) {
  if (__builtin_cpu_supports("avx2") == 0 || __builtin_cpu_supports("fma") == 0) return false;
  return isa == Isa::avx2 ||
         (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
          __builtin_cpu_supports("avx512cd") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
          __builtin_cpu_supports("avx512vl") != 0);
}

}  // namespace icl
