# CMake toolchain for Veracruz programs in C:
#   cmake -B build -DCMAKE_TOOLCHAIN_FILE=PATH/cmake/wasm32-arm-veracruz.cmake
# and in CMakeLists.txt: add_veracruz_program(NAME FILE...), which makes NAME.wasm.
cmake_minimum_required(VERSION 3.18)
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
if(NOT CMAKE_C_COMPILER)
  set(CMAKE_C_COMPILER clang)
endif()
set(CMAKE_C_COMPILER_TARGET wasm32)
# The optimisation level is among the flags.
set(CMAKE_C_FLAGS_RELEASE "")

get_filename_component(VERACRUZ_SDK "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

function(add_veracruz_program name)
  # The one place of the flags: options of compiler and linker, a line each.
  file(STRINGS "${VERACRUZ_SDK}/flags.txt" flags)
  set(compile ${flags})
  list(FILTER compile EXCLUDE REGEX "^(-Wl,|-nostdlib)")
  add_executable(${name} ${ARGN} "${VERACRUZ_SDK}/veracruz.c")
  target_include_directories(${name} PRIVATE "${VERACRUZ_SDK}")
  target_compile_options(${name} PRIVATE ${compile})
  target_link_options(${name} PRIVATE ${flags})
  set_target_properties(${name} PROPERTIES SUFFIX .wasm LINK_DEPENDS "${VERACRUZ_SDK}/flags.txt")
endfunction()
