# SPDX-License-Identifier: ISC
# Runs a command and writes to the file that the first argument names how many
# milliseconds of the processor's time it took, how many on the clock, and how
# many KiB of memory. Time on the clock says nothing of the command where others
# run, too.
import resource
import subprocess
import sys
import time

began = time.monotonic()
status = subprocess.run(sys.argv[2:]).returncode
clock = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as out:
    print(int((used.ru_utime + used.ru_stime) * 1000), int(clock * 1000),
          used.ru_maxrss, file=out)
sys.exit(status)
