-- Where sends are.
--
-- ARGV: sends, at most 500
-- Returns: for each: nowhere, lane, delayed, or "hand <marked> <worker>"

local stage = phase()
if not stage or stage == 'opening' then return CLOSED end
local answer = {}
for i = 1, #ARGV do
  local place = 'nowhere'
  local h = hand_of(ARGV[i])
  if h then
    place = 'hand ' .. h.marked .. ' ' .. h.worker
  elseif redis.call('HEXISTS', K.jobs, ARGV[i]) == 1 then
    place = redis.call('ZSCORE', K.delayed, ARGV[i]) and 'delayed' or 'lane'
  end
  answer[i] = place
end
return answer
