// The studio program. Everything is composed in cli/program.cc and the command that was asked for.
#include <string>
#include <vector>

#include "cli/program.h"

int main(int argc, char** argv) {
  return studio::cli::run_program(std::vector<std::string>(argv + 1, argv + argc));
}
