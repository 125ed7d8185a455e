# holdfast_room, holdfast_test and holdfast_fuzz: the only ways to make a target in this project.
#
# The floors are held here. A room on floor N may use rooms on floors below N; anything else stops
# the configure step with a message that names both rooms. The include path of a room is its own
# folder's parent for itself and, through a generated forwarding folder, each room it uses: a wrong
# include does not compile.

# A room's public include folder holds one symbolic link to the room, so that `#include "net/http.h"`
# works for those who use net and fails for those who do not.
function(_holdfast_include_dir out room)
  set(dir ${CMAKE_BINARY_DIR}/rooms/${room})
  if(NOT EXISTS ${dir}/${room})
    file(MAKE_DIRECTORY ${dir})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${room} ${dir}/${room} SYMBOLIC)
  endif()
  set(${out} ${dir} PARENT_SCOPE)
endfunction()

# holdfast_room(NAME FLOOR n [USES room...] [LIBRARIES lib...] SOURCES file...)
#   USES is transitive: who uses `metrics` also sees `model` and `base`.
function(holdfast_room name)
  cmake_parse_arguments(ARG "" "FLOOR" "USES;LIBRARIES;SOURCES" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT DEFINED ARG_FLOOR)
    message(FATAL_ERROR "room '${name}': say FLOOR n [USES ...] [LIBRARIES ...] SOURCES ...")
  endif()
  foreach(used IN LISTS ARG_USES)
    get_property(used_floor GLOBAL PROPERTY HOLDFAST_FLOOR_${used})
    if("${used_floor}" STREQUAL "")
      message(FATAL_ERROR "room '${name}' uses '${used}', which is no room declared before it")
    endif()
    if(NOT used_floor LESS ARG_FLOOR)
      message(FATAL_ERROR "room '${name}' on floor ${ARG_FLOOR} may not use '${used}' on floor ${used_floor}: "
                          "only floors below it. News travels up through the journal's topics.")
    endif()
  endforeach()
  set_property(GLOBAL PROPERTY HOLDFAST_FLOOR_${name} ${ARG_FLOOR})
  set_property(GLOBAL APPEND PROPERTY HOLDFAST_ROOMS ${name})

  add_library(${name} STATIC ${ARG_SOURCES})
  _holdfast_include_dir(include_dir ${name})
  target_include_directories(${name} PUBLIC ${include_dir})
  list(TRANSFORM ARG_LIBRARIES PREPEND hf_ OUTPUT_VARIABLE libraries)
  target_link_libraries(${name} PUBLIC ${ARG_USES} ${libraries} Threads::Threads)
endfunction()

# holdfast_test(ROOM file... [ALSO room...] [LIBRARIES lib...])
#   One test binary per room, linked with that room alone; ALSO is for stories in tests/ that cross rooms.
function(holdfast_test room)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "ALSO;LIBRARIES" ${ARGN})
  set(name ${room}_test)
  if(ARG_NAME)
    set(name ${ARG_NAME})
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  if(TARGET ${room})
    target_link_libraries(${name} PRIVATE ${room})
  endif()
  list(TRANSFORM ARG_LIBRARIES PREPEND hf_ OUTPUT_VARIABLE libraries)
  target_link_libraries(${name} PRIVATE ${ARG_ALSO} ${libraries} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE HOLDFAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             HOLDFAST_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()

# holdfast_fuzz(NAME file ROOM room)
#   With the fuzz preset a libFuzzer program; otherwise a test that runs the corpus in
#   tests/fuzz/corpus/NAME, and every prefix of each file, through the same entry point.
function(holdfast_fuzz name)
  cmake_parse_arguments(ARG "" "" "ROOM" ${ARGN})
  add_executable(fuzz_${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_ROOM})
  if(HOLDFAST_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME fuzz_${name} COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz_${name} PROPERTIES TIMEOUT 120)
  endif()
endfunction()
