// promql_conformance [-v] DIR: runs every PromQL script of a folder against the engine.
#include <cstdio>
#include <string>

#include "conformance/script.h"

int main(int argc, char** argv) {
  bool verbose = false;
  std::string folder;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "-v") {
      verbose = true;
    } else {
      folder = arg;
    }
  }
  if (folder.empty()) {
    std::fprintf(stderr, "usage: promql_conformance [-v] DIR\n");
    return 2;
  }
  const auto reports = holdfast::conformance::run_folder(folder);
  if (!reports) {
    std::fprintf(stderr, "promql_conformance: %s\n", reports.error().message().c_str());
    return 2;
  }
  int passed = 0, failed = 0;
  for (const auto& [file, report] : *reports) {
    std::printf("%s: %d passed, %d failed\n", file.c_str(), report.passed, report.failed());
    passed += report.passed;
    failed += report.failed();
    if (!verbose) continue;
    for (const auto& f : report.failures) {
      std::printf("  %s:%d: %s\n    expected\n      %s\n    got\n      %s\n", file.c_str(), f.line,
                  f.query.c_str(), f.expected.c_str(), f.got.c_str());
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
