-- KEYS: queue, waiting, pairs, sequence. ARGV: guest id, id to avoid or '', id for a new
-- pair, the searcher, number of lookups n, n lookups, entries.
--
-- The queue is an index: a waiting guest is in it under its wishes and under each subset
-- of its traits. A searcher reads the head of each list that may contain somebody such
-- that both accept each other: at most 8 lists, however many guests wait.
-- A member is list|place|guest|avoid, all scores are 0, the place has 16 digits. In
-- waiting, a guest has its place, its members, an empty line and the searcher; in pairs,
-- the partner's id, a space and, for the one who searched last, the pair.
-- Returns '' if the guest waits, or the pair as recorded in pairs, with '!' before it if
-- the guest was in it already.
local call, sub, find = redis.call, string.sub, string.find
local id, avoid = ARGV[1], ARGV[2]
local queue, waiting, pairs_ = KEYS[1], KEYS[2], KEYS[3]

local held = call('HGET', pairs_, id)
if held then
  local space = find(held, ' ', 1, true)
  if space == #held then
    held = call('HGET', pairs_, sub(held, 1, space - 1))
  end
  return '!' .. held
end

-- first returns the member that has waited longest and its guest, somebody to
-- avoid only where there is nobody else.
local function first()
  local best, best_place, best_guest, last, last_place, last_guest
  for i = 6, 5 + ARGV[5] do
    local list = ARGV[i]
    local from, to, skip, count = '[' .. list .. '|', '(' .. list .. '}', 0, 2
    local size = #list
    repeat
      local heads = call('ZRANGEBYLEX', queue, from, to, 'LIMIT', skip, count)
      local found = #heads < count
      for j = 1, #heads do
        local head = heads[j]
        local bar = find(head, '|', size + 19, true)
        local place, other = sub(head, size + 2, size + 17), sub(head, size + 19, bar - 1)
        if other == avoid or sub(head, bar + 1) == id then
          if other ~= id and (not last or place < last_place) then
            last, last_place, last_guest = head, place, other
          end
        elseif other ~= id then
          if not best or place < best_place then
            best, best_place, best_guest = head, place, other
          end
          found = true
          break
        end
      end
      skip, count = skip + count, 16
    until found
  end
  if best then return best, best_guest end
  return last, last_guest
end

-- take removes a waiting guest and returns its place and its searcher.
local function take(record, guest)
  local gap = find(record, '\n\n', 1, true)
  local members, n, p = {}, 0, 17
  while p < gap do
    local q = find(record, '\n', p + 1, true)
    n = n + 1
    members[n] = sub(record, p + 1, q - 1)
    p = q
  end
  call('ZREM', queue, unpack(members))
  call('HDEL', waiting, guest)
  return sub(record, 1, 16), sub(record, gap + 2)
end

local place
local mine = call('HGET', waiting, id)
local member, partner = first()
while member do
  local record = call('HGET', waiting, partner)
  if record then
    local _, other = take(record, partner)
    if mine then take(mine, id) end
    local pair = partner .. ' ' .. #ARGV[3] .. ':' .. ARGV[3] .. #ARGV[4] .. ':' .. ARGV[4] .. #other .. ':' .. other
    call('HSET', pairs_, id, pair, partner, id .. ' ')
    return pair
  end
  call('ZREM', queue, member) -- a leftover of nobody
  member, partner = first()
end
if mine then
  place = take(mine, id)
else
  place = string.format('%016d', call('INCR', KEYS[4]))
end
local tail = '|' .. place .. '|' .. id .. '|' .. avoid
local record, members, n = {place}, {}, 0
for i = 6 + ARGV[5], #ARGV do
  local m = ARGV[i] .. tail
  n = n + 1
  record[n + 1], members[2 * n - 1], members[2 * n] = m, '0', m
end
record[n + 2], record[n + 3] = '', ARGV[4]
call('ZADD', queue, unpack(members))
call('HSET', waiting, id, table.concat(record, '\n'))
return ''
