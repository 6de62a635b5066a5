-- KEYS: queue, waiting, pairs. ARGV: guest id, '' or the value that was found
-- under it in waiting or pairs and that must be there still.
-- Takes the guest from the queue and dissolves its pair, which it returns; ''
-- for none. search.lua tells what the values are.
local id, expected = ARGV[1], ARGV[2]
local find, sub = string.find, string.sub
local held = redis.call('HGET', KEYS[3], id)
local record = not held and redis.call('HGET', KEYS[2], id) -- nobody waits and is in a pair
if record and (expected == '' or expected == record) then
  local gap = find(record, '\n\n', 1, true)
  local members, p = {}, find(record, '\n', 1, true)
  while p < gap do
    local q = find(record, '\n', p + 1, true)
    members[#members + 1] = sub(record, p + 1, q - 1)
    p = q
  end
  redis.call('ZREM', KEYS[1], unpack(members))
  redis.call('HDEL', KEYS[2], id)
end
if not held or (expected ~= '' and expected ~= held) then return '' end
local space = find(held, ' ', 1, true)
local partner = sub(held, 1, space - 1)
if space == #held then
  held = redis.call('HGET', KEYS[3], partner)
  space = find(held, ' ', 1, true)
end
redis.call('HDEL', KEYS[3], id, partner)
return sub(held, space + 1)
