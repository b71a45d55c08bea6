# cmake -P: fills src/core/build_info.cpp.in. Runs at each build, so that the commit is that of the build.
execute_process(COMMAND git -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude=*
                OUTPUT_VARIABLE ICL_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT ICL_COMMIT)
  set(ICL_COMMIT unknown)
endif()
configure_file(${SOURCE_DIR}/src/core/build_info.cpp.in ${OUTPUT} @ONLY)
