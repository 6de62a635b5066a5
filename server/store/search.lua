-- KEYS: queue, waiting, pairs, sequence. ARGV: guest id, id to avoid or '', id
-- for a new pair, the searcher in JSON, number of lookups n, n lookups, entries.
--
-- The queue is an index: whoever waits is in it under its wishes and under each
-- choice of its traits. A searcher reads the head of each list that could hold
-- somebody who accepts it and whom it accepts: at most 8, however many wait.
-- A member is list|place|guest|avoid, all scores are 0, the place has 16 digits.
-- Returns {state, pair}: 'waiting', 'matched', or 'paired' for one that stood before.
local id, avoid = ARGV[1], ARGV[2]
local held = redis.call('HGET', KEYS[3], id)
if held then return {'paired', string.sub(held, string.find(held, ' ', 1, true) + 1)} end
local sub, find = string.sub, string.find
local lists = tonumber(ARGV[5])

-- first returns the member that has waited longest, preferably not one to avoid.
local function first()
  local best, best_place, last, last_place
  for i = 6, 5 + lists do
    local list = ARGV[i]
    local from, to, skip, count = '[' .. list .. '|', '(' .. list .. '}', 0, 2
    repeat
      local heads = redis.call('ZRANGEBYLEX', KEYS[1], from, to, 'LIMIT', skip, count)
      local found
      for j = 1, #heads do
        local head = heads[j]
        local place = sub(head, #list + 2, #list + 17)
        local bar = find(head, '|', #list + 19, true)
        local other = sub(head, #list + 19, bar - 1)
        if other ~= id then
          if other == avoid or sub(head, bar + 1) == id then
            if not last or place < last_place then last, last_place = {head, other}, place end
          else
            found = true
            if not best or place < best_place then best, best_place = {head, other}, place end
            break
          end
        end
      end
      skip, count = skip + count, 16
    until found or #heads == 0
  end
  return best or last
end

-- take removes a waiting guest from queue and hash; returns JSON and place.
local function take(record, guest)
  local lines = {}
  for line in string.gmatch(record, '[^\n]+') do lines[#lines + 1] = line end
  redis.call('ZREM', KEYS[1], unpack(lines, 3))
  redis.call('HDEL', KEYS[2], guest)
  return lines[2], lines[1]
end

local mine, place = redis.call('HGET', KEYS[2], id), nil
local chosen, record
repeat
  chosen = first()
  if not chosen then break end
  record = redis.call('HGET', KEYS[2], chosen[2])
  if not record then redis.call('ZREM', KEYS[1], chosen[1]) end -- a leftover of nobody
until record
if mine then
  local _
  _, place = take(mine, id)
end
if chosen then
  local other = take(record, chosen[2])
  local pair = '{"id":"' .. ARGV[3] .. '","a":' .. ARGV[4] .. ',"b":' .. other .. '}'
  redis.call('HSET', KEYS[3], id, chosen[2] .. ' ' .. pair, chosen[2], id .. ' ' .. pair)
  return {'matched', pair}
end
if not place then place = string.format('%016d', redis.call('INCR', KEYS[4])) end
local tail = '|' .. place .. '|' .. id .. '|' .. avoid
local lines, members = {place, ARGV[4]}, {}
for i = 6 + lists, #ARGV do
  local member = ARGV[i] .. tail
  lines[#lines + 1] = member
  members[#members + 1], members[#members + 2] = 0, member
end
redis.call('ZADD', KEYS[1], unpack(members))
redis.call('HSET', KEYS[2], id, table.concat(lines, '\n'))
return {'waiting', ''}
