-- KEYS: owners, members of an instance, counter. ARGV: instance, session ids.
-- Removes the guests' sockets from the instance, except those that have moved. A member
-- is on this instance: joining another removes it.
local call, instance = redis.call, table.remove(ARGV, 1)
local left = ARGV
local gone = call('ZREM', KEYS[2], unpack(left))
if gone < #left then -- some are elsewhere, or nowhere
  local owners = call('HMGET', KEYS[1], unpack(ARGV))
  left = {}
  for i = 1, #ARGV do
    if owners[i] == instance then left[#left + 1] = ARGV[i] end
  end
end
if #left > 0 then call('HDEL', KEYS[1], unpack(left)) end
if gone > 0 and call('DECRBY', KEYS[3], gone) < 0 then
  call('SET', KEYS[3], 0, 'EX', 300) -- it had expired or been changed; the heartbeat corrects it
end
return 1
