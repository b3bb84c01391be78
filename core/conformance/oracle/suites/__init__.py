"""One module a suite; each has `suites(models)`, which returns the suites it makes."""
