"""Texts: read from a file of any size, turned into tokens in a stream, cut into windows; one real text is shipped."""
