"""`make bench`: Trinity's speed and size, each figure beside what it is compared with, measured in turn in one run."""
