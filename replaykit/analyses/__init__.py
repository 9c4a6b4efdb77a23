"""One question, one file, one pure function: a frame of events in, an answer out."""
