-- KEYS: queue, waiting, pairs. ARGV: guests a and b of a pair, its id, the pair, the
-- instance that restores it. Records the pair again, as search.lua does.
-- Returns '' if it is recorded now; '!' and another pair that one of them is in; or '?'
-- if one of them waits on another instance. A guest who waits on the restoring instance
-- is a leftover and leaves the queue.
local call, find, sub = redis.call, string.find, string.sub
local queue, waiting, pairs_ = KEYS[1], KEYS[2], KEYS[3]
local head = #ARGV[3] .. ':' .. ARGV[3]

for i = 1, 2 do
  local held = call('HGET', pairs_, ARGV[i])
  if held then
    local space = find(held, ' ', 1, true)
    if space == #held then
      held = call('HGET', pairs_, sub(held, 1, space - 1)) or ' '
      space = find(held, ' ', 1, true)
    end
    held = sub(held, space + 1)
    if held ~= '' and sub(held, 1, #head) ~= head then return '!' .. held end
  end
end

-- lives returns where a waiting guest does: the third text of its searcher.
local function lives(record, p)
  local text
  for _ = 1, 3 do
    local colon = find(record, ':', p, true)
    local n = tonumber(sub(record, p, colon - 1))
    text, p = sub(record, colon + 1, colon + n), colon + n + 1
  end
  return text
end

local leftovers = {}
for i = 1, 2 do
  local record = call('HGET', waiting, ARGV[i])
  if record then
    local gap = find(record, '\n\n', 1, true)
    if lives(record, gap + 2) ~= ARGV[5] then return '?' end
    local p = 17
    while p < gap do
      local q = find(record, '\n', p + 1, true)
      leftovers[#leftovers + 1] = sub(record, p + 1, q - 1)
      p = q
    end
  end
end
if #leftovers > 0 then
  call('ZREM', queue, unpack(leftovers))
  call('HDEL', waiting, ARGV[1], ARGV[2])
end
call('HSET', pairs_, ARGV[1], ARGV[2] .. ' ' .. ARGV[4], ARGV[2], ARGV[1] .. ' ')
return ''
