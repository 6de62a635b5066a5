-- KEYS: epoch. ARGV: the processes that hold the data, '' if unknown, and an id for a new
-- epoch.
-- An epoch is a period in which Redis lost no data: it ends when its key is lost with the
-- data, and when other processes hold the data, as they may have read it from an old file
-- or copy. Returns its id and when it began, in Unix ms.
local held = redis.call('GET', KEYS[1])
local id, began, runs = string.match(held or '', '^(%S+) (%d+) ?(.*)$')
if not id or (ARGV[1] ~= '' and runs ~= ARGV[1]) then
  local t = redis.call('TIME')
  id, began = ARGV[2], string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
  redis.call('SET', KEYS[1], id .. ' ' .. began .. ' ' .. ARGV[1])
end
return {id, began}
