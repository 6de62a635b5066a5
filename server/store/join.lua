-- KEYS: owners, the members of the instance that is joined, counter.
-- ARGV: session id, instance, what begins the key of any instance's members.
-- Moves the guest's socket to the instance and returns the instance that had
-- it before, '' for none.
local id, instance = ARGV[1], ARGV[2]
local previous = redis.call('HGET', KEYS[1], id)
local change = redis.call('ZADD', KEYS[2], 0, id)
if previous ~= instance then
  redis.call('HSET', KEYS[1], id, instance)
  if previous then change = change - redis.call('ZREM', ARGV[3] .. previous, id) end
end
-- A counter that did not exist has no lifetime yet; later the beat renews it.
if change > 0 and redis.call('INCRBY', KEYS[3], change) == change then
  redis.call('EXPIRE', KEYS[3], 300)
end
return previous or ''
