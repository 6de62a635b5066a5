-- KEYS: owners, the members of an instance, counter. ARGV: session id, instance.
-- Takes the guest's socket from the instance, if it is still there.
-- Who is among the members lives there: whoever joins another leaves them.
local id, call = ARGV[1], redis.call
local gone = call('ZREM', KEYS[2], id) == 1
if gone or call('HGET', KEYS[1], id) == ARGV[2] then call('HDEL', KEYS[1], id) end
if gone and call('DECR', KEYS[3]) < 0 then
  call('SET', KEYS[3], 0, 'EX', 300) -- it had lapsed or been changed; the beat counts anew
end
return 1
