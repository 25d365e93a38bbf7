# sagittal_module(nn/cpu SOURCES a.cpp PUBLIC sagittal::base PRIVATE dnnl): one folder of src/ = one static library.
function(sagittal_module folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  add_library(sagittal_${name} STATIC ${ARG_SOURCES})
  add_library(sagittal::${name} ALIAS sagittal_${name})
  target_link_libraries(sagittal_${name} PUBLIC sagittal::options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# sagittal_test(io SOURCES a_test.cpp LIBRARIES sagittal::io LABELS unit): GoogleTest cases of one folder.
function(sagittal_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE sagittal::options ${ARG_LIBRARIES} GTest::gtest GTest::gmock GTest::gtest_main)
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name}_test PRIVATE SAGITTAL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES
    LABELS "${ARG_LABELS}" TIMEOUT 600 ENVIRONMENT "XDG_CACHE_HOME=${PROJECT_BINARY_DIR}/cache")
endfunction()

# sagittal_own_libraries(sagittal $ORIGIN/../lib/sagittal): where the tarball has its libraries; elsewhere only modules are there. The
# old kind of path holds for the libraries' libraries too, and nothing in the environment comes before it.
function(sagittal_own_libraries target path)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH ${path} BUILD_WITH_INSTALL_RPATH ON)
  target_link_options(${target} PRIVATE -Wl,--disable-new-dtags)
endfunction()
