#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

/// Counts the calls of operator new of this program. Replaces the global operators: include it in
/// one source file only.
namespace icl::test {

inline std::atomic<std::int64_t> allocation_count{0};

/// How often this program has allocated so far, on any thread.
inline std::int64_t allocations() { return allocation_count.load(); }

inline void* counted(std::size_t size, std::size_t alignment) {
  ++allocation_count;
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* const p = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

/// Not inline: else gcc warns, where it sees this free() but not the aligned_alloc() above.
[[gnu::noinline]] inline void release(void* p) noexcept { std::free(p); }

}  // namespace icl::test

void* operator new(std::size_t size) {
  return icl::test::counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new[](std::size_t size) {
  return icl::test::counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return icl::test::counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return icl::test::counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { icl::test::release(p); }
void operator delete[](void* p) noexcept { icl::test::release(p); }
void operator delete(void* p, std::size_t) noexcept { icl::test::release(p); }
void operator delete[](void* p, std::size_t) noexcept { icl::test::release(p); }
void operator delete(void* p, std::align_val_t) noexcept { icl::test::release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { icl::test::release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { icl::test::release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { icl::test::release(p); }
