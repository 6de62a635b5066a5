-- KEYS: those that the steps use. ARGV: for each step how many words, and the words.
-- Does all steps and returns for each '' or the error, whatever became of the others.
local replies, at = {}, 1
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  local reply = redis.pcall(unpack(ARGV, at + 1, at + words))
  replies[#replies + 1] = type(reply) == 'table' and reply.err or ''
  at = at + words + 1
end
return replies
