-- KEYS: owners, the members of the instance that is joined, counter, tombstones.
-- ARGV: session id, instance, what begins the key of any instance's members; and,
-- where a guest of another instance is to stay there, anything.
-- Moves the guest's socket to the instance and returns the instance that had
-- it before, '' for none, and when this is, in Unix µs; 0 where the session was
-- deleted, which joins nothing, and -1 where the guest stays on another instance.
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
-- A counter that did not exist has no lifetime yet; later the beat renews it.
if change > 0 and call('INCR', KEYS[3]) == 1 then call('EXPIRE', KEYS[3], 300) end
local now = call('TIME')
return {previous, now[1] * 1000000 + now[2]}
