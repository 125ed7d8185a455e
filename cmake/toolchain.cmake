# Compiler and linker settings that every target shares.

set(CMAKE_LINK_DEPENDS_NO_SHARED ON)
# Thin archives of position-independent objects are not needed: everything links into few binaries.
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

find_program(HOLDFAST_CCACHE ccache)
if(HOLDFAST_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${HOLDFAST_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HOLDFAST_CCACHE})
endif()

find_program(HOLDFAST_MOLD mold)
if(HOLDFAST_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Werror -fno-omit-frame-pointer)
# g++ reports these two inside its own library headers at -O2, with no way to tell it otherwise.
add_compile_options(-Wno-maybe-uninitialized)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-dangling-reference
                      -Wno-stringop-overread -Wno-overloaded-virtual)
  # Asio's fences, which the thread sanitizer of g++ does not model; they guard nothing of ours.
  if(HOLDFAST_SANITIZE MATCHES thread)
    add_compile_options(-Wno-tsan)
  endif()
else()
  add_compile_options(-Wno-unknown-warning-option)
endif()

if(HOLDFAST_SANITIZE)
  add_compile_options(-fsanitize=${HOLDFAST_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HOLDFAST_SANITIZE})
endif()
if(HOLDFAST_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_compile_definitions(HOLDFAST_FUZZ=1)
endif()

find_package(Threads REQUIRED)
