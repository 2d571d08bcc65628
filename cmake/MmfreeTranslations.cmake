# Translations of the window: .ts files of Qt Linguist are compiled and embedded. After texts changed in the sources,
# `cmake --build build --target update_translations` brings the .ts files up to date; tests/gui/tst_translations says
# what is missing in them.
find_package(Qt6 REQUIRED COMPONENTS LinguistTools)

set(MMFREE_TRANSLATIONS "${PROJECT_SOURCE_DIR}/resources/translations")
# What lupdate is asked for; the test asks the same.
set(MMFREE_LUPDATE_ARGUMENTS -silent -recursive app widgets -I . -locations none -no-obsolete -source-language en)

# mmfree_translations(<variable>): sets it to a source file that holds the compiled translations.
function(mmfree_translations variable)
    set(folder "${PROJECT_BINARY_DIR}/translations")
    file(MAKE_DIRECTORY "${folder}")
    set(entries "")
    set(files "")
    foreach(language en ru)
        set(ts "${MMFREE_TRANSLATIONS}/mmfree-studio_${language}.ts")
        set(qm "${folder}/mmfree-studio_${language}.qm")
        add_custom_command(OUTPUT "${qm}"
            COMMAND Qt6::lrelease -silent "${ts}" -qm "${qm}"
            DEPENDS "${ts}" VERBATIM)
        string(APPEND entries "<file alias=\"mmfree-studio_${language}.qm\">${qm}</file>"
            "<file alias=\"mmfree-studio_${language}.ts\">${ts}</file>")
        list(APPEND files "${ts}" "${qm}")
    endforeach()
    file(CONFIGURE OUTPUT "${folder}/translations.qrc"
        CONTENT "<RCC><qresource prefix=\"/translations\">@entries@</qresource></RCC>\n" @ONLY)
    add_custom_command(OUTPUT "${folder}/qrc_translations.cpp"
        COMMAND Qt6::rcc --name translations -o "${folder}/qrc_translations.cpp" "${folder}/translations.qrc"
        DEPENDS ${files} "${folder}/translations.qrc" VERBATIM)
    set(${variable} "${folder}/qrc_translations.cpp" PARENT_SCOPE)
endfunction()

add_custom_target(update_translations
    COMMAND Qt6::lupdate ${MMFREE_LUPDATE_ARGUMENTS} -target-language ru -ts "${MMFREE_TRANSLATIONS}/mmfree-studio_ru.ts"
    COMMAND Qt6::lupdate ${MMFREE_LUPDATE_ARGUMENTS} -target-language en -pluralonly
            -ts "${MMFREE_TRANSLATIONS}/mmfree-studio_en.ts"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" VERBATIM)
