-- KEYS: owners, the members of an instance, counter. ARGV: session id, instance.
-- Takes the guest's socket from the instance, if it is still there.
local id = ARGV[1]
if redis.call('HGET', KEYS[1], id) == ARGV[2] then redis.call('HDEL', KEYS[1], id) end
if redis.call('ZREM', KEYS[2], id) == 1 and redis.call('DECR', KEYS[3]) < 0 then
  redis.call('SET', KEYS[3], 0, 'EX', 300) -- it had lapsed or been changed; the beat counts anew
end
return 1
