-- splice(doc, at, nth) returns doc, a JSON object, with members changed as ARGV
-- says from index `at` on: how many, their names, then as many values for each of
-- several documents, of which this is the nth, the first being 0. Values are JSON.
-- Everything else stays byte for byte: cjson would turn [] into {}, / into \/
-- and large numbers into floats. A member that doc does not have is appended,
-- unless its value is null. Where doc is no object the result is nil and why.
-- The second result for a good document is a table of the old values of the
-- members named.
local find, sub, byte = string.find, string.sub, string.byte
local marks = {} -- by index in ARGV: what stands before a member's value

-- quick(doc, at, nth) is splice for most documents, in a third of the time, and nil
-- for those that need a look at every member. It relies on two facts. The text
-- ,"name": never stands within a string of valid JSON, since its first quote
-- would end that string. And it is a member of doc itself, not of an object in
-- doc, where no bracket stands between it and the beginning of doc, or its end.
local function quick(doc, at, nth)
  if sub(doc, 1, 13) ~= '{"id":"guest_' or byte(doc, #doc) ~= 125 then return nil end
  local size = #doc
  local head = math.min(find(doc, '{', 2, true) or size, find(doc, '[', 2, true) or size)
  local tail
  local out, old, n, copied = {}, {}, 0, 1
  local values = (nth + 1) * ARGV[at]
  for i = at + 1, at + ARGV[at] do -- in the order of the document, as it is usual
    local mark = marks[i]
    if not mark then
      mark = ',"' .. ARGV[i] .. '":'
      marks[i] = mark
    end
    local _, e = find(doc, mark, copied, true)
    if not e or e >= head then
      if not tail then
        local back = string.reverse(doc)
        tail = size + 1 - math.min(find(back, '}', 2, true) or size, find(back, ']', 2, true) or size)
      end
      _, e = find(doc, mark, math.max(copied, tail), true)
      if not e then return nil end
    end
    local q
    if byte(doc, e + 1) == 34 then
      q = find(doc, '"', e + 2, true)
      if not q or byte(doc, q - 1) == 92 then return nil end
    else
      _, q = find(doc, '^%a+', e + 1)
      if not q then return nil end
    end
    old[ARGV[i]] = sub(doc, e + 1, q)
    out[n + 1], out[n + 2] = sub(doc, copied, e), ARGV[i + values]
    n, copied = n + 2, q + 1
  end
  out[n + 1] = sub(doc, copied)
  return table.concat(out), old
end

-- text_end(s, p): p is at an opening quote; returns where the closing one is.
local function text_end(s, p)
  repeat
    local _, q = find(s, '^[^"\\]*["\\]', p + 1)
    if not q then return nil end
    if byte(s, q) == 34 then return q end
    p = q + 1 -- what follows a backslash, whatever it is
  until false
end

-- nest_end(s, p): p is at { or [; returns where its counterpart is.
local function nest_end(s, p)
  local depth = 0
  repeat
    p = find(s, '[%[%]{}"]', p)
    if not p then return nil end
    local c = byte(s, p)
    if c == 34 then
      p = text_end(s, p)
      if not p then return nil end
    elseif c == 123 or c == 91 then
      depth = depth + 1
    else
      depth = depth - 1
    end
    p = p + 1
  until depth == 0
  return p - 1
end

-- value_end(s, p): p is at the beginning of a value; returns where it ends.
local function value_end(s, p)
  local c = byte(s, p)
  if c == 34 then return text_end(s, p) end
  if c == 123 or c == 91 then return nest_end(s, p) end
  local _, q = find(s, '^[%w.+-]+', p)
  return q
end

local function splice(doc, at, nth)
  local done, before = quick(doc, at, nth)
  if done then return done, before end
  local want, old = {}, {}
  local first, last_name, values = at + 1, at + ARGV[at], (nth + 1) * ARGV[at]
  for i = first, last_name do want[ARGV[i]] = ARGV[i + values] end
  local out, n, copied = {}, 0, 1
  local _, p = find(doc, '^%s*{%s*')
  if not p then return nil, 'not an object' end
  p = p + 1
  local last, empty = p, false
  if byte(doc, p) == 125 then empty = true end
  while not empty do
    local _, e, name = find(doc, '^"([^"\\]*)"%s*:%s*', p)
    if not e then -- a name with escapes: none of ours
      local q = byte(doc, p) == 34 and text_end(doc, p)
      if not q then return nil, 'no member at byte ' .. p end
      _, e = find(doc, '^%s*:%s*', q + 1)
      if not e then return nil, 'no value at byte ' .. q end
    end
    local v = e + 1
    local ve = value_end(doc, v)
    if not ve then return nil, 'no value at byte ' .. v end
    local new = name and want[name]
    if new then
      old[name] = sub(doc, v, ve)
      n = n + 2
      out[n - 1], out[n] = sub(doc, copied, v - 1), new
      copied = ve + 1
      want[name] = nil
    end
    local _, q, c = find(doc, '^%s*([,}])%s*', ve + 1)
    if not q then return nil, 'neither comma nor end at byte ' .. ve + 1 end
    if c == '}' then
      last = find(doc, '}', ve + 1, true)
      break
    end
    p = q + 1
  end
  if find(doc, '^%s*$', last + 1) == nil then return nil, 'more after its end' end
  n = n + 1
  out[n] = sub(doc, copied, last - 1)
  local comma = empty and '' or ','
  for i = first, last_name do
    local name = ARGV[i]
    if want[name] and want[name] ~= 'null' then
      n = n + 1
      out[n] = comma .. '"' .. name .. '":' .. want[name]
      want[name], comma = nil, ','
    end
  end
  out[n + 1] = sub(doc, last)
  return table.concat(out), old
end
