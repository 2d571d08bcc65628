# Run as a script: writes OUTPUT, a C++ file holding every file of SOURCES (names relative to ROOT) as text, so
# that the program needs no kernel files beside it.
# Usage: cmake -DOUTPUT=... -DROOT=... -DSOURCES="a.cl|b.cl" -P EmbedKernels.cmake
string(REPLACE "|" ";" names "${SOURCES}")
set(text "// Written by fpga/cmake/EmbedKernels.cmake from the files it names.\n")
string(APPEND text "#include \"fpga/host/kernel_sources.h\"\n\nnamespace mmfree::opencl\n{\n\n")
string(APPEND text "std::span<const KernelFile> kernelFiles()\n{\n    static constexpr KernelFile kFiles[] = {\n")
foreach(name IN LISTS names)
    file(READ "${ROOT}/${name}" contents)
    string(APPEND text "        {\"${name}\", R\"MMFREE(${contents})MMFREE\"},\n")
endforeach()
string(APPEND text "    };\n    return kFiles;\n}\n\n} // namespace mmfree::opencl\n")
file(WRITE "${OUTPUT}" "${text}")
