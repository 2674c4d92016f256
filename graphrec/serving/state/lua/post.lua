-- Keep events that were not told before. Six arguments an event; the last is the offer that it answers, or ''.
local now, most, silent, days = now_is(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local today = math.floor(now / 86400)
local function seen_on(day) return PREFIX .. ':seen:' .. string.format('%d', day) end
local seen, told = {seen_on(today)}, {}
for back = 1, days do
  if redis.call('EXISTS', seen_on(today - back)) == 1 then seen[#seen + 1] = seen_on(today - back) end
end

local function is_known(id)
  for _, key in ipairs(seen) do
    if redis.call('SISMEMBER', key, id) == 1 then return true end
  end
  return false
end

local function accept(offer, user, item)
  local made = redis.call('HMGET', PREFIX .. ':o:' .. offer, 'user', 'item', 'horizon')
  if made[1] ~= user or made[2] ~= item or redis.call('EXISTS', horizon_key(made[3])) == 0 then return end
  if redis.call('HSETNX', PREFIX .. ':o:' .. offer, 'accepted', '1') == 1 then
    redis.call('HINCRBY', horizon_key(made[3]), 'accepted', 1)
  end
end

for i = 5, #ARGV, 6 do
  local id, user, time, item, json, offer = unpack(ARGV, i, i + 5)
  if is_known(id) then
    told[#told + 1] = 0
  else
    redis.call('SADD', seen[1], id)
    local history = PREFIX .. ':u:' .. user
    local number = string.format('%016d', redis.call('INCR', PREFIX .. ':told'))
    redis.call('ZADD', history, time, number .. json)
    redis.call('ZREMRANGEBYRANK', history, 0, -(most + 1))
    expire_after(history, silent)
    if offer ~= '' then accept(offer, user, item) end
    told[#told + 1] = 1
  end
end
expire_after(seen[1], (days + 1) * 86400)
return told
