# mmfree_room(<name> [SOURCES ...] [PUBLIC libs...] [PRIVATE libs...]): one static library mmfree_<name>, with the
# project's warnings and sanitizers and the repository root as its only own include path.
# mmfree_test(<name> SOURCES ... [LIBRARIES ...] [LABELS ...] [ARGUMENTS ...]): one Qt Test executable run by ctest.

add_library(mmfree_flags INTERFACE)
target_compile_options(mmfree_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wno-missing-field-initializers>)
if(MMFREE_WARNINGS_AS_ERRORS)
    target_compile_options(mmfree_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(MMFREE_SANITIZE)
    target_compile_options(mmfree_flags INTERFACE
        $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${MMFREE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all>)
    target_link_options(mmfree_flags INTERFACE -fsanitize=${MMFREE_SANITIZE})
endif()
target_include_directories(mmfree_flags INTERFACE "${PROJECT_SOURCE_DIR}")

function(mmfree_room name)
    cmake_parse_arguments(ROOM "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    add_library(mmfree_${name} STATIC ${ROOM_SOURCES})
    target_link_libraries(mmfree_${name} PUBLIC mmfree_flags ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
endfunction()

function(mmfree_test name)
    cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;ARGUMENTS" ${ARGN})
    add_executable(tst_${name} ${TEST_SOURCES})
    target_link_libraries(tst_${name} PRIVATE mmfree_flags mmfree_test_support Qt6::Test ${TEST_LIBRARIES})
    set_target_properties(tst_${name} PROPERTIES AUTOMOC ON RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
    add_test(NAME ${name} COMMAND tst_${name} ${TEST_ARGUMENTS})
    set(environment "QT_QPA_PLATFORM=offscreen;MMFREE_BIN_DIR=${PROJECT_BINARY_DIR}/bin;MMFREE_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
    if(NOT TEST_TIMEOUT)
        set(TEST_TIMEOUT 300)
    endif()
    if(MMFREE_SANITIZE)
        set(suppressions "${PROJECT_SOURCE_DIR}/cmake/sanitizers")
        list(APPEND environment "LSAN_OPTIONS=suppressions=${suppressions}/leaks.supp:print_suppressions=0"
            "TSAN_OPTIONS=suppressions=${suppressions}/races.supp")
        math(EXPR TEST_TIMEOUT "4 * ${TEST_TIMEOUT}")
    endif()
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment}" LABELS "${TEST_LABELS}" TIMEOUT ${TEST_TIMEOUT})
endfunction()
