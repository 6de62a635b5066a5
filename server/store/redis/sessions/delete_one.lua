-- KEYS: a session's document and its tombstone. ARGV: lifetime of a tombstone in ms.
-- Deletes the document so that restore.lua does not write it again. Returns 1, or 0 if
-- there was none.
redis.call('SET', KEYS[2], 1, 'PX', ARGV[1])
return redis.call('DEL', KEYS[1])
