"""What the core builds on: checks of arguments, files on disk, threads, and whether numba is used."""
