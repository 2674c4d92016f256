-- What is known of the horizon: time, name, its fields, and one more hash of it: stock, or ends of periods.
local name = redis.call('GET', PREFIX .. ':current')
if not name then return {} end
local key = horizon_key(name)
return {exact(now_is(ARGV[1])), name, redis.call('HGETALL', key), redis.call('HGETALL', key .. ':' .. ARGV[2])}
