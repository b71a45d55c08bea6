# The openmp build of OpenBLAS, as target OpenBLAS::openmp. Debian keeps three builds and lets an alternative choose
# which of them libopenblas.so.0 is; the serial one is wrong under OpenMP. So the static archive of the openmp build is
# preferred, which nothing can swap; for another installation give OpenBLASOpenMP_ROOT (or CMAKE_PREFIX_PATH) and
# src/core/gemm.cpp checks at start-up what it was.
set(_suffixes openblas-openmp lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp)
find_path(OpenBLASOpenMP_INCLUDE_DIR cblas.h
  PATH_SUFFIXES include ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp openblas-openmp openblas
                include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp include/openblas)
find_library(OpenBLASOpenMP_LIBRARY NAMES libopenblas.a openblas NAMES_PER_DIR PATH_SUFFIXES ${_suffixes} lib)
mark_as_advanced(OpenBLASOpenMP_INCLUDE_DIR OpenBLASOpenMP_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenBLASOpenMP
  REQUIRED_VARS OpenBLASOpenMP_LIBRARY OpenBLASOpenMP_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libopenblas-openmp-dev")
if(OpenBLASOpenMP_FOUND AND NOT TARGET OpenBLAS::openmp)
  add_library(OpenBLAS::openmp UNKNOWN IMPORTED)
  set_target_properties(OpenBLAS::openmp PROPERTIES
    IMPORTED_LOCATION ${OpenBLASOpenMP_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${OpenBLASOpenMP_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES "OpenMP::OpenMP_CXX;m")
endif()
