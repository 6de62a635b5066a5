-- KEYS: queue, waiting, pairs. ARGV: guest id, the value in waiting or pairs that was
-- found before and must be unchanged ('' for any), the instance for which the guest must
-- be recorded ('' for any).
-- Removes the guest from the queue and dissolves its pair, which it returns; '' for none.
-- search.lua explains the values.
local id, expected, instance = ARGV[1], ARGV[2], ARGV[3]
local find, sub = string.find, string.sub

-- past returns where the text at p ends, and the next one begins.
local function past(text, p)
  local colon = find(text, ':', p, true)
  return colon + 1 + sub(text, p, colon - 1)
end

-- lives reports whether the searcher at p is on the instance: its third text.
local function lives(text, p)
  if instance == '' then return true end
  p = past(text, past(text, p))
  local here = #instance .. ':' .. instance
  return sub(text, p, p + #here - 1) == here
end

local held = redis.call('HGET', KEYS[3], id)
local record = not held and redis.call('HGET', KEYS[2], id) -- nobody waits and is in a pair
local gap = record and find(record, '\n\n', 1, true)
if record and (expected == '' or expected == record) and lives(record, gap + 2) then
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
if instance ~= '' then -- the pair's id, and the two searchers, each with its length
  local a = past(held, space + 1)
  local b = past(held, a)
  local mine = find(held, ':', a, true) + 1
  local head = #id .. ':' .. id
  if sub(held, mine, mine + #head - 1) ~= head then mine = find(held, ':', b, true) + 1 end
  if not lives(held, mine) then return '' end
end
redis.call('HDEL', KEYS[3], id, partner)
return sub(held, space + 1)
