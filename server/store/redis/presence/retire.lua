-- KEYS: instances, members of an instance. ARGV: instance.
-- Ends its lease, so that others clean up at once if guests are left.
if redis.call('ZCARD', KEYS[2]) == 0 then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return redis.call('ZADD', KEYS[1], 0, ARGV[1])
