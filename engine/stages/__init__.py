"""The stages a question passes, one file each; none imports another or the pipeline."""
