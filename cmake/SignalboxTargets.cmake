# Functions that define this project's targets: one way to add a library, a program, a test.

# The repository's root, also where it is part of somebody else's build.
get_filename_component(SIGNALBOX_ROOT ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

find_package(Threads REQUIRED)

# Private flags of every target of ours; never exported to users of the SDK.
add_library(signalbox_flags INTERFACE)
target_compile_options(signalbox_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
  -fmacro-prefix-map=${SIGNALBOX_ROOT}/=)  # Source locations in logs are relative to the repository.
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(signalbox_flags INTERFACE -Werror)  # A user's compiler may warn of more.
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 in -O2 builds, in the standard library's own headers.
  target_compile_options(signalbox_flags INTERFACE
    -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized
    -Wno-stringop-overread -Wno-dangling-pointer -Wno-free-nonheap-object)
endif()
if(SIGNALBOX_SANITIZE)
  target_compile_options(signalbox_flags INTERFACE
    -fsanitize=${SIGNALBOX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(signalbox_flags INTERFACE -fsanitize=${SIGNALBOX_SANITIZE})
endif()

# signalbox_add_library(<name> HEADERS … SOURCES … [DEPS …] [PRIVATE_DEPS …])
# A static library `signalbox_<name>` with the alias `signalbox::<name>`. Headers are found from the
# repository's root ("otlp/wire.h").
function(signalbox_add_library name)
  cmake_parse_arguments(ARG "" "" "HEADERS;SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(signalbox_${name} STATIC ${ARG_SOURCES})
  add_library(signalbox::${name} ALIAS signalbox_${name})
  set_target_properties(signalbox_${name} PROPERTIES EXPORT_NAME ${name})
  target_sources(signalbox_${name} PUBLIC
    FILE_SET HEADERS BASE_DIRS ${SIGNALBOX_ROOT} FILES ${ARG_HEADERS})
  target_compile_features(signalbox_${name} PUBLIC cxx_std_20)
  target_link_libraries(signalbox_${name}
    PUBLIC ${ARG_DEPS} Threads::Threads
    PRIVATE $<BUILD_INTERFACE:signalbox_flags> ${ARG_PRIVATE_DEPS})
  signalbox_build_on_demand(signalbox_${name})
endfunction()

# With a sanitizer, only what a test needs is built.
function(signalbox_build_on_demand target)
  if(SIGNALBOX_SANITIZE)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
endfunction()

# signalbox_add_program(<name> SOURCES … [DEPS …])
function(signalbox_add_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${SIGNALBOX_ROOT})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} Threads::Threads signalbox_flags)
  signalbox_build_on_demand(${name})
endfunction()

# signalbox_add_test(<name> LABEL unit|property|integration [SINGLE_THREADED] SOURCES … [DEPS …]
#                    [TIMEOUT s])
# A GoogleTest program, one CTest test. What is SINGLE_THREADED, or a property test, has nothing to
# show to ThreadSanitizer and is left out of its build.
function(signalbox_add_test name)
  cmake_parse_arguments(ARG "SINGLE_THREADED" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT SIGNALBOX_TESTS)
    return()
  endif()
  if(SIGNALBOX_SANITIZE MATCHES "thread" AND (ARG_SINGLE_THREADED OR ARG_LABEL STREQUAL "property"))
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${SIGNALBOX_ROOT})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE
    ${ARG_DEPS} GTest::gmock GTest::gtest_main Threads::Threads signalbox_flags)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# signalbox_add_fuzzer(<name> SOURCES x_fuzz.cc CORPUS dir [DEPS …])
# `x_fuzz.cc` defines LLVMFuzzerTestOneInput. With clang and -DSIGNALBOX_SANITIZE=fuzzer,… it is a
# libFuzzer program; always, a CTest test replays its corpus and seeded mutations of it.
function(signalbox_add_fuzzer name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPS" ${ARGN})
  if(NOT SIGNALBOX_TESTS OR SIGNALBOX_SANITIZE MATCHES "thread")
    return()
  endif()
  set(driver ${SIGNALBOX_ROOT}/tests/corpus/replay.cc)
  if(SIGNALBOX_SANITIZE MATCHES "fuzzer")
    set(driver)
  endif()
  add_executable(${name} ${ARG_SOURCES} ${driver})
  target_include_directories(${name} PRIVATE ${SIGNALBOX_ROOT})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} Threads::Threads signalbox_flags)
  if(driver)
    add_test(NAME ${name} COMMAND ${name} ${SIGNALBOX_ROOT}/${ARG_CORPUS})
  else()
    add_test(NAME ${name}
      COMMAND ${name} -max_total_time=20 -timeout=5 -rss_limit_mb=2048 ${SIGNALBOX_ROOT}/${ARG_CORPUS})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  set_property(GLOBAL APPEND_STRING PROPERTY SIGNALBOX_FUZZERS "${name} ${ARG_CORPUS}\n")
endfunction()
