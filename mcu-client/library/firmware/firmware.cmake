# Bare-metal firmware for the boards of this archive, over lwIP:
#
#   set(VC_BOARD mps2-an385)                       # boards: firmware/boards/
#   include(veracruz-mcu-client/firmware/firmware.cmake)
#   add_executable(my-sample main.c)
#   vc_firmware(my-sample)
#
# Options:
#   VC_DNS    the server may have a name
#   VC_IPV6   and an IPv6 address
#
# Adds the library itself. The program begins with board_client_start (firmware/client/board-client.h); FLASH_PAGE is
# where its page lies.
set(VC_FIRMWARE ${CMAKE_CURRENT_LIST_DIR})
if(NOT EXISTS ${VC_FIRMWARE}/${VC_BOARD}.cmake)
  message(FATAL_ERROR "VC_BOARD: there is no board \"${VC_BOARD}\" in ${VC_FIRMWARE}")
endif()
include(${VC_FIRMWARE}/${VC_BOARD}.cmake) # VC_CPU, VC_SOURCES, VC_LWIP..., VC_FLASH_PAGE, VC_STACK_BYTES, VC_MEMORY_BYTES
option(VC_DNS "Look up the server's name" OFF)
option(VC_IPV6 "Speak IPv6, too" OFF)
separate_arguments(VC_CPU)
add_compile_options(${VC_CPU} --specs=nano.specs -ffunction-sections -fdata-sections -fno-common)
add_subdirectory(${VC_FIRMWARE}/.. veracruz-mcu-client)
target_compile_options(veracruz-client PRIVATE -Os)

list(TRANSFORM VC_SOURCES PREPEND ${VC_FIRMWARE}/)
foreach(kind DNS IPV6)
  if(VC_${kind})
    list(APPEND VC_LWIP ${VC_LWIP_${kind}})
  endif()
endforeach()
list(TRANSFORM VC_LWIP PREPEND ${VC_FIRMWARE}/lwip/src/)
add_library(veracruz-lwip STATIC ${VC_LWIP})
target_include_directories(veracruz-lwip PUBLIC
  ${VC_FIRMWARE}/client/lwip ${VC_FIRMWARE}/net SYSTEM ${VC_FIRMWARE}/lwip/src/include)
target_compile_options(veracruz-lwip PRIVATE -Os -w)
target_compile_definitions(veracruz-lwip PUBLIC LWIP_DNS=$<BOOL:${VC_DNS}> LWIP_IPV6=$<BOOL:${VC_IPV6}>)

# The executable is a raw image as well, and its size is printed.
function(vc_firmware target)
  target_sources(${target} PRIVATE ${VC_SOURCES} ${VC_FIRMWARE}/library/transports/lwip/lwip-transport.c)
  set_target_properties(${target} PROPERTIES SUFFIX .elf C_STANDARD 11 C_EXTENSIONS ON)
  target_include_directories(${target} PRIVATE ${VC_FIRMWARE}/boards/${VC_BOARD} ${VC_FIRMWARE})
  target_compile_definitions(${target} PRIVATE FLASH_PAGE=${VC_FLASH_PAGE})
  target_compile_options(${target} PRIVATE -Os -g)
  target_link_libraries(${target} PRIVATE veracruz-client veracruz-lwip)
  target_link_options(${target} PRIVATE ${VC_CPU} --specs=nano.specs -nostartfiles -Wl,--gc-sections
    -Wl,--no-warn-rwx-segments -Wl,--defsym=__stack_size=${VC_STACK_BYTES} -Wl,-Map=$<TARGET_FILE:${target}>.map
    "SHELL:-T ${VC_FIRMWARE}/boards/${VC_BOARD}/memory.ld" "SHELL:-T ${VC_FIRMWARE}/arch/flash-whole.ld"
    "SHELL:-T ${VC_FIRMWARE}/arch/sections.ld")
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_OBJCOPY} -O binary $<TARGET_FILE:${target}> $<TARGET_FILE_DIR:${target}>/${target}.bin
    COMMAND ${CMAKE_SIZE} $<TARGET_FILE:${target}>)
endfunction()
