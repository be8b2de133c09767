import unittest

from total import total


class TotalTest(unittest.TestCase):
    def test_three_of_two(self):
        self.assertEqual(total(2, 3), 6)


if __name__ == "__main__":
    unittest.main()
