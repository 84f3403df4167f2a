-- Appends events that may be cut: the stream is capped and what is cut is counted.
--
-- ARGV: 1 cap, then events, at most 500
-- Returns: how many old ones were cut

for i = 2, #ARGV do redis.call('XADD', K.tracks, '*', 'r', ARGV[i]) end
local cut = redis.call('XTRIM', K.tracks, 'MAXLEN', '=', ARGV[1])
if cut > 0 then redis.call('INCRBY', K.cut, cut) end
return cut
