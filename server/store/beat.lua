-- KEYS: instances, counter. ARGV: instance, length of a lease in ms, what begins
-- the key of any instance's members.
-- Renews the instance's lease by Redis's own clock, the one clock that all
-- share, sets the counter right and renews it, and returns whether the lease
-- had held until now (1 or 0) and the instances whose lease has lapsed.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
local held = score and tonumber(score) >= now
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local instances = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local sockets, reply = 0, {held and 1 or 0}
for i = 1, #instances, 2 do
  sockets = sockets + redis.call('ZCARD', ARGV[3] .. instances[i])
  if tonumber(instances[i + 1]) < now then reply[#reply + 1] = instances[i] end
end
local counted = redis.call('GET', KEYS[2])
if counted and tonumber(counted) == sockets then
  if sockets > 0 then redis.call('EXPIRE', KEYS[2], 300) end
elseif counted or sockets > 0 then
  redis.call('SET', KEYS[2], sockets, 'EX', 300)
end
return reply
