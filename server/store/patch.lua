-- KEYS[1]: a session's document. ARGV: its new lifetime in s, the name of a
-- member and the value it must have ('' and '': no condition), then names and
-- values as for splice. Returns the whole document as it is afterwards, nil
-- where there is none. Where the condition does not hold nothing changes.
local doc = redis.call('GET', KEYS[1])
if not doc then return false end
local changed, old = splice(doc, 4)
if not changed then return redis.error_reply('CORRUPT ' .. old) end
if ARGV[2] ~= '' and old[ARGV[2]] ~= ARGV[3] then return doc end
redis.call('SET', KEYS[1], changed, 'EX', ARGV[1])
return changed
