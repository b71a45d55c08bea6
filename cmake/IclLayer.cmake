# icl_layer(NAME [DOUBLE_ONLY] [SOURCES file...] [LOOPS file...] [LINKS target...])
#
# A folder of src/ and include/icl/ as a library: icl_NAME in float for use, and icl_NAME_f64 in double for the
# gradient checks and for second derivatives. The former is compiled eight sources at a time, which halves the time of a
# build; the latter as one file, and that file is what clang-tidy reads. So what is in unnamed namespaces must have
# different names throughout a layer. Without
# SOURCES they are all of src/NAME, so that what is added there (a probe, an optimiser, a command) needs no line here. LINKS repeats the
# arrows of the layer map: layer names (linked in the same precision) or targets that contain "::". LOOPS are those of the
# sources that are compiled for a second instruction set too.
#
# Both fit into one program, since in double the namespace icl is called icl_f64. A layer that is DOUBLE_ONLY exists in
# double alone, and its headers are for both: they hold nothing that depends on the precision. Layers of either precision
# link it, and take no definition from it.
function(icl_layer name)
  cmake_parse_arguments(ARG "DOUBLE_ONLY" "" "SOURCES;LOOPS;LINKS;PRIVATE_LINKS" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB_RECURSE ARG_SOURCES RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
    list(REMOVE_ITEM ARG_SOURCES ${name}/main.cpp)
  endif()
  set(precisions FLOAT _f64)
  if(ARG_DOUBLE_ONLY)
    set(precisions _f64)
  endif()
  foreach(precision IN LISTS precisions)
    if(precision STREQUAL "FLOAT")
      set(precision "")
    endif()
    set(target icl_${name}${precision})
    add_library(${target} STATIC ${ARG_SOURCES})
    target_include_directories(${target} PUBLIC
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
    target_link_libraries(${target} PRIVATE icl_flags)
    target_compile_features(${target} PUBLIC cxx_std_20)
    if(precision)
      target_compile_definitions(${target} PUBLIC ICL_REAL_DOUBLE icl=icl_f64)
      if(NOT name MATCHES "^(core|nn|model)$")
        # It need not be fast. (At -O1, gcc 12 takes an optional<string> that holds nothing for one that was not
        # initialised.)
        target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
      endif()
      set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE UNITY_BUILD_BATCH_SIZE 0)
    endif()
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)  # in batches of eight
    foreach(link IN LISTS ARG_LINKS)
      if(link MATCHES "::")
        target_link_libraries(${target} PUBLIC ${link})
      elseif(TARGET icl_${link}_f64 AND NOT TARGET icl_${link})
        target_link_libraries(${target} INTERFACE $<LINK_ONLY:icl_${link}_f64>)
      else()
        target_link_libraries(${target} PUBLIC icl_${link}${precision})
      endif()
    endforeach()
    target_link_libraries(${target} PRIVATE ${ARG_PRIVATE_LINKS})
    if(ARG_LOOPS)
      icl_second_isa(${target} ${ARG_LOOPS})
    endif()
  endforeach()
endfunction()

# icl_second_isa(TARGET file...): compiles these sources of a layer's library a second time into it, for AVX-512 (see
# icl/core/isa.hpp). Optimised whatever the build, so that no function of the standard library that they call is left for
# the linker to give to others.
function(icl_second_isa target)
  set(second ${target}_avx512)
  add_library(${second} OBJECT ${ARGN})
  target_link_libraries(${second} PRIVATE icl_flags)
  target_include_directories(${second} PRIVATE $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
  target_compile_definitions(${second} PRIVATE ICL_AVX512 $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
  # gcc 12 takes its own _mm512_undefined_epi32() for a variable that was not initialised (PR 105593).
  target_compile_options(${second} PRIVATE -mprefer-vector-width=512
    $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized$<SEMICOLON>-Wno-maybe-uninitialized> $<$<NOT:$<CONFIG:Release>>:-O2>)
  set_target_properties(${second} PROPERTIES ICL_AVX512 ON)
  if(target MATCHES "_f64$")
    set_target_properties(${second} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${second}>)
endfunction()

# Tests are many and small: gold links them in half the time.
find_program(ICL_GOLD ld.gold)
mark_as_advanced(ICL_GOLD)

# icl_test_headers(): what every test includes, compiled once for each precision. Call once, before icl_test.
function(icl_test_headers)
  foreach(suffix IN ITEMS "" _f64)
    set(target icl_test_headers${suffix})
    add_library(${target} OBJECT ${PROJECT_SOURCE_DIR}/tests/support/headers.cpp)
    target_link_libraries(${target} PRIVATE icl_core${suffix} icl_flags GTest::gmock_main)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
    target_precompile_headers(${target} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  endforeach()
endfunction()

# icl_test(LAYER UNIT [F64] [THREADED] [ENVIRONMENT NAME=VALUE]): tests/LAYER/UNIT_test.cpp as one CTest program that
# links its layer; with F64, a second time against the double build; with THREADED, labelled for ThreadSanitizer.
function(icl_test layer unit)
  cmake_parse_arguments(ARG "F64;THREADED" "ENVIRONMENT" "" ${ARGN})
  set(properties TIMEOUT 600)
  if(ARG_THREADED)
    list(APPEND properties LABELS threaded)
  endif()
  if(ARG_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${ARG_ENVIRONMENT}")
  endif()
  set(precisions FLOAT)
  if(ARG_F64)
    list(APPEND precisions F64)
  endif()
  foreach(precision IN LISTS precisions)
    set(suffix "")
    if(precision STREQUAL "F64")
      set(suffix _f64)
    endif()
    set(target ${layer}_${unit}_test${suffix})
    add_executable(${target} ${PROJECT_SOURCE_DIR}/tests/${layer}/${unit}_test.cpp)
    target_link_libraries(${target} PRIVATE icl_${layer}${suffix} icl_flags GTest::gmock_main)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    # The tests' own code need not be fast, but built fast: what they test is optimised as ever.
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
    if(ICL_GOLD AND NOT ICL_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_link_options(${target} PRIVATE -fuse-ld=gold)
    endif()
    target_precompile_headers(${target} REUSE_FROM icl_test_headers${suffix})
    if(ARG_THREADED)
      add_dependencies(threaded_tests ${target})
    endif()
    gtest_discover_tests(${target} TEST_PREFIX "${layer}.${unit}${suffix}." DISCOVERY_TIMEOUT 60
                         PROPERTIES ${properties})
  endforeach()
endfunction()
