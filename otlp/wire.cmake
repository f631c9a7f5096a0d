# The protobuf writer, on its own: the SDK needs nothing else of this folder.
add_library(signalbox_otlp_wire INTERFACE)
add_library(signalbox::otlp_wire ALIAS signalbox_otlp_wire)
set_target_properties(signalbox_otlp_wire PROPERTIES EXPORT_NAME otlp_wire)
target_sources(signalbox_otlp_wire INTERFACE
  FILE_SET HEADERS BASE_DIRS ${SIGNALBOX_ROOT} FILES ${CMAKE_CURRENT_LIST_DIR}/wire.h)
target_compile_features(signalbox_otlp_wire INTERFACE cxx_std_20)

signalbox_add_test(otlp_wire_test LABEL unit
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/wire_test.cc
  DEPS signalbox::otlp_wire)
