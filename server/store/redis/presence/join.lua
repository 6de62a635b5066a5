-- KEYS: owners, members of the instance, counter, tombstones. ARGV: session id, instance,
-- prefix of the keys of members; and anything if a guest of another instance is to stay
-- there.
-- Moves the guest's socket to the instance. Returns the previous instance, '' for none,
-- and the time in Unix µs; 0 if the session was deleted, which does not join, and -1 if
-- the guest stays on another instance.
local id, instance = ARGV[1], ARGV[2]
local call = redis.call
if call('ZSCORE', KEYS[4], id) then return {'', 0} end
local previous = ''
if call('HSETNX', KEYS[1], id, instance) == 0 then
  previous = call('HGET', KEYS[1], id)
  if ARGV[4] and previous ~= instance then return {previous, -1} end
  if previous ~= instance then call('HSET', KEYS[1], id, instance) end
end
local change = call('ZADD', KEYS[2], '0', id)
if previous ~= '' and previous ~= instance then
  change = change - call('ZREM', ARGV[3] .. previous, id)
end
-- A new counter has no lifetime yet; later the heartbeat renews it.
if change > 0 and call('INCR', KEYS[3]) == 1 then call('EXPIRE', KEYS[3], 300) end
local now = call('TIME')
return {previous, now[1] * 1000000 + now[2]}
