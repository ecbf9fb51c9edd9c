"""Puts the weights in place."""

import sys

from examples.object_detection.weights import main

main(sys.argv[1:])
