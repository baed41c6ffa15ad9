"""The map of the questions: vectors by an embedder, a layout in two dimensions, and the job that makes both."""
