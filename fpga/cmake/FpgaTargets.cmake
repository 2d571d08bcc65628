# Targets for FPGA compilers, made when one is in PATH:
#   fpga_report    resources, loop pipelining and clock estimate, minutes
#   fpga_emulator  a program for the vendor's emulator on this CPU
#   fpga_hardware  the board's program, hours
# Run the result with MMFREE_OPENCL_BINARY=<file>. With aoc (Intel FPGA SDK for OpenCL) set MMFREE_FPGA_BOARD to the
# board package's board name; with v++ (AMD Vitis) set MMFREE_FPGA_PLATFORM to the platform. MMFREE_FPGA_OPTIONS holds
# kernel parameters such as -DMMFREE_PIPELINE_ROWS=16.
#
# The commands follow the vendors' manuals; neither compiler was available where this was written, so these targets
# were never run. What was run is the same kernel text with its channels in memory, on PoCL and under Oclgrind.

set(MMFREE_FPGA_BOARD "" CACHE STRING "Board name for aoc")
set(MMFREE_FPGA_PLATFORM "" CACHE STRING "Platform for v++")
set(MMFREE_FPGA_OPTIONS "" CACHE STRING "Kernel parameters, e.g. -DMMFREE_PIPELINE_ROWS=16")
find_program(MMFREE_AOC aoc)
find_program(MMFREE_VPP v++)
mark_as_advanced(MMFREE_AOC MMFREE_VPP)

set(MMFREE_PIPELINE_FILES
    fpga/shared/kernel_constants.h
    fpga/kernels/common.cl
    fpga/kernels/channels.cl
    fpga/kernels/pipeline_rows.cl
    fpga/kernels/pipeline_product.cl
    fpga/kernels/top_k.cl)

# mmfree_combined_kernels(<output file> <channels>): the rule for one .cl file of the pipeline.
function(mmfree_combined_kernels output channels)
    list(TRANSFORM MMFREE_PIPELINE_FILES PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE paths)
    list(JOIN MMFREE_PIPELINE_FILES "|" names)
    set(script "${PROJECT_SOURCE_DIR}/fpga/cmake/CombineKernels.cmake")
    add_custom_command(
        OUTPUT "${output}"
        COMMAND "${CMAKE_COMMAND}" -DOUTPUT=${output} -DROOT=${PROJECT_SOURCE_DIR} -DSOURCES=${names}
            -DCHANNELS=${channels} -P "${script}"
        DEPENDS ${paths} "${script}"
        VERBATIM)
endfunction()

# mmfree_fpga_target(<name> <result file> <input file> COMMAND ...): builds a result and says that it is unproven.
function(mmfree_fpga_target name result input)
    cmake_parse_arguments(FPGA "" "" "COMMAND" ${ARGN})
    add_custom_command(
        OUTPUT "${result}"
        COMMAND "${CMAKE_COMMAND}" -E echo "${name}: this target was never run by its authors; please report problems"
        COMMAND ${FPGA_COMMAND}
        DEPENDS "${input}"
        WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
        VERBATIM)
    add_custom_target(${name} DEPENDS "${result}")
endfunction()

function(mmfree_add_aoc_targets base options)
    mmfree_combined_kernels("${base}_intel.cl" 1)
    set(board "")
    if(MMFREE_FPGA_BOARD)
        set(board "-board=${MMFREE_FPGA_BOARD}")
    endif()
    set(aoc "${MMFREE_AOC}" ${options} ${board})
    mmfree_fpga_target(fpga_report "${base}.aocr" "${base}_intel.cl"
        COMMAND ${aoc} -rtl -report "${base}_intel.cl" -o "${base}.aocr")
    mmfree_fpga_target(fpga_emulator "${base}_emulator.aocx" "${base}_intel.cl"
        COMMAND "${MMFREE_AOC}" ${options} -march=emulator "${base}_intel.cl" -o "${base}_emulator.aocx")
    mmfree_fpga_target(fpga_hardware "${base}.aocx" "${base}_intel.cl"
        COMMAND ${aoc} "${base}_intel.cl" -o "${base}.aocx")
endfunction()

function(mmfree_add_vitis_targets base options)
    mmfree_combined_kernels("${base}_amd.cl" 2)
    set(vpp "${MMFREE_VPP}" ${options} --platform "${MMFREE_FPGA_PLATFORM}")
    mmfree_fpga_target(fpga_report "${base}_report.xo" "${base}_amd.cl"
        COMMAND ${vpp} -c -t hw --report_level 2 "${base}_amd.cl" -o "${base}_report.xo")
    foreach(kind IN ITEMS sw_emu hw)
        add_custom_command(
            OUTPUT "${base}_${kind}.xo"
            COMMAND ${vpp} -c -t ${kind} "${base}_amd.cl" -o "${base}_${kind}.xo"
            DEPENDS "${base}_amd.cl"
            VERBATIM)
    endforeach()
    mmfree_fpga_target(fpga_emulator "${base}_emulator.xclbin" "${base}_sw_emu.xo"
        COMMAND ${vpp} -l -t sw_emu "${base}_sw_emu.xo" -o "${base}_emulator.xclbin")
    mmfree_fpga_target(fpga_hardware "${base}.xclbin" "${base}_hw.xo"
        COMMAND ${vpp} -l -t hw "${base}_hw.xo" -o "${base}.xclbin")
endfunction()

function(mmfree_add_fpga_targets)
    separate_arguments(options NATIVE_COMMAND "${MMFREE_FPGA_OPTIONS}")
    set(base "${CMAKE_CURRENT_BINARY_DIR}/mmfree_pipeline")
    set(targets "targets fpga_report, fpga_emulator, fpga_hardware (never run by the authors)")
    if(MMFREE_AOC)
        mmfree_add_aoc_targets("${base}" "${options}")
        set(found "aoc, ${targets}")
    elseif(MMFREE_VPP AND MMFREE_FPGA_PLATFORM)
        mmfree_add_vitis_targets("${base}" "${options}")
        set(found "v++, ${targets}")
    elseif(MMFREE_VPP)
        set(found "v++ found, but MMFREE_FPGA_PLATFORM is not set: no targets")
    else()
        set(found "none (neither aoc nor v++ in PATH): no FPGA targets")
    endif()
    message(STATUS "FPGA compiler: ${found}")
endfunction()
