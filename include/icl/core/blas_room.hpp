#pragma once

/// OpenBLAS maps 128 MiB of address space for each thread that calls it and once more for itself,
/// and as much for each CPU of the machine while the program starts, before main(). (Only what it
/// uses of that is ever in memory; its AVX-512 kernels for small products need none.) Where it
/// cannot, it asks again without end, so a limit of address space must be seen before: where this
/// file is linked, the program ends with status 71 and a sentence if what OpenBLAS will ask for at
/// the start cannot be had.
namespace icl {

/// Address space that so many threads take for OpenBLAS, their stacks and their heaps, beside what
/// was taken at the start [bytes].
[[nodiscard]] double address_space_of_threads(int threads);

/// Whether that can be had now.
[[nodiscard]] bool has_room_of_threads(int threads);

/// Throws Error(ExitCode::resources) unless what OpenBLAS will ask for when so many threads, which
/// have begun, call it can be had now, or could before.
void require_room_of_threads(int threads);

}  // namespace icl
