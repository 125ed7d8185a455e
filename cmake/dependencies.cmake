# Third-party libraries, each as one target named hf_<library>. A room names the ones it needs in
# LIBRARIES; docs/decisions tells why each was chosen.

find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(Boost 1.81 REQUIRED)

function(holdfast_pkg name module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  add_library(hf_${name} INTERFACE)
  target_link_libraries(hf_${name} INTERFACE PkgConfig::${name})
endfunction()

holdfast_pkg(zstd libzstd)
holdfast_pkg(sqlite sqlite3)
holdfast_pkg(yaml yaml-cpp)
holdfast_pkg(fmt fmt)
holdfast_pkg(re2 re2)
holdfast_pkg(xxhash libxxhash)
holdfast_pkg(nghttp2 libnghttp2)
holdfast_pkg(pugixml pugixml)
holdfast_pkg(gmime gmime-3.0)

# libharu brings no description for pkg-config everywhere.
find_library(HARU_LIBRARY hpdf REQUIRED)
find_path(HARU_INCLUDE_DIR hpdf.h REQUIRED)
add_library(hf_haru INTERFACE)
target_link_libraries(hf_haru INTERFACE ${HARU_LIBRARY})
target_include_directories(hf_haru SYSTEM INTERFACE ${HARU_INCLUDE_DIR})

add_library(hf_openssl INTERFACE)
target_link_libraries(hf_openssl INTERFACE OpenSSL::SSL OpenSSL::Crypto)
add_library(hf_zlib INTERFACE)
target_link_libraries(hf_zlib INTERFACE ZLIB::ZLIB)
add_library(hf_curl INTERFACE)
target_link_libraries(hf_curl INTERFACE CURL::libcurl)
add_library(hf_snappy INTERFACE)
target_link_libraries(hf_snappy INTERFACE snappy)

# Header-only: Boost.Asio and Beast (inside net only), nlohmann-json, CLI11 (inside app only).
add_library(hf_boost INTERFACE)
target_include_directories(hf_boost SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(hf_boost INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                           BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
find_package(nlohmann_json REQUIRED)
add_library(hf_json INTERFACE)
target_link_libraries(hf_json INTERFACE nlohmann_json::nlohmann_json)
find_package(CLI11 REQUIRED)
add_library(hf_cli INTERFACE)
target_link_libraries(hf_cli INTERFACE CLI11::CLI11)

find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)

# The parser of DNS messages; a part of the C library that glibc before 2.34 keeps beside it, and of
# which Debian 12 still needs a few names.
add_library(hf_resolv INTERFACE)
target_link_libraries(hf_resolv INTERFACE resolv)
