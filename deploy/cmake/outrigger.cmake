# SPDX-License-Identifier: Apache-2.0
# How Outrigger's targets are made, so that every library, service and test is built alike.

add_library(outrigger_options INTERFACE)
target_compile_options(outrigger_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  --param=ggc-min-expand=100 --param=ggc-min-heapsize=524288)  # KiB: rarely collect garbage; a tenth of the time
target_compile_definitions(outrigger_options INTERFACE OUTRIGGER_VERSION="${PROJECT_VERSION}")

# What nearly every source includes is parsed once: a fifth of a cold build's time. Only headers of the system, named
# without a path, so that the compiler cache serves every checkout. The sanitizer and tidy presets go without it, and
# so see an #include that a source forgot.
file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc "")
add_library(outrigger_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
target_link_libraries(outrigger_precompiled PRIVATE outrigger_options)
target_precompile_headers(outrigger_precompiled PRIVATE
  <algorithm> <chrono> <condition_variable> <expected> <filesystem> <format> <functional> <map> <memory> <mutex> <set>
  <span> <string> <thread> <unordered_map> <variant> <vector> <nlohmann/json.hpp>)

function(outrigger_subdirectory folder)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
    add_subdirectory(${folder})
  endif()
endfunction()

# outrigger_library(NAME PUBLIC libs... PRIVATE libs...): libs/NAME with its headers in include/outrigger/NAME and its
# sources in src. Third-party libraries belong in PRIVATE: their headers appear in src only.
function(outrigger_library name)
  cmake_parse_arguments(arg "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS src/*.cc)
  file(GLOB headers CONFIGURE_DEPENDS include/outrigger/${name}/*.h)
  add_library(outrigger_${name} STATIC ${sources})
  add_library(outrigger::${name} ALIAS outrigger_${name})
  target_sources(outrigger_${name} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
  target_include_directories(outrigger_${name} PRIVATE src)
  target_link_libraries(outrigger_${name} PUBLIC ${arg_PUBLIC} PRIVATE outrigger_options ${arg_PRIVATE})
  target_precompile_headers(outrigger_${name} REUSE_FROM outrigger_precompiled)
endfunction()

# outrigger_service(NAME libs...): services/NAME. All but main.cc is a library of its own, so that tests can link it.
function(outrigger_service name)
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/main.cc)
  add_library(outrigger_service_${name} STATIC ${sources})
  target_include_directories(outrigger_service_${name} PUBLIC ${PROJECT_SOURCE_DIR}/services)
  target_link_libraries(outrigger_service_${name} PUBLIC ${ARGN} PRIVATE outrigger_options)
  target_precompile_headers(outrigger_service_${name} REUSE_FROM outrigger_precompiled)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cc)
    add_executable(${name} main.cc)
    target_link_libraries(${name} PRIVATE outrigger_service_${name} outrigger_options)
  endif()
endfunction()

# outrigger_test(NAME LABEL kind LIBS libs... [TIMEOUT seconds]): every *_test.cc of the current folder as one program.
# LABEL is unit, contract, integration, flows or regression. Unit and contract tests are listed one by one in ctest.
function(outrigger_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *_test.cc)
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  target_compile_definitions(${name} PRIVATE OUTRIGGER_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${arg_LIBS} outrigger_options GTest::gmock GTest::gtest_main)
  target_compile_options(${name} PRIVATE -O0 -g0)  # what is tested is optimised; the tests compile twice as fast
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_test(NAME ${arg_LABEL}.${name} COMMAND ${name})
  set_tests_properties(${arg_LABEL}.${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
