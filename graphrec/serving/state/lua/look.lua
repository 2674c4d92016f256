-- What is known of the horizon: time, name, its fields, and what was spent by the end of its periods.
local name = redis.call('GET', PREFIX .. ':current')
if not name then return {} end
local key = horizon_key(name)
return {exact(now_is(ARGV[1])), name, redis.call('HGETALL', key), redis.call('HGETALL', key .. ':ends')}
