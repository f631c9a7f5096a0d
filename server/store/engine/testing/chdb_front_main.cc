// chdb-front FOLDER: ClickHouse's HTTP interface on a free port of 127.0.0.1, whose URL it prints,
// until its standard input ends.

#include <cstdio>
#include <exception>

#include "server/store/engine/chdb_api.h"
#include "server/store/engine/testing/chdb_front.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: chdb-front FOLDER\n", stderr);
    return 2;
  }
  try {
    const signalbox::server::store::testing::ChdbFront front({.folder = argv[1], .password = {}});
    std::printf("%s\n", front.url().c_str());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "chdb-front: %s\n", error.what());
    return 1;
  }
  chdb_shutdown();
  return 0;
}
