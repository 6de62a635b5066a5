-- KEYS: sessions' documents. ARGV: their new lifetime in s, the name of a member and its
-- expected value ('' and '': no condition), then members as for splice. Returns each
-- whole document after the change, nil if there is none, an error if it is not valid. A
-- document that does not meet the condition does not change. An error of one document
-- does not affect the others.
local replies = {}
for i = 1, #KEYS do
  local doc = redis.pcall('GET', KEYS[i])
  if type(doc) == 'string' then
    local changed, old = splice(doc, 4, i - 1)
    if not changed then
      doc = redis.error_reply('CORRUPT ' .. old)
    elseif ARGV[2] == '' or old[ARGV[2]] == ARGV[3] then
      local set = redis.pcall('SET', KEYS[i], changed, 'EX', ARGV[1])
      doc = set.err and set or changed
    end
  end
  replies[i] = doc
end
return replies
