"""WHAT data must look like: Great Expectations suites, one dataset a file in `suites`."""
