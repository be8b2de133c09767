"""The factor of every bound in time of these tests. One is right for the released program; a sanitized one takes longer, and so
`make test-sanitizers` sets more. A bound that the product promises is no such bound."""
import os

PATIENCE = int(os.environ.get("STUDIO_TEST_PATIENCE", "1"))
