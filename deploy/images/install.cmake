# SPDX-License-Identifier: Apache-2.0
# cmake -DFROM=PROGRAM -DTO=IMAGES/image/tag/run -P install.cmake: puts a program where the process engine looks for an
# image. A program that runs is never written to: the new one takes its name.
file(SHA256 ${FROM} new)
set(old "")
if(EXISTS ${TO})
  file(SHA256 ${TO} old)
endif()
if(NOT new STREQUAL old)
  get_filename_component(folder ${TO} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  string(RANDOM LENGTH 8 draft)
  configure_file(${FROM} ${folder}/.run-${draft} COPYONLY)
  file(CHMOD ${folder}/.run-${draft} PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  file(RENAME ${folder}/.run-${draft} ${TO})
endif()
