-- KEYS: tombstones, then the sessions' documents if they are on the same node. ARGV:
-- lifetime of a tombstone in µs, session ids.
-- Records that the sessions are deleted, then deletes their documents, and returns for
-- each document 1, or 0 if there was none. An existing tombstone stays as it is. Its
-- score is when it was set, in Unix µs: heartbeats continue reading from there.
local call, lifetime = redis.call, table.remove(ARGV, 1)
local t = call('TIME')
local now = t[1] * 1000000 + t[2]
local dead = {}
for i = 1, #ARGV do dead[2 * i - 1], dead[2 * i] = string.format('%.0f', now), ARGV[i] end
call('ZADD', KEYS[1], 'NX', unpack(dead))
call('PEXPIRE', KEYS[1], math.ceil(lifetime / 1000))
local replies = {}
for i = 2, #KEYS do replies[i - 1] = call('DEL', KEYS[i]) end
return replies
