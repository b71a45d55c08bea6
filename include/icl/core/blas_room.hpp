#pragma once

/// OpenBLAS maps 128 MiB of address space for each thread that calls it, and as much for each CPU
/// while the program starts, before main(). (Only what it uses of that is ever in memory.) Where it
/// cannot, it asks again without end, so a limit of address space must be seen before: where this
/// file is linked, the program ends with status 71 and a sentence if what OpenBLAS will ask for at
/// the start cannot be had.
namespace icl {

/// Address space that so many threads take for OpenBLAS, their stacks and their heaps [bytes].
[[nodiscard]] double address_space_of_threads(int threads);

}  // namespace icl
