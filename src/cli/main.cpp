#include "icl/cli/app.hpp"

int main(int argc, char** argv) { return icl::cli::run(argc, argv); }
