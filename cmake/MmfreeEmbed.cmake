# mmfree_embed(<output variable> HEADER <header> NAMESPACE <ns> TYPE <type> FUNCTION <name> FILES <names from the
# root...>): adds the rule for a C++ file holding those files as text and returns its path.
function(mmfree_embed result)
    cmake_parse_arguments(EMBED "" "HEADER;NAMESPACE;TYPE;FUNCTION" "FILES" ${ARGN})
    list(TRANSFORM EMBED_FILES PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE paths)
    list(JOIN EMBED_FILES "|" names)
    set(output "${CMAKE_CURRENT_BINARY_DIR}/embedded_${EMBED_FUNCTION}.cpp")
    set(script "${PROJECT_SOURCE_DIR}/cmake/EmbedFiles.cmake")
    add_custom_command(
        OUTPUT "${output}"
        COMMAND "${CMAKE_COMMAND}" -DOUTPUT=${output} -DROOT=${PROJECT_SOURCE_DIR} -DSOURCES=${names}
            -DHEADER=${EMBED_HEADER} -DNAMESPACE=${EMBED_NAMESPACE} -DTYPE=${EMBED_TYPE}
            -DFUNCTION=${EMBED_FUNCTION} -P "${script}"
        DEPENDS ${paths} "${script}"
        VERBATIM)
    set(${result} "${output}" PARENT_SCOPE)
endfunction()
