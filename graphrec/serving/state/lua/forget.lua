-- Remove a shopper: the history, and the id in offers, whose lists are told. Gives the number of events.
local history = PREFIX .. ':u:' .. ARGV[1]
local events = redis.call('ZCARD', history)
redis.call('DEL', history)
for i = 2, #ARGV do
  local mine = false  -- a pattern of keys may have found those of another, whose id ends alike
  for _, id in ipairs(redis.call('LRANGE', ARGV[i], 0, -1)) do
    local offer = PREFIX .. ':o:' .. id
    if redis.call('HGET', offer, 'user') == ARGV[1] then
      mine = true
      redis.call('HSET', offer, 'user', '')
    end
  end
  if mine then redis.call('DEL', ARGV[i]) end
end
return events
