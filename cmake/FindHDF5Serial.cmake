# The serial HDF5 library with its high-level part, as target HDF5::serial. HDF5Serial_ROOT or CMAKE_PREFIX_PATH name
# another installation.
find_path(HDF5Serial_INCLUDE_DIR hdf5_hl.h PATH_SUFFIXES hdf5/serial include/hdf5/serial include)
find_library(HDF5Serial_LIBRARY hdf5
  PATH_SUFFIXES hdf5/serial lib/${CMAKE_LIBRARY_ARCHITECTURE}/hdf5/serial lib)
find_library(HDF5Serial_HL_LIBRARY hdf5_hl
  PATH_SUFFIXES hdf5/serial lib/${CMAKE_LIBRARY_ARCHITECTURE}/hdf5/serial lib)
mark_as_advanced(HDF5Serial_INCLUDE_DIR HDF5Serial_LIBRARY HDF5Serial_HL_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(HDF5Serial
  REQUIRED_VARS HDF5Serial_LIBRARY HDF5Serial_HL_LIBRARY HDF5Serial_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "on Debian: apt-get install libhdf5-dev")
if(HDF5Serial_FOUND AND NOT TARGET HDF5::serial)
  add_library(HDF5::serial UNKNOWN IMPORTED)
  set_target_properties(HDF5::serial PROPERTIES
    IMPORTED_LOCATION ${HDF5Serial_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${HDF5Serial_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES "${HDF5Serial_HL_LIBRARY};${HDF5Serial_LIBRARY}")
endif()
