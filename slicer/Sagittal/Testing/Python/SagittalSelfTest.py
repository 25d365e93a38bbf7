"""Run inside Slicer: Slicer --python-script SagittalSelfTest.py [ADDRESS]. Prints PASS or FAIL for each step, and exits
with 0 where all passed."""
import sys
import unittest

import slicer

from SagittalLib.self_test import run_interactive


class SagittalSelfTest(unittest.TestCase):
    """The same for ctest."""

    def test_interactive(self):
        failed = [line for line in run_interactive(slicer.mrmlScene) if line.startswith("FAIL")]
        self.assertEqual(failed, [])


def main():
    address = next((argument for argument in sys.argv[1:] if "://" in argument), "")
    failed = 0
    for line in run_interactive(slicer.mrmlScene, address):
        print(line, flush=True)
        failed += line.startswith("FAIL")
    print("FAIL" if failed else "PASS", flush=True)
    slicer.util.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
