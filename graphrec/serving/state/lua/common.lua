-- Before each script: what all of them need. Python writes numbers with repr, Lua with 17 digits: none is rounded.
local PREFIX = KEYS[1]

local function now_is(told)
  if told ~= '' then return tonumber(told) end
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local function exact(number) return string.format('%.17g', number) end

local function expire_after(key, seconds)
  redis.call('PEXPIRE', key, string.format('%d', math.max(math.floor(seconds * 1000), 1)))
end

local function horizon_key(name) return PREFIX .. ':h:' .. name end

local PARTS = {'', ':stock', ':promised', ':ends'}
