-- The recorder has everything up to a position in the book: the stream is trimmed up to it.
--
-- ARGV: 1 the position, "ms-seq"
-- Returns: the committed position, which never moves back.

local function after(a, b)
  local ams, aseq = string.match(a, '^(%d+)-(%d+)$')
  local bms, bseq = string.match(b, '^(%d+)-(%d+)$')
  ams, bms = tonumber(ams), tonumber(bms)
  if ams ~= bms then return ams > bms end
  return tonumber(aseq) > tonumber(bseq)
end
local seen = redis.call('GET', K.committed) or '0-0'
if after(ARGV[1], seen) then
  redis.call('SET', K.committed, ARGV[1])
  seen = ARGV[1]
end
local ms, seq = string.match(seen, '^(%d+)-(%d+)$')
redis.call('XTRIM', K.outcomes, 'MINID', '=', ms .. '-' .. text(tonumber(seq) + 1))
return seen
