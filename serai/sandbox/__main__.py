import sys

from serai.sandbox.app import main

sys.exit(main(sys.argv[1:]))
