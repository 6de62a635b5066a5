-- KEYS: pairs. ARGV: guest id, id of a pair, instance.
-- Records that the guest, who is in that pair, is on the instance; returns 0 if the guest
-- is not in it. search.lua explains the values.
local id, pair, instance = ARGV[1], ARGV[2], ARGV[3]
local call, find, sub = redis.call, string.find, string.sub

-- cut returns where the text at p begins and ends.
local function cut(text, p)
  local colon = find(text, ':', p, true)
  return colon + 1, colon + sub(text, p, colon - 1)
end

local function whole(text) return #text .. ':' .. text end

local holder, held = id, call('HGET', KEYS[1], id)
local space = held and find(held, ' ', 1, true)
if held and space == #held then -- the partner's record has the pair
  holder = sub(held, 1, space - 1)
  held = call('HGET', KEYS[1], holder)
  space = held and find(held, ' ', 1, true)
end
local head = whole(pair)
if not held or sub(held, space + 1, space + #head) ~= head then return 0 end

local text, p = sub(held, 1, space + #head), space + #head + 1
for _ = 1, 2 do
  local from, to = cut(held, p)
  local searcher = sub(held, from, to)
  local a, b = cut(searcher, 1)
  if sub(searcher, a, b) == id then -- its id, its name and its instance come first
    _, b = cut(searcher, b + 1)
    local _, c = cut(searcher, b + 1)
    searcher = sub(searcher, 1, b) .. whole(instance) .. sub(searcher, c + 1)
  end
  text, p = text .. whole(searcher), to + 1
end
call('HSET', KEYS[1], holder, text)
return 1
