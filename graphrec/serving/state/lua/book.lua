-- Book offers that budget, cap and stock bear. Six arguments an offer: id, user, item, rate, spend, units.
local now, keep = now_is(ARGV[1]), tonumber(ARGV[2])
local name = redis.call('GET', PREFIX .. ':current')
if not name then return false end
local key = horizon_key(name)
local told = redis.call('HMGET', key, 'starts', 'seconds', 'periods', 'budget', 'most', 'spent', 'last')
local starts, seconds, periods = tonumber(told[1]), tonumber(told[2]), tonumber(told[3])
local budget, most = tonumber(told[4]), tonumber(told[5])
local spent, last = tonumber(told[6] or '0'), tonumber(told[7] or '0')
local runs = starts <= now and now < starts + seconds
local period = math.floor(math.min(math.max((now - starts) * periods / seconds, 0), periods))
if last > period then period = last end

local function allowed(user, item, spend, units)
  if not runs or (budget and spent + spend > budget) then return false end
  if most and redis.call('LLEN', key .. ':user:' .. user) >= most then return false end
  local stock = redis.call('HGET', key .. ':stock', item)
  local promised = tonumber(redis.call('HGET', key .. ':promised', item) or '0')
  return not stock or promised + units <= tonumber(stock)
end

local function book(id, user, item, rate, spend, units)
  local offer, mine = PREFIX .. ':o:' .. id, key .. ':user:' .. user
  local promised = tonumber(redis.call('HGET', key .. ':promised', item) or '0')
  redis.call('HSET', offer, 'user', user, 'item', item, 'rate', rate, 'spend', spend, 'units', units,
             'horizon', name)
  redis.call('RPUSH', mine, id)
  expire_after(offer, starts + seconds - now + keep)
  expire_after(mine, starts + seconds - now + keep)
  redis.call('HSET', key .. ':promised', item, exact(promised + tonumber(units)))
  spent = spent + tonumber(spend)
  redis.call('HINCRBY', key, 'offers', 1)
  redis.call('HSET', key, 'spent', exact(spent), 'last', string.format('%d', period))
  redis.call('HSET', key .. ':ends', string.format('%d', period), exact(spent))
end

local done = {}
for i = 3, #ARGV, 6 do
  local id, user, item, rate, spend, units = unpack(ARGV, i, i + 5)
  local before = redis.call('HMGET', PREFIX .. ':o:' .. id, 'user', 'item', 'rate')
  if before[1] then
    done[#done + 1] = (before[1] == user and before[2] == item and before[3] == rate) and 1 or 0
  elseif allowed(user, item, tonumber(spend), tonumber(units)) then
    book(id, user, item, rate, spend, units)
    done[#done + 1] = 1
  else
    done[#done + 1] = 0
  end
end
return done
