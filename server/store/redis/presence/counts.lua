-- KEYS: counter, instances, foreign, owners, sweep lease, tombstones, epoch; and, if all
-- keys are on one node, the matcher's: queue, waiting, pairs, sequence. ARGV: prefixes of
-- the keys of members and of reap leases.
-- Returns the guests with a socket, the counter, how many keys of these exist and how
-- many of other programs; on one node also the number of all keys, and the sizes of the
-- matcher's waiting and pairs.
local call = redis.call
local sockets, keys = 0, call('EXISTS', unpack(KEYS))
for _, instance in ipairs(call('ZRANGE', KEYS[2], 0, -1)) do
  local n = call('ZCARD', ARGV[1] .. instance)
  sockets = sockets + n
  if n > 0 then keys = keys + 1 end
  keys = keys + call('EXISTS', ARGV[2] .. instance)
end
local counts = {sockets, tonumber(call('GET', KEYS[1])) or 0, keys, tonumber(call('GET', KEYS[3])) or 0}
if #KEYS == 7 then -- a cluster, where each deleted session has a tombstone of its own, too
  counts[3] = keys + call('ZCARD', KEYS[6])
else
  counts[5], counts[6], counts[7] = call('DBSIZE'), call('HLEN', KEYS[9]), call('HLEN', KEYS[10])
end
return counts
