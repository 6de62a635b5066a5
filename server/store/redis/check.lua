-- KEYS: those that the steps use. ARGV: for each step the number of words, and the words.
-- Executes all steps and returns for each '' or its error.
local replies, at = {}, 1
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  local reply = redis.pcall(unpack(ARGV, at + 1, at + words))
  replies[#replies + 1] = type(reply) == 'table' and reply.err or ''
  at = at + words + 1
end
return replies
