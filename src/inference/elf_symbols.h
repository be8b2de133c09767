// Function names of a program file of ours, for the stacks of crash reports.
//
// Reads the symbol table that the linker left (.symtab), so that functions without an exported name have one too. A
// file that was stripped gives none. Every offset is checked, although the file is our own: a full disk may have cut
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace studio::inference {

class ElfSymbols {
 public:
  // Errors: not_found, corrupt_data (no ELF file of 64 bits, or one cut short).
  static Result<ElfSymbols> open(const std::string& path);

  // The function that holds this address of the unloaded file, demangled and with its offset: "main+0x1a"; empty where
  // none does.
  std::string name_of(uint64_t address) const;
  size_t size() const { return functions_.size(); }

 private:
  struct Function {
    uint64_t begin, size;
    std::string name;
  };
  std::vector<Function> functions_;  // by address
};

}  // namespace studio::inference
