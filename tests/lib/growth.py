"""Whether a process grows, told from samples of its memory."""
import math

BLOCKS = 20  # of samples, for the interval: neighbours depend on each other


def memory_of(pid):
    """Bytes of the process alone. Pages of files are left out: their share falls and rises with who else maps the model."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith(("Pss_Anon:", "Pss_Shmem:"))) * 1024
    except OSError:
        return 0


def slope(points):
    """Of (count, bytes): MB per 1,000, and the upper end of its 95 % interval, by least squares over means of blocks."""
    size = max(1, len(points) // BLOCKS)
    blocks = [points[i:i + size] for i in range(0, len(points) - size + 1, size)]
    xs = [sum(x for x, _ in block) / len(block) / 1e3 for block in blocks]
    ys = [sum(y for _, y in block) / len(block) / 1e6 for block in blocks]
    n = len(xs)
    mean_x, mean_y = sum(xs) / n, sum(ys) / n
    spread = sum((x - mean_x) ** 2 for x in xs)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / spread
    left = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in zip(xs, ys))
    error = math.sqrt(left / (n - 2) / spread)
    return rise, rise + 1.74 * error  # one-sided 95 % of Student's t at 17 degrees of freedom or so
