-- KEYS[1]: a session's document. ARGV: when it expires in Unix ms, its lastSeen,
-- the whole document, then members as for splice. Writes the document where
-- there is none or an older one; of an older one, members that we do not know
-- stay. Returns 1, or 0 where what is stored has been seen later.
local doc = redis.call('GET', KEYS[1])
local new = ARGV[3]
if doc then
  local changed, old = splice(doc, 4, 0)
  if not changed then return redis.error_reply('CORRUPT ' .. old) end
  if old.lastSeen and old.lastSeen > ARGV[2] then return 0 end
  new = changed
end
redis.call('SET', KEYS[1], new, 'PXAT', ARGV[1])
return 1
