-- KEYS: instances, owners, counter, members of an expired instance. ARGV: instance, then
-- session ids of guests that have been cleaned up after.
-- Removes these from the instance, and the instance once nobody is left. Returns how
-- many are left, or -1 if the instance is back.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and tonumber(score) >= now then return -1 end
local gone = 0
for i = 2, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[i]) end
  gone = gone + redis.call('ZREM', KEYS[4], ARGV[i])
end
if gone > 0 and redis.call('DECRBY', KEYS[3], gone) < 0 then redis.call('SET', KEYS[3], 0, 'EX', 300) end
local left = redis.call('ZCARD', KEYS[4])
if left == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
return left
