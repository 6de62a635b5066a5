-- KEYS: queue, waiting, pairs. ARGV: guest id, '' or the value that was found
-- under it in waiting or pairs and that must be there still.
-- Takes the guest from the queue and dissolves its pair, which it returns; ''
-- for none.
local id, expected = ARGV[1], ARGV[2]
local record = redis.call('HGET', KEYS[2], id)
if record and (expected == '' or expected == record) then
  local members, n = {}, 0
  for line in string.gmatch(record, '[^\n]+') do
    n = n + 1
    if n > 2 then members[n - 2] = line end
  end
  redis.call('ZREM', KEYS[1], unpack(members))
  redis.call('HDEL', KEYS[2], id)
end
local held = redis.call('HGET', KEYS[3], id)
if not held or (expected ~= '' and expected ~= held) then return '' end
local space = string.find(held, ' ', 1, true)
redis.call('HDEL', KEYS[3], id, string.sub(held, 1, space - 1))
return string.sub(held, space + 1)
