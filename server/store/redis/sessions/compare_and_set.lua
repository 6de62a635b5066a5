-- KEYS: sessions' documents. ARGV: their new lifetime in s, then for each the expected
-- text and the new text. Returns for each 1, or 0 if the text differs, which then does
-- not change.
local replies = {}
for i = 1, #KEYS do
  replies[i] = 0
  if redis.pcall('GET', KEYS[i]) == ARGV[2 * i] then
    local set = redis.pcall('SET', KEYS[i], ARGV[2 * i + 1], 'EX', ARGV[1])
    replies[i] = set.err and set or 1
  end
end
return replies
