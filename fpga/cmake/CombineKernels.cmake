# Run as a script: writes OUTPUT, one .cl file of the PIPELINE variant with CHANNELS (a number of
# kernel_constants.h), from SOURCES (names relative to ROOT, separated by |), for compilers that take one file.
string(REPLACE "|" ";" names "${SOURCES}")
set(text "#define MMFREE_VARIANT 3\n#define MMFREE_CHANNELS ${CHANNELS}\n")
foreach(name IN LISTS names)
    file(READ "${ROOT}/${name}" contents)
    string(APPEND text "#line 1 \"${name}\"\n${contents}\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}")
