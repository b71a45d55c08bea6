#pragma once

#include <cstddef>

namespace icl {

inline constexpr std::size_t cache_line_bytes = 64;

/// Memory for an array, aligned to a cache line. From 2 MiB on it is aligned to huge pages and the
/// kernel is asked for them (Linux, where transparent huge pages are "madvise" or "always"): rows
/// drawn at random from a table of 10^5 items else cost a walk through the page tables each. Throws
/// std::bad_alloc. Safe to call from any thread.
[[nodiscard]] void* allocate(std::size_t bytes);

/// Gives back what allocate(bytes) returned.
void deallocate(void* p, std::size_t bytes) noexcept;

/// Throws std::bad_alloc unless `bytes` more could be had now, as an array would be; takes none of
/// them. For calls of libraries that crash where an allocation of theirs fails (libhdf5 1.10), when
/// a limit was lowered while the process was at work. Safe to call from any thread.
void require_available(std::size_t bytes);

/// From here on a large block of the heap goes back to the kernel when it is freed, whatever its
/// size: otherwise malloc keeps those of up to 32 MB, and a process takes more memory than it uses.
/// Call once, at the start.
void return_large_blocks();

}  // namespace icl
