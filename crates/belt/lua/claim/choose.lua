-- Part of claim, after turn.lua: takes one job after the other from whose turn it is, with all its permits or none.

-- What was chosen and has not been looked at: its permits are taken. One table for each thing that is known of a job, for a table
-- for each job would cost more than the rest of its choice.
local count = 0
local chosen, chosen_queue, chosen_line, chosen_relay, chosen_month, chosen_deaths, chosen_alone = {}, {}, {}, {}, {}, {}, {}
-- Looks at all of them at once. A job that may not go gives its permits back.
local function hand_out_chosen()
  if count == 0 then return end
  look_round()
  local plain = not any_stop and not any_suppressed
  local jobs = redis.call('HMGET', K.jobs, unpack(chosen, 1, count))
  for i = 1, count do
    local send, packed = chosen[i], jobs[i]
    local goes = false
    if packed then
      local not_after = not_after_of(packed)
      if (plain and not_after == '-') or may_go(send, packed, not_after) then
        hand_out(send, packed, not_after, chosen_month[i], chosen_relay[i], chosen_deaths[i], chosen_alone[i])
        goes = true
      end
    end
    if not goes then
      local known, queue = chosen_line[i], chosen_queue[i]
      local vendor = queue.vendor
      put_back(known.partner)
      put_back(known.sender)
      put_back(vendor.limit)
      put_back(queue.provider.limit)
      put_back(chosen_relay[i])
      count_volume(known.lane, known.class.volume, -1)
      set_time(known.lane, times[known.lane] - known.class.stride)
      vendor.time = vendor.time - vendor.stride
      set_time(vendor.v, vendor.time)
    end
  end
  count = 0
end

local root_time = 0
if want > 0 then
  fetch_times({ 'V' })
  root_time = times['V']
end
local waiting_vendors = {}
while want > 0 and budget > 0 and ended < LIMIT_ENDED do
  if got + count >= want then
    hand_out_chosen()
    if got >= want then break end
  end
  budget = budget - 1
  local vendor = next_vendor()
  if not vendor then
    if count == 0 then break end
    hand_out_chosen()
    break
  end
  local vendor_at = 0
  if vendor.limit ~= NONE then vendor_at = allowed_at(vendor.limit, now) end
  -- The line of this vendor whose turn it is, over all providers that are open.
  local best = nil
  if vendor_at <= now or vendor_at - now > LONG_WAIT_US then
    for i = 0, #open - 1 do
      local index = (turn + i) % #open + 1
      if vendor.at[index] and not open[index].closed then
        local queue = vendor.queues[index]
        if not queue then
          queue = queue_of(vendor, index)
          vendor.queues[index] = queue
          queues[#queues + 1] = queue
        end
        if not queue.fresh or (queue.head and times[lines[queue.head].lane] ~= queue.head_time) then
          find_head(queue)
          queue.fresh = true
        end
        if queue.head and (not best or queue.head_time < best.head_time) then best = queue end
      end
    end
    if not best then
      first_vendor = first_vendor + 1
      vendor.dropped = true
    end
  else
    -- The whole vendor waits: one entry, whatever the number of its lanes.
    first_vendor = first_vendor + 1
    waiting_vendors[#waiting_vendors + 1] = vendor
    later[#later + 1] = vendor_at
    later[#later + 1] = '@ ' .. vendor.name
  end
  if best then
    local known = lines[best.head]
    local relay, relay_at = pick_relay()
    local partner, sender, volume = known.partner, known.sender, known.class.volume
    local at, why = vendor_at, vendor.limit
    if partner ~= NONE then
      local when = allowed_at(partner, now)
      if when > at then at, why = when, partner end
    end
    if sender ~= NONE then
      local when = allowed_at(sender, now)
      if when > at then at, why = when, sender end
    end
    if volume > 0 then
      local when = volume_allowed_at(known.lane, volume)
      if when > at then at, why = when, NONE end
    end
    if not relay and relay_at - now > LONG_WAIT_US and relay_at > at then at, why = relay_at, partner end
    if at - now > LONG_WAIT_US then
      take_off(best, send_back(best, at, why.interval) and now + 100000 or nil)
    elseif at > now then
      take_off(best, turn_at(why, at))
    elseif not relay then
      retry_at = math.min(retry_at, relay_at)
      hand_out_chosen()
      break
    else
      local send = next_send(best)
      if not send then
        take_off(best, nil)
      else
        local deaths = any_deaths and redis.call('HGET', K.deaths, send) or '0'
        local goes, alone = true, '0'
        if deaths ~= '0' then
          goes = false
          if redis.call('HEXISTS', K.jobs, send) == 1 then
            if got + count == 0 and not busy and may_be_quiet() then
              go_quiet()
              goes, alone = true, '1'
            else
              redis.call('RPUSH', K.alone, send)
              if may_be_quiet() then go_quiet() end
            end
          end
        end
        if goes then
          if partner ~= NONE then take(partner, now) end
          if sender ~= NONE then take(sender, now) end
          if vendor.limit ~= NONE then take(vendor.limit, now) end
          if relay.interval > 0 then take(relay, now) end
          local provider = best.provider
          if provider.limit ~= NONE then take(provider.limit, now) end
          count = count + 1
          chosen[count], chosen_queue[count], chosen_line[count], chosen_relay[count] = send, best, known, relay
          chosen_month[count], chosen_deaths[count], chosen_alone[count] = count_volume(known.lane, volume, 1), deaths, alone
          turn = turn + 1

          local own, line, V = best.head_time, best.head, vendor.V
          if own > times[V] then set_time(V, own) else own = times[V] end
          own = own + known.class.stride
          set_time(known.lane, own)
          past_head(best)
          put_line(best, line, own)
          first_vendor = first_vendor + 1
          if vendor.time > root_time then root_time = vendor.time end
          vendor.time = math.max(vendor.time, root_time) + vendor.stride
          set_time(vendor.v, vendor.time)
          put_vendor(vendor)

          if provider.limit ~= NONE then
            local open_at = allowed_at(provider.limit, now)
            if open_at > now then
              provider.closed = true
              retry_at = math.min(retry_at, open_at)
            end
          end
        end
        if quiet then
          hand_out_chosen()
          break
        end
      end
    end
  end
end
hand_out_chosen()
