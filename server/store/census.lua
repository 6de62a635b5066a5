-- KEYS: counter, instances, foreign, then all other keys of presence. ARGV: what begins
-- the key of any instance's members and of any instance's reaping.
-- Returns the guests with a socket, the counter, how many keys presence has and
-- how many there are of other programs.
local sockets, keys = 0, redis.call('EXISTS', unpack(KEYS))
for _, instance in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local n = redis.call('ZCARD', ARGV[1] .. instance)
  sockets = sockets + n
  if n > 0 then keys = keys + 1 end
  keys = keys + redis.call('EXISTS', ARGV[2] .. instance)
end
return {sockets, tonumber(redis.call('GET', KEYS[1])) or 0, keys, tonumber(redis.call('GET', KEYS[3])) or 0}
