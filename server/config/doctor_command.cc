#include "server/config/doctor_command.h"

namespace signalbox::server::config {

DoctorCommand::DoctorCommand(CLI::App& app, const Environment& environment)
    : environment_(environment),
      command_(app.add_subcommand(
          "doctor", "Examine ports, disk, memory, clock, log and engine, and say what to do")) {
  command_->group("Ask");
  command_->add_option("--data", folder_, "The server's data folder (SIGNALBOX_DATA)")
      ->default_str(ServeOptions().data_folder.string())
      ->type_name("FOLDER");
  command_->add_option("--ui-address", ui_address_, "The web UI's (SIGNALBOX_UI_ADDRESS)")
      ->type_name("ADDRESS:PORT");
  command_
      ->add_option("--grpc-address", grpc_address_, "That of OTLP/gRPC (SIGNALBOX_GRPC_ADDRESS)")
      ->type_name("ADDRESS:PORT");
  command_
      ->add_option("--http-address", http_address_, "That of OTLP/HTTP (SIGNALBOX_HTTP_ADDRESS)")
      ->type_name("ADDRESS:PORT");
  command_->add_option("--config", file_, "The server's configuration file (SIGNALBOX_CONFIG)")
      ->type_name("FILE");
  command_->add_flag("--json", output_.json, "Print what was found as JSON")->group("Output");
  command_->add_option("--color", output_.color, "Colours: auto is only on a terminal (NO_COLOR)")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str()
      ->group("Output");
}

std::optional<Doctor> DoctorCommand::parsed() const {
  if (!command_->parsed()) return std::nullopt;
  Flags flags;
  if (!folder_.empty()) flags["data"] = {folder_};
  if (!ui_address_.empty()) flags["ui-address"] = {ui_address_};
  if (!grpc_address_.empty()) flags["grpc-address"] = {grpc_address_};
  if (!http_address_.empty()) flags["http-address"] = {http_address_};
  const auto file = configuration_file(file_, environment_);
  return Doctor{.options = resolve(flags, environment_, file).options, .output = output_};
}

}  // namespace signalbox::server::config
