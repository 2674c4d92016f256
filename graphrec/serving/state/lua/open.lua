-- Begin a horizon or go on with it. Gives start, length and periods that it began with, if others were told.
local now, name, keep = now_is(ARGV[1]), ARGV[2], tonumber(ARGV[9])
local key = horizon_key(name)
local before = redis.call('HMGET', key, 'starts', 'seconds', 'periods')
if before[1] and (before[1] ~= ARGV[5] or before[2] ~= ARGV[6] or before[3] ~= ARGV[7]) then return before end

local current = redis.call('GET', PREFIX .. ':current')
if current and current ~= name then
  local old = redis.call('HMGET', horizon_key(current), 'starts', 'seconds')
  if old[1] then
    local left = tonumber(old[1]) + tonumber(old[2]) - now
    for _, part in ipairs(PARTS) do expire_after(horizon_key(current) .. part, math.max(left, 0) + keep) end
  end
end
redis.call('SET', PREFIX .. ':current', name)
redis.call('HSET', key, 'budget', ARGV[3], 'price', ARGV[4], 'starts', ARGV[5], 'seconds', ARGV[6],
           'periods', ARGV[7], 'most', ARGV[8])
for _, part in ipairs(PARTS) do redis.call('PERSIST', key .. part) end
redis.call('HINCRBY', key, 'opened', 1)
redis.call('UNLINK', key .. ':stock')
if ARGV[10] ~= '' then
  redis.call('RENAME', ARGV[10], key .. ':stock')
  redis.call('PERSIST', key .. ':stock')
end
return {}
