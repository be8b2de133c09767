"""The DashScope Python SDK, version 2: what version 1 is asked, as its calls are the same."""
import os
import runpy

HERE = os.path.dirname(os.path.abspath(__file__))
runpy.run_path(os.path.join(HERE, "../dashscope-python/test.py"), run_name="__main__")
