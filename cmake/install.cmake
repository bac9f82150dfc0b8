# `cmake --install`: binary, libraries, headers, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

install(TARGETS attnspec-cli libattnspec openblas_backend EXPORT attnspec-targets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
# The Python tool runs without a build, so its version stands a second time; the two must agree.
file(STRINGS tools/attention_dump/__init__.py dump_tool_version REGEX "^VERSION = \"${PROJECT_VERSION}\"$")
if(NOT dump_tool_version)
  message(FATAL_ERROR "tools/attention_dump/__init__.py has another VERSION than CMakeLists.txt (${PROJECT_VERSION})")
endif()
install(TARGETS catalog_reader RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/attnspec)
install(PROGRAMS tools/dump_attention.py DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/attnspec)
install(DIRECTORY tools/attention_dump DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/attnspec FILES_MATCHING PATTERN "*.py")
install(DIRECTORY lib analysis DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/attnspec FILES_MATCHING PATTERN "*.hpp"
        PATTERN "catalog_reader" EXCLUDE PATTERN "catalog_*.hpp" EXCLUDE PATTERN "chunk_reader.hpp" EXCLUDE PATTERN "tile_reader.hpp" EXCLUDE PATTERN "dump_contents.hpp" EXCLUDE
        PATTERN "path_pattern.hpp" EXCLUDE PATTERN "filters.hpp" EXCLUDE PATTERN "decode.hpp" EXCLUDE PATTERN "hdf5_*.hpp" EXCLUDE PATTERN "layout_*.hpp" EXCLUDE PATTERN "layouts.hpp" EXCLUDE PATTERN "cpu_*.hpp" EXCLUDE PATTERN "cuda" EXCLUDE PATTERN "cuda_*.hpp" EXCLUDE PATTERN "sibling_library.hpp" EXCLUDE
        PATTERN "lanes" EXCLUDE PATTERN "spectrum_pipeline.hpp" EXCLUDE PATTERN "worker_slots.hpp" EXCLUDE PATTERN "thread_time.hpp" EXCLUDE
        PATTERN "screening.hpp" EXCLUDE PATTERN "trial_plan.hpp" EXCLUDE PATTERN "gpu_[!f]*" EXCLUDE PATTERN "narrow_numbers.hpp" EXCLUDE
        PATTERN "vector_clones.hpp" EXCLUDE PATTERN "quiet_policy.hpp" EXCLUDE)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attnspec)
install(EXPORT attnspec-targets NAMESPACE attnspec:: DESTINATION ${package_dir})
configure_package_config_file(cmake/attnspec-config.cmake.in ${PROJECT_BINARY_DIR}/attnspec-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/attnspec-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/attnspec-config.cmake ${PROJECT_BINARY_DIR}/attnspec-config-version.cmake
        DESTINATION ${package_dir})

# From the folder of the .pc file back to the prefix, so that an installed tree can be moved.
file(RELATIVE_PATH ATTNSPEC_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/attnspec.pc.in ${PROJECT_BINARY_DIR}/attnspec.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/attnspec.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
