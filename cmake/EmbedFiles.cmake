# Run as a script: writes OUTPUT, a C++ file with FUNCTION in NAMESPACE that returns every file of SOURCES (names
# relative to ROOT, separated by |) as TYPE{name, text}, declared in HEADER; so the program needs no files beside it.
string(REPLACE "|" ";" names "${SOURCES}")
set(text "// Written by cmake/EmbedFiles.cmake from the files it names.\n")
string(APPEND text "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE}\n{\n\n")
string(APPEND text "std::span<const ${TYPE}> ${FUNCTION}()\n{\n    static constexpr ${TYPE} kFiles[] = {\n")
foreach(name IN LISTS names)
    file(READ "${ROOT}/${name}" contents)
    string(APPEND text "        {\"${name}\", R\"MMFREE(${contents})MMFREE\"},\n")
endforeach()
string(APPEND text "    };\n    return kFiles;\n}\n\n} // namespace ${NAMESPACE}\n")
file(WRITE "${OUTPUT}" "${text}")
