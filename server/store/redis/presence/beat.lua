-- KEYS: instances, counter, tombstones, owners. ARGV: instance, length of a lease in
-- ms, prefix of the keys of members, where to continue reading tombstones in Unix µs, how
-- many at most, lifetime of a tombstone in µs.
-- Renews the instance's lease by Redis's clock, which all instances share, and corrects
-- and renews the counter. Returns
--   1 if the lease had not expired, else 0;
--   the guests on this instance, on all instances, and in owners;
--   where to continue reading tombstones;
--   the instances whose lease has expired;
--   the sessions that were deleted.
local call = redis.call
local t = call('TIME')
local micros = t[1] * 1000000 + t[2]
local now = math.floor(micros / 1000)
local score = call('ZSCORE', KEYS[1], ARGV[1])
local held = score and tonumber(score) >= now
call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local instances = call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local here, sockets, expired = 0, 0, {}
for i = 1, #instances, 2 do
  local n = call('ZCARD', ARGV[3] .. instances[i])
  sockets = sockets + n
  if instances[i] == ARGV[1] then here = n end
  if tonumber(instances[i + 1]) < now then expired[#expired + 1] = instances[i] end
end
local counted = call('GET', KEYS[2])
if counted and tonumber(counted) == sockets then
  if sockets > 0 then call('EXPIRE', KEYS[2], 300) end
elseif counted or sockets > 0 then
  call('SET', KEYS[2], sockets, 'EX', 300)
end
call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', micros - ARGV[6]))
local deleted = call('ZRANGEBYSCORE', KEYS[3], ARGV[4], '+inf', 'LIMIT', 0, ARGV[5])
-- The clock may have been set back a little; reading tombstones twice is harmless.
local from = string.format('%.0f', micros - 2000000)
if #deleted == tonumber(ARGV[5]) then from = call('ZSCORE', KEYS[3], deleted[#deleted]) end
return {held and 1 or 0, here, sockets, call('HLEN', KEYS[4]), from, expired, deleted}
