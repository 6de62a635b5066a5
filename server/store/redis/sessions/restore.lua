-- KEYS: a session's document; then tombstones and epoch, or on a cluster the session's
-- own tombstone. ARGV: when it expires in Unix ms, its lastSeen, the whole document, the
-- session's id, the epoch in which Redis had the document or '', then members as for
-- splice. Writes the document if there is none or an older one; of an older one, unknown
-- members stay. Returns 1; 0 if the stored one has a later lastSeen; -1 if the session is
-- gone: it was deleted, or Redis had it in this epoch and does not have it any more.
local call = redis.call
if KEYS[3] then
  if call('ZSCORE', KEYS[2], ARGV[4]) then return -1 end
elseif call('EXISTS', KEYS[2]) == 1 then
  return -1
end
local doc = call('GET', KEYS[1])
local new = ARGV[3]
if doc then
  local changed, old = splice(doc, 6, 0)
  if not changed then return redis.error_reply('CORRUPT ' .. old) end
  if old.lastSeen and old.lastSeen > ARGV[2] then return 0 end
  new = changed
elseif ARGV[5] ~= '' then
  local epoch = KEYS[3] and call('GET', KEYS[3])
  if not KEYS[3] or epoch and string.sub(epoch, 1, #ARGV[5] + 1) == ARGV[5] .. ' ' then return -1 end
end
call('SET', KEYS[1], new, 'PXAT', ARGV[1])
return 1
