#include "icl/core/available_memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

namespace icl {
namespace {

std::string text_of(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<double> limit_of(int resource) {
  rlimit limit = {};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return std::nullopt;
  if (limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

/// The number behind "name:" in kB, as bytes.
std::optional<double> meminfo_row(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  std::string word;
  double number = 0;
  while (lines >> word) {
    if (word == name + ":" && lines >> number) return 1024 * number;
  }
  return std::nullopt;
}

/// Numbers 0, 1, ... of a line of numbers of pages.
double pages(const MemorySources& sources, std::size_t index) {
  std::istringstream numbers(sources.statm);
  double number = 0;
  for (std::size_t i = 0; i <= index; ++i) {
    if (!(numbers >> number)) return 0;
  }
  return number * sources.page_bytes;
}

}  // namespace

MemorySources memory_sources() {
  return {.meminfo = text_of("/proc/meminfo"),
          .statm = text_of("/proc/self/statm"),
          .page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE)),
          .group = cgroup::memory(),
          .address_space = limit_of(RLIMIT_AS),
          .data = limit_of(RLIMIT_DATA)};
}

std::vector<MemoryBound> memory_bounds(const MemorySources& sources) {
  std::vector<MemoryBound> bounds;
  const auto add = [&](const char* owner, double limit, double used, bool is_shared) {
    bounds.push_back({owner, limit, std::max(limit - used, 0.0), is_shared});
  };
  if (const auto free = meminfo_row(sources.meminfo, "MemAvailable")) {
    const double total = meminfo_row(sources.meminfo, "MemTotal").value_or(*free);
    add("this machine", total, total - *free, true);
  }
  if (sources.group) {
    add("the control group of this process", static_cast<double>(sources.group->limit),
        static_cast<double>(sources.group->in_use), true);
  }
  constexpr std::size_t size = 0;  // in statm: all pages that are mapped
  constexpr std::size_t data = 5;  // data and stack
  if (sources.address_space) {
    add("the address space of this process (ulimit -v)", *sources.address_space,
        pages(sources, size), false);
  }
  if (sources.data) {
    add("the data segment of this process (ulimit -d)", *sources.data, pages(sources, data), false);
  }
  std::ranges::stable_sort(bounds, {}, &MemoryBound::left);
  return bounds;
}

std::string bytes_text(double bytes) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  constexpr double step = 1000;
  std::size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < units.size()) {
    bytes /= step;
    ++unit;
  }
  constexpr double two_digits = 9.95;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit > 0 && bytes < two_digits ? "%.1f %s" : "%.0f %s",
                bytes, units.at(unit));
  return text.data();
}

}  // namespace icl
