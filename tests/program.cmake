# Tests of the program: its parts without a display, its window under Xvfb, its commands end to end.
find_program(DEADSCOPE_XVFB_RUN xvfb-run REQUIRED)
set(window_environment LIBGL_ALWAYS_SOFTWARE=1 ${test_environment})

file(GLOB_RECURSE app_test_sources CONFIGURE_DEPENDS app/*.cpp)
file(GLOB_RECURSE window_test_sources CONFIGURE_DEPENDS app/window/*.cpp)
if(window_test_sources)
    list(REMOVE_ITEM app_test_sources ${window_test_sources})
endif()

if(app_test_sources)
    add_executable(deadscope_tests_app ${app_test_sources})
    target_link_libraries(deadscope_tests_app PRIVATE
        deadscope_warnings deadscope_app deadscope_fixtures GTest::gmock_main)
    gtest_discover_tests(deadscope_tests_app DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
        PROPERTIES TIMEOUT 600 ENVIRONMENT "${window_environment}" LABELS app)
endif()

# Dear ImGui's test engine runs its own list of tests inside one window, so this is one ctest with its own main().
if(window_test_sources AND DEADSCOPE_TEST_ENGINE)
    add_executable(deadscope_tests_window ${window_test_sources})
    target_link_libraries(deadscope_tests_window PRIVATE deadscope_warnings deadscope_app deadscope_fixtures)
    add_test(NAME window
        COMMAND ${DEADSCOPE_XVFB_RUN} -a -s "-screen 0 1280x800x24" $<TARGET_FILE:deadscope_tests_window>)
    set_tests_properties(window PROPERTIES TIMEOUT 900 ENVIRONMENT "${window_environment}" LABELS window)
endif()

# Each script gets the program's path in DEADSCOPE and the repository's in DEADSCOPE_SOURCE_DIR.
# The system's own first: its numpy and jsonschema are the packages that ./run installs.
find_program(DEADSCOPE_TEST_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(DEADSCOPE_TEST_PYTHON python3 REQUIRED)
execute_process(COMMAND ${DEADSCOPE_TEST_PYTHON} -c "import numpy, jsonschema"
                RESULT_VARIABLE python_lacks OUTPUT_QUIET ERROR_QUIET)
if(python_lacks)
    message(FATAL_ERROR "${DEADSCOPE_TEST_PYTHON} has no numpy or no jsonschema, which the end-to-end tests need.\n"
            "  Debian, Ubuntu:  apt-get install python3-numpy python3-jsonschema\n"
            "  elsewhere:       -DDEADSCOPE_TEST_PYTHON=/path/of/a/python3/that/has/them, or -DDEADSCOPE_TESTS=OFF")
endif()
file(GLOB e2e_scripts CONFIGURE_DEPENDS e2e/test_*.py)
foreach(script IN LISTS e2e_scripts)
    get_filename_component(name ${script} NAME_WE)
    string(REGEX REPLACE "^test_" "e2e." name ${name})
    add_test(NAME ${name} COMMAND ${DEADSCOPE_TEST_PYTHON} ${script})
    set_tests_properties(${name} PROPERTIES TIMEOUT 900 LABELS e2e ENVIRONMENT
        "DEADSCOPE=$<TARGET_FILE:deadscope>;DEADSCOPE_SOURCE_DIR=${PROJECT_SOURCE_DIR};${window_environment}")
endforeach()
