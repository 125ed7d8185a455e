// tests/app/case_file.h: tables of inputs and exact outputs as text files, so that a case needs no compiler.
//
//   === what is wrong
//   the input, any lines
//   --->
//   the output, any lines
//
// Escapes     \xHH in an input is that byte, \t a tab, for what a text file cannot hold.
// Update      HOLDFAST_UPDATE_GOLDEN=1 writes the outputs anew; the difference is reviewed like code.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace holdfast::app {

struct TextCase {
  std::string name;
  std::string input;          // as it stands in the file
  std::string output;         // without a last line end
  std::string bytes() const;  // the input, escapes resolved
};

// Runs every case of tests/app/<file> through `run` and expects its output; how many there were.
std::size_t run_case_file(const std::string& file,
                          const std::function<std::string(const TextCase&)>& run);

}  // namespace holdfast::app
