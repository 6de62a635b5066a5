-- KEYS: counter, instances, foreign, owners, who sweeps, tombstones, epoch; and, where all keys are on
-- one node, the matcher's: queue, waiting, pairs, sequence. ARGV: what begins the key of
-- any instance's members and of any instance's reaping.
-- Returns the guests with a socket, the counter, how many keys of these there are and
-- how many of other programs; on one node also how many keys there are of all, and
-- what the matcher's waiting and pairs hold.
local call = redis.call
local sockets, keys = 0, call('EXISTS', unpack(KEYS))
for _, instance in ipairs(call('ZRANGE', KEYS[2], 0, -1)) do
  local n = call('ZCARD', ARGV[1] .. instance)
  sockets = sockets + n
  if n > 0 then keys = keys + 1 end
  keys = keys + call('EXISTS', ARGV[2] .. instance)
end
local census = {sockets, tonumber(call('GET', KEYS[1])) or 0, keys, tonumber(call('GET', KEYS[3])) or 0}
if #KEYS == 7 then -- a cluster, where each deleted session has a tombstone of its own, too
  census[3] = keys + call('ZCARD', KEYS[6])
else
  census[5], census[6], census[7] = call('DBSIZE'), call('HLEN', KEYS[9]), call('HLEN', KEYS[10])
end
return census
