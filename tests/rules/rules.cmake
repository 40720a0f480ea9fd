# Rules of the house as ctests. Each script is run twice: on the real thing, where it must succeed, and with
# --control on a made-up offender, where it must find the offence (a rule that cannot fail is no rule).

# add_rule(NAME ARGUMENTS...): tests/rules/NAME.sh with these arguments.
function(add_rule name)
    set(script ${CMAKE_CURRENT_SOURCE_DIR}/rules/${name}.sh)
    add_test(NAME rules.${name} COMMAND bash ${script} ${ARGN})
    add_test(NAME rules.${name}.control COMMAND bash ${script} --control)
    set_tests_properties(rules.${name} rules.${name}.control PROPERTIES LABELS rules TIMEOUT 120)
endfunction()

add_rule(core_has_no_window ${PROJECT_SOURCE_DIR}/core)
add_rule(core_does_not_print ${PROJECT_SOURCE_DIR}/core)
add_rule(no_machine_paths ${PROJECT_SOURCE_DIR})
add_rule(untrusted_input_is_tested ${PROJECT_SOURCE_DIR}/tests)
add_rule(shaders_compile ${PROJECT_SOURCE_DIR}/shaders)
if(DEADSCOPE_GRAPHICS)
    add_rule(program_links_no_graphics $<TARGET_FILE:deadscope>)
endif()
