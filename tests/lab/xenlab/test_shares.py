# SPDX-License-Identifier: GPL-2.0-or-later
"""Emulated CPUs have what was reserved for them."""

import os
import threading
import unittest

from . import shares


class SharesTest(unittest.TestCase):
    def setUp(self) -> None:
        """Threads of this process, that wait."""
        self.end = threading.Event()
        self.addCleanup(self.end.set)
        self.threads = [threading.Thread(target=self.end.wait, daemon=True) for _ in range(2)]
        for thread in self.threads:
            thread.start()
        self.ids = [thread.native_id for thread in self.threads]

    def test_each_has_the_same_part(self) -> None:
        try:
            share = shares.reserve(self.ids, 1)
        except OSError as error:
            self.skipTest(f"SKIPPED: reservations are refused here: {error}")
        self.assertAlmostEqual(share, shares.RESERVED / 2)
        self.assertEqual([os.sched_getscheduler(thread) for thread in self.ids],
                         [shares.SCHED_DEADLINE] * 2)

    def test_a_thread_that_is_gone_is_an_error(self) -> None:
        self.end.set()
        for thread in self.threads:
            thread.join()
        with self.assertRaises(OSError):
            shares.reserve(self.ids, 1)


if __name__ == "__main__":
    unittest.main()
