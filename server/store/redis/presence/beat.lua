-- KEYS: instances, counter, tombstones, owners. ARGV: instance, length of a lease in
-- ms, what begins the key of any instance's members, from when on tombstones are
-- wanted in Unix µs, how many at most, how long one lives in µs.
-- Renews the instance's lease by Redis's own clock, the one clock that all share,
-- and sets the counter right and renews it. Returns
--   1 where the lease had held until now, else 0;
--   the guests on this instance, on all instances, and in owners;
--   from when on the next tombstones are wanted;
--   the instances whose lease has lapsed;
--   the sessions that were deleted.
local call = redis.call
local t = call('TIME')
local micros = t[1] * 1000000 + t[2]
local now = math.floor(micros / 1000)
local score = call('ZSCORE', KEYS[1], ARGV[1])
local held = score and tonumber(score) >= now
call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local instances = call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local here, sockets, lapsed = 0, 0, {}
for i = 1, #instances, 2 do
  local n = call('ZCARD', ARGV[3] .. instances[i])
  sockets = sockets + n
  if instances[i] == ARGV[1] then here = n end
  if tonumber(instances[i + 1]) < now then lapsed[#lapsed + 1] = instances[i] end
end
local counted = call('GET', KEYS[2])
if counted and tonumber(counted) == sockets then
  if sockets > 0 then call('EXPIRE', KEYS[2], 300) end
elseif counted or sockets > 0 then
  call('SET', KEYS[2], sockets, 'EX', 300)
end
call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', micros - ARGV[6]))
local deleted = call('ZRANGEBYSCORE', KEYS[3], ARGV[4], '+inf', 'LIMIT', 0, ARGV[5])
-- The clock may have been set back a little; who reads a second time loses nothing.
local from = string.format('%.0f', micros - 2000000)
if #deleted == tonumber(ARGV[5]) then from = call('ZSCORE', KEYS[3], deleted[#deleted]) end
return {held and 1 or 0, here, sockets, call('HLEN', KEYS[4]), from, lapsed, deleted}
