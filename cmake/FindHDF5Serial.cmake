# The serial HDF5 library with its high-level part, as target HDF5::serial. HDF5Serial_ROOT or CMAKE_PREFIX_PATH name
# another installation. Where there are archives of it (Debian's libhdf5-dev has them), they are linked: Debian's shared
# library wants curl, for a driver that is not used here, and loading the forty libraries behind that takes three quarters
# of the start of a program. ICL_HDF5_ARCHIVE=OFF links the shared library.
option(ICL_HDF5_ARCHIVE "Link the archive of HDF5, where there is one" ON)
mark_as_advanced(ICL_HDF5_ARCHIVE)
set(_suffixes_of_libraries ${CMAKE_FIND_LIBRARY_SUFFIXES})
if(ICL_HDF5_ARCHIVE AND NOT ICL_SANITIZE AND NOT ICL_FUZZ)
  list(PREPEND CMAKE_FIND_LIBRARY_SUFFIXES .a)
endif()
find_path(HDF5Serial_INCLUDE_DIR hdf5_hl.h PATH_SUFFIXES hdf5/serial include/hdf5/serial include)
set(_suffixes hdf5/serial lib/${CMAKE_LIBRARY_ARCHITECTURE}/hdf5/serial lib)
find_library(HDF5Serial_LIBRARY hdf5 PATH_SUFFIXES ${_suffixes})
find_library(HDF5Serial_HL_LIBRARY hdf5_hl PATH_SUFFIXES ${_suffixes})
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
  if(HDF5Serial_LIBRARY MATCHES "[.]a$")
    # What an archive of HDF5 may need: compression, and stand-ins for what a program cannot or need not have.
    add_library(icl_static_stand_ins STATIC ${CMAKE_CURRENT_LIST_DIR}/static_stand_ins.cpp)
    target_link_libraries(HDF5::serial INTERFACE icl_static_stand_ins)
    if(ICL_STATIC)
      foreach(function dlopen dlsym dlclose dlerror)
        target_link_options(HDF5::serial INTERFACE -Wl,--wrap=${function})
      endforeach()
    endif()
    foreach(archive sz aec z)
      find_library(_path_of_${archive} ${archive})
      mark_as_advanced(_path_of_${archive})
      if(_path_of_${archive})
        target_link_libraries(HDF5::serial INTERFACE ${_path_of_${archive}})
      endif()
    endforeach()
    target_link_libraries(HDF5::serial INTERFACE m)
  endif()
endif()
set(CMAKE_FIND_LIBRARY_SUFFIXES ${_suffixes_of_libraries})
