-- The offers of a shopper in this horizon, in the order of booking.
local name, found = redis.call('GET', PREFIX .. ':current'), {}
if not name then return found end
for _, id in ipairs(redis.call('LRANGE', horizon_key(name) .. ':user:' .. ARGV[1], 0, -1)) do
  local made = redis.call('HMGET', PREFIX .. ':o:' .. id, 'user', 'item', 'rate', 'spend', 'units')
  found[#found + 1] = {id, made[1], made[2], made[3], made[4], made[5]}
end
return found
