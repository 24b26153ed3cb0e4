import unittest

from pager import pages


class Hidden(unittest.TestCase):
    def test_all(self):
        for size in range(1, 6):
            for count in range(12):
                items = list(range(count))
                cut = pages(items, size)
                self.assertEqual([x for page in cut for x in page], items)
                self.assertTrue(all(len(page) == size for page in cut[:-1]))
                self.assertTrue(all(cut))
