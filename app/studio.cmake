# mmfree-studio: the window. mmfree_app_studio holds everything but main(), so that tests can drive the real window.
add_library(mmfree_app_studio STATIC
    main_menus.cpp
    main_window.cpp
    model_opening.cpp
    pages.cpp
    resource_paths.cpp
    screenshot.cpp
    settings.cpp)
set_target_properties(mmfree_app_studio PROPERTIES AUTOMOC ON)
target_compile_definitions(mmfree_app_studio
    PUBLIC MMFREE_VERSION="${PROJECT_VERSION}"
    PRIVATE MMFREE_SOURCE_RESOURCES="${PROJECT_SOURCE_DIR}/resources")
target_link_libraries(mmfree_app_studio PUBLIC mmfree_flags mmfree_widgets PRIVATE mmfree_app_catalog)

if(MMFREE_WITH_SERVER)
    target_sources(mmfree_app_studio PRIVATE server/local_server.cpp server/server_dialog.cpp)
    target_compile_definitions(mmfree_app_studio PRIVATE MMFREE_WITH_SERVER)
    target_link_libraries(mmfree_app_studio PUBLIC mmfree_server)
endif()

add_executable(mmfree-studio main.cpp)
target_link_libraries(mmfree-studio PRIVATE mmfree_app_studio mmfree_app_catalog)
