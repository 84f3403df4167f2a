-- The recorder has everything up to a position in the book: the stream is trimmed up to it.
--
-- ARGV: 1 the position, "ms-seq"
-- Returns: the committed position, which never moves back.

return commit_up_to(ARGV[1])
