#!/bin/sh
# rustc for the packages of the workspace in `cargo xtask coverage`: cargo puts rustc's path and its
# arguments after it. The second flag lets counters be mapped to a file, which a kill cannot lose;
# with the third, LLVM tools that were built without zlib can read the names.
exec "$@" -Cinstrument-coverage -Cllvm-args=-runtime-counter-relocation \
    -Cllvm-args=-enable-name-compression=false
