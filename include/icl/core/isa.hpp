#pragma once

#include <cstdint>
#include <string_view>

/// The loops in which a step spends its time outside of products are compiled once for each set of
/// instructions, from one source, and the set is chosen when the program starts. Sums have sixteen
/// lanes and one tree whatever the set (icl/core/simd.hpp), and all else is exact or rounded once:
/// so the bits are equal. A test holds both against each other.
///
/// Such loops stand in a file UNIT_loops.cpp, in namespace icl::ICL_ISA, and are handed out as a
/// constant struct of function pointers. An inline function that they call stands in a namespace of
/// that name too, or the linker might keep its AVX-512 form for every caller; a test looks for it.
#ifdef ICL_AVX512
#define ICL_ISA avx512
#else
#define ICL_ISA avx2
#endif

namespace icl {

/// x86-64-v3 and x86-64-v4.
enum class Isa : std::uint8_t { avx2, avx512 };

/// The set in force: the widest that this CPU has or, if the environment variable ICL_ISA is set,
/// the one that it names. Throws Error(ExitCode::usage) if it names none, or one that this CPU does
/// not have. Costs some nanoseconds; safe to call from any thread.
[[nodiscard]] Isa isa();

/// What ICL_ISA calls it: "avx2" or "avx512".
[[nodiscard]] std::string_view isa_name(Isa);

/// Whether this CPU has all of its instructions.
[[nodiscard]] bool cpu_has(Isa);

/// That of two forms of the same loops which is compiled for isa().
template <class Loops>
const Loops& in_force(const Loops& avx2, const Loops& avx512) {
  return isa() == Isa::avx512 ? avx512 : avx2;
}

}  // namespace icl
