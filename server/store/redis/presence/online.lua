-- KEYS: instances. ARGV: where to begin ('-' or '(' and a session id), how many, prefix
-- of the keys of members.
-- Returns the next session ids in order, over all instances. A guest's position does not
-- depend on other guests or on the instance, so whoever stays is listed exactly once.
local ids, sorted = {}, true
for _, instance in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local some = redis.call('ZRANGEBYLEX', ARGV[3] .. instance, ARGV[1], '+', 'LIMIT', 0, ARGV[2])
  if #ids == 0 then
    ids = some
  elseif #some > 0 then
    for i = 1, #some do ids[#ids + 1] = some[i] end
    sorted = false
  end
end
if not sorted then table.sort(ids) end
for i = #ids, ARGV[2] + 1, -1 do ids[i] = nil end
return ids
