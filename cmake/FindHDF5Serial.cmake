# The serial HDF5 library with its high-level part, as target HDF5::serial. HDF5Serial_ROOT or CMAKE_PREFIX_PATH name
# another installation.
find_path(HDF5Serial_INCLUDE_DIR hdf5_hl.h PATH_SUFFIXES hdf5/serial include/hdf5/serial include)
if(ICL_STATIC)
  set(_hdf5 libhdf5.a)
  set(_hdf5_hl libhdf5_hl.a)
else()
  set(_hdf5 hdf5)
  set(_hdf5_hl hdf5_hl)
endif()
set(_suffixes hdf5/serial lib/${CMAKE_LIBRARY_ARCHITECTURE}/hdf5/serial lib)
find_library(HDF5Serial_LIBRARY ${_hdf5} PATH_SUFFIXES ${_suffixes})
find_library(HDF5Serial_HL_LIBRARY ${_hdf5_hl} PATH_SUFFIXES ${_suffixes})
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
  if(ICL_STATIC)
    # What Debian's archive needs: compression, and for its S3 driver, which is never opened, stand-ins.
    add_library(icl_hdf5_without_s3 STATIC ${CMAKE_CURRENT_LIST_DIR}/hdf5_without_s3.cpp)
    target_link_libraries(HDF5::serial INTERFACE icl_hdf5_without_s3)
    foreach(archive libsz.a libaec.a libz.a)
      find_library(_path_of_${archive} ${archive} REQUIRED)
      mark_as_advanced(_path_of_${archive})
      target_link_libraries(HDF5::serial INTERFACE ${_path_of_${archive}})
    endforeach()
    target_link_libraries(HDF5::serial INTERFACE ${CMAKE_DL_LIBS} m)
  endif()
endif()
