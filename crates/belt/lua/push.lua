-- Puts jobs at the end of their lanes; a send that is already on the belt is absorbed.
--
-- ARGV: 1 lease number  2 number of lanes, then for each: lane, "weight\ninterval_us\nburst\nlimit";
--   then for each job: send, index of its lane, packed job. At most 500 jobs.
-- Returns: 1 how many were pushed  2 how many were absorbed

local stage = phase()
if not stage or stage == 'opening' then return CLOSED end
local refused = fenced(ARGV[1])
if refused then return refused end
local count = tonumber(ARGV[2])
local names, lists, touched = {}, {}, {}
local i = 3
for n = 1, count do
  names[n] = ARGV[i]
  lists[n] = K.lane .. ARGV[i]
  if redis.call('HGET', K.lanes, ARGV[i]) ~= ARGV[i + 1] then
    redis.call('HSET', K.lanes, ARGV[i], ARGV[i + 1])
    -- A lane that waits for its old limit is looked at again.
    if redis.call('ZREM', K.waiting, ARGV[i]) == 1 then touched[n] = true end
  end
  i = i + 2
end
local pushed, absorbed = 0, 0
while i <= #ARGV do
  local lane = tonumber(ARGV[i + 1])
  if redis.call('HSETNX', K.jobs, ARGV[i], ARGV[i + 2]) == 1 then
    redis.call('RPUSH', lists[lane], ARGV[i])
    touched[lane] = true
    pushed = pushed + 1
  else
    absorbed = absorbed + 1
  end
  i = i + 3
end
for lane in pairs(touched) do make_ready(names[lane]) end
if pushed > 0 then wake(pushed) end
return { pushed, absorbed }
